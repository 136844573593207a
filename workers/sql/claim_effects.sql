-- $1 kind, $2 now, $3 lease until, $4 at most. Of all companies: the queue is one, and its rows name their company.
-- The lock is taken where nobody else holds it; `attempts` is the fencing token of what is claimed here.
WITH due AS (
    SELECT company_id, position, kind, target
    FROM effect
    WHERE kind = $1 AND due_at <= $2 AND done_at IS NULL AND failed_at IS NULL
        AND (lease_until IS NULL OR lease_until <= $2)
    ORDER BY due_at
    LIMIT $4
    FOR UPDATE SKIP LOCKED
),
claimed AS (
    UPDATE effect AS e
    SET attempts = e.attempts + 1, lease_until = $3
    FROM due AS d
    WHERE e.company_id = d.company_id AND e.position = d.position AND e.kind = d.kind AND e.target = d.target
    RETURNING e.company_id, e.position, e.kind, e.target, e.attempts, e.outcomes
)
SELECT c.company_id, c.position, c.kind, c.target, c.attempts, c.outcomes, v.type, v.entry
FROM claimed AS c
INNER JOIN event AS v ON v.company_id = c.company_id AND v.position = c.position
