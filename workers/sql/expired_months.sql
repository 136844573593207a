-- $1 month, $2 at most: companies with a trace key of a month before, the oldest first. Of all companies by its nature.
SELECT company_id, month
FROM trace_key
WHERE month < $1
ORDER BY month
LIMIT $2
