-- $1 company, $2 after size, $3 at most.
SELECT size, note, signed_at
FROM checkpoint
WHERE company_id = $1 AND size > $2
ORDER BY size, signed_at
LIMIT $3
