-- $1 company, $2 after position, $3 at most.
SELECT position, entry
FROM event
WHERE company_id = $1 AND position > $2
ORDER BY position
LIMIT $3
