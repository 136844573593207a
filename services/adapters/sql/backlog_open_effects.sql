-- Over all companies, for metrics: open effects by kind, and when the oldest fact was recorded that waits for one.
-- `due_at` moves with every try; positions do not, so the first of each company is enough to look at.
WITH waiting AS (
    SELECT kind, company_id, count(*) AS effects, min(position) AS position
    FROM effect
    WHERE done_at IS NULL AND failed_at IS NULL
    GROUP BY kind, company_id
)
SELECT
    w.kind,
    sum(w.effects)::bigint AS effects,
    min(
        substring(encode(substr(v.entry, 1, 80), 'escape') FROM '"at":"([0-9]{4}-[0-9T:.-]{21}Z)"')::timestamptz
    ) AS since
FROM waiting AS w
LEFT JOIN event AS v ON v.company_id = w.company_id AND v.position = w.position
GROUP BY w.kind
