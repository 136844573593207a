-- $1 company, $2 size, $3 origin, $4 note, $5 signed at. Signing twice gives the same note.
WITH signed AS (
    INSERT INTO checkpoint (company_id, size, origin, note, signed_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING
)
UPDATE tree
SET signed_size = $2, refused = NULL
WHERE company_id = $1 AND origin = $3 AND signed_size < $2
