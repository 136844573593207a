-- $1 company, $2 after position, $3 at most: entries with the columns beside them.
SELECT position, stream_id, version, type, entry
FROM event
WHERE company_id = $1 AND position > $2
ORDER BY position
LIMIT $3
