-- $1 company, $2 behind this user, $3 how many: users who are not erased and have something that a restore voids. A state
-- leaves out what is empty.
SELECT u.stream_id
FROM user_state AS u
WHERE u.company_id = $1 AND u.stream_id > $2 AND NOT (u.listed).gone
    AND u.doc ?| ARRAY['key', 'pending', 'sessions', 'sign_ins', 'recovery_codes', 'break_glass']
ORDER BY u.stream_id
LIMIT $3
