-- $1 company, $2 caller, $3 key, $4 digest, $5 now: no row when the key is taken. Of calls that are about nobody alone.
INSERT INTO idempotency (company_id, caller, key, digest, created_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
RETURNING 1
