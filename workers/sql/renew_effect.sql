-- $1 company, $2 position, $3 kind, $4 target, $5 attempts (the fencing token), $6 lease until. No row: it is lost.
UPDATE effect
SET lease_until = $6
WHERE company_id = $1 AND position = $2 AND kind = $3 AND target = $4 AND attempts = $5
    AND done_at IS NULL AND failed_at IS NULL
RETURNING 1
