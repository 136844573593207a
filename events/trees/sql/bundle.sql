-- $1 company, $2 first position, $3 last.
SELECT position, entry
FROM event
WHERE company_id = $1 AND position >= $2 AND position <= $3
ORDER BY position
