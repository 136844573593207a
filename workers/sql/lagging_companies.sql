-- $1 projection, $2 also those that stopped. Of all companies: who is behind.
SELECT l.company_id, coalesce(p.position, 0) AS position, l.position AS head
FROM company_log AS l
LEFT JOIN projection AS p ON p.company_id = l.company_id AND p.name = $1
WHERE l.position > coalesce(p.position, 0) AND (p.stopped IS NULL OR $2)
ORDER BY l.at
