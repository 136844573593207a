-- $1 company, $2 roles: users that have one of them, with their states.
SELECT stream_id, doc
FROM user_state
WHERE company_id = $1 AND role = ANY ($2) AND NOT gone
ORDER BY stream_id
