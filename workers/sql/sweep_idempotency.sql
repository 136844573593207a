-- $1 company, $2 caller, $3 key: go on behind these. $4 kept before, $5 rows to look at. Of all companies, in slices like credentials.
WITH slice AS (
    SELECT company_id, caller, key, created_at
    FROM idempotency
    WHERE (company_id, caller, key) > ($1, $2, $3)
    ORDER BY company_id, caller, key
    LIMIT $5
),
gone AS (
    DELETE FROM idempotency AS i
    USING slice AS s
    WHERE i.company_id = s.company_id AND i.caller = s.caller AND i.key = s.key AND s.created_at < $4
        AND i.created_at < $4
    RETURNING 1
)
SELECT
    (SELECT count(*) FROM gone) AS gone,
    (SELECT s.company_id FROM slice AS s ORDER BY s.company_id DESC, s.caller DESC, s.key DESC LIMIT 1) AS company_id,
    (SELECT s.caller FROM slice AS s ORDER BY s.company_id DESC, s.caller DESC, s.key DESC LIMIT 1) AS caller,
    (SELECT s.key FROM slice AS s ORDER BY s.company_id DESC, s.caller DESC, s.key DESC LIMIT 1) AS key
