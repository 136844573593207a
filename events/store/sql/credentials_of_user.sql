-- $1 company, $2 user, $3 kinds.
SELECT id, user_id, kind, secret, expires_at, seen_at, last_step, attributes
FROM credential
WHERE company_id = $1 AND user_id = $2 AND kind = ANY ($3)
