-- $1 company: states of users.
SELECT stream_id, version, authority, doc FROM user_state WHERE company_id = $1 ORDER BY stream_id
