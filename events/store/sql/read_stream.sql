-- $1 company, $2 stream, $3 from version, $4 at most: entries of one stream in order.
SELECT position, type, entry
FROM event
WHERE company_id = $1 AND stream_id = $2 AND version >= $3
ORDER BY version
LIMIT $4
