-- $1 company, $2 roles but not `user`: users that have one of them, with their states.
SELECT stream_id, doc
FROM user_state
WHERE company_id = $1 AND (listed).role = ANY ($2) AND (listed).role <> 'user' AND NOT (listed).gone
ORDER BY stream_id
