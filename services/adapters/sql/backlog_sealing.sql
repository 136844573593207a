-- Over all companies, for metrics: how many logs go on behind their last signed checkpoint, how many of them refuse to
-- sign, and since when the oldest entry waits.
WITH behind AS (
    SELECT l.company_id, l.at, t.refused, coalesce(t.signed_size, 0) AS reached
    FROM company_log AS l
    LEFT JOIN tree AS t ON t.company_id = l.company_id
    WHERE l.position > coalesce(t.signed_size, 0)
)
SELECT
    count(*) AS companies,
    count(b.refused) AS refused,
    min(coalesce(
        substring(encode(substr(v.entry, 1, 80), 'escape') FROM '"at":"([0-9]{4}-[0-9T:.-]{21}Z)"')::timestamptz, b.at
    )) AS since
FROM behind AS b
LEFT JOIN event AS v ON v.company_id = b.company_id AND v.position = b.reached + 1
