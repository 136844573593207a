-- $1 company: its credentials, user by user; not what they hold.
SELECT user_id, id, kind, expires_at, last_step FROM credential WHERE company_id = $1 ORDER BY user_id, kind, id
