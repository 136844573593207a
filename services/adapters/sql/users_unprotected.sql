-- $1 company: its users without a factor that is on.
SELECT u.stream_id, u.doc
FROM user_state AS u
WHERE u.company_id = $1 AND NOT (u.listed).gone AND NOT (u.listed).has_key
