-- $1 first position, $2 entries in their order, $3 companies, $4 the sizes up to which these entries reach.
-- The log of checkpoints belongs to no company.
WITH added AS (
    INSERT INTO checkpoint_entry (position, entry)
    SELECT $1 + e.ordinal - 1, e.entry
    FROM unnest($2::bytea[]) WITH ORDINALITY AS e (entry, ordinal)
)
UPDATE tree AS t
SET published_size = p.size
FROM unnest($3::uuid[], $4::bigint[]) AS p (company_id, size)
WHERE t.company_id = p.company_id
