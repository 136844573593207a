-- $1 company, $2 position: the first signed checkpoint that covers it.
SELECT size, note, signed_at
FROM checkpoint
WHERE company_id = $1 AND size >= $2
ORDER BY size, signed_at
LIMIT 1
