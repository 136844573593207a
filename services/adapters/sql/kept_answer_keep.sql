-- $1 company, $2 caller, $3 key, $4 status, $5 sealed answer or NULL.
UPDATE idempotency
SET status = $4, answer = $5
WHERE company_id = $1 AND caller = $2 AND key = $3 AND status IS NULL
