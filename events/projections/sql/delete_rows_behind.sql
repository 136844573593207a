-- $1 company, $2 position of its trail.
WITH gone AS (
    DELETE FROM audit_trail_1 WHERE company_id = $1 AND position > $2 RETURNING 1
)
SELECT count(*) FROM gone
