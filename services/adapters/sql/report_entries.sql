-- $1 company, $2 after position, $3 up to, $4 types: entries of these types in order.
SELECT position, type, entry
FROM event
WHERE company_id = $1 AND position > $2 AND position <= $3 AND type = ANY ($4)
ORDER BY position
