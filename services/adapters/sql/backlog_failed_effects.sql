-- Over all companies, for metrics: effects that were given up, by kind.
SELECT kind, count(*) AS effects
FROM effect
WHERE failed_at IS NOT NULL
GROUP BY kind
