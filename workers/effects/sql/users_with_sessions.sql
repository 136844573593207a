-- $1 company, $2 role or NULL for all, $3 after id, $4 at most: users whose state names sessions.
SELECT stream_id
FROM user_state
WHERE company_id = $1 AND ($2::text IS NULL OR (listed).role = $2) AND doc ? 'sessions' AND stream_id > $3
ORDER BY stream_id
LIMIT $4
