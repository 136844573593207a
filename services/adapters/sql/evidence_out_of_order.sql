-- $1 company: streams whose versions are not 1, 2, 3 … in the order of positions, with the first bad one.
SELECT n.stream_id, min(n.position)
FROM (
    SELECT stream_id, position, version, row_number() OVER (PARTITION BY stream_id ORDER BY position) AS number
    FROM event
    WHERE company_id = $1
) AS n
WHERE n.version <> n.number
GROUP BY n.stream_id
ORDER BY 2
LIMIT 100
