-- $1 company, $2 position, $3 kind, $4 target, $5 attempts (the fencing token), $6 due again at, $7 last error.
UPDATE effect
SET lease_until = NULL, due_at = $6, last_error = $7
WHERE company_id = $1 AND position = $2 AND kind = $3 AND target = $4 AND attempts = $5
    AND done_at IS NULL AND failed_at IS NULL
