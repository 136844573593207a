-- $1 subject: go on behind it. $2 window began before, $3 rows to look at. Belongs to no company.
WITH slice AS (
    SELECT subject, window_from
    FROM throttle
    WHERE subject > $1
    ORDER BY subject
    LIMIT $3
),
gone AS (
    DELETE FROM throttle AS t
    USING slice AS s
    WHERE t.subject = s.subject AND s.window_from < $2 AND t.window_from < $2
    RETURNING 1
)
SELECT
    (SELECT count(*) FROM gone) AS gone,
    (SELECT s.subject FROM slice AS s ORDER BY s.subject DESC LIMIT 1) AS subject
