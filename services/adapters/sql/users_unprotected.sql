-- $1 company: its users without a factor that is on.
SELECT u.stream_id, u.doc FROM user_state AS u WHERE u.company_id = $1 AND NOT u.gone AND NOT u.has_key
