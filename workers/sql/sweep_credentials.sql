-- $1 company, $2 credential id: go on behind these. $3 expired before, $4 rows to look at. Of all companies, in the
-- order of the key: a look at a bounded slice, so that no index on the hot path is needed.
WITH slice AS (
    SELECT company_id, id, expires_at
    FROM credential
    WHERE (company_id, id) > ($1, $2)
    ORDER BY company_id, id
    LIMIT $4
),
gone AS (
    DELETE FROM credential AS c
    USING slice AS s
    WHERE c.company_id = s.company_id AND c.id = s.id AND s.expires_at < $3 AND c.expires_at < $3
    RETURNING 1
)
SELECT
    (SELECT count(*) FROM gone) AS gone,
    (SELECT s.company_id FROM slice AS s ORDER BY s.company_id DESC, s.id DESC LIMIT 1) AS company_id,
    (SELECT s.id FROM slice AS s ORDER BY s.company_id DESC, s.id DESC LIMIT 1) AS id
