-- $1 company, $2 request id: the last fact of a request that has just ended.
SELECT e.position
FROM company_log AS l
JOIN event AS e ON e.company_id = l.company_id AND e.position > l.position - 2000
WHERE l.company_id = $1 AND position($2::bytea IN e.entry) > 0
ORDER BY e.position DESC
LIMIT 1
