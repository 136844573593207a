-- $1 projection. Over all companies, for metrics: how many are behind, how many of them stand still, by how many
-- entries the worst, and since when the oldest entry waits. The time is at the beginning of an entry; of one that is
-- missing or not ours it is the company's last.
WITH behind AS (
    SELECT l.company_id, l.at, p.stopped, coalesce(p.position, 0) AS reached, l.position AS head
    FROM company_log AS l
    LEFT JOIN projection AS p ON p.company_id = l.company_id AND p.name = $1
    WHERE l.position > coalesce(p.position, 0)
)
SELECT
    count(*) AS companies,
    count(b.stopped) AS stopped,
    coalesce(max(b.head - b.reached), 0) AS positions,
    min(coalesce(
        substring(encode(substr(v.entry, 1, 80), 'escape') FROM '"at":"([0-9]{4}-[0-9T:.-]{21}Z)"')::timestamptz, b.at
    )) AS since
FROM behind AS b
LEFT JOIN event AS v ON v.company_id = b.company_id AND v.position = b.reached + 1
