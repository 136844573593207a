-- $1 company, $2 and $3: behind this size and origin, $4 at most.
SELECT size, origin, note
FROM checkpoint
WHERE company_id = $1 AND (size, origin) > ($2, $3)
ORDER BY size, origin
LIMIT $4
