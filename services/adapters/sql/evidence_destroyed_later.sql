-- $1 company, $2 projection: months whose end its trail has not reached.
SELECT convert_from(e.entry, 'UTF8')::jsonb #>> '{data,month}'
FROM event AS e
WHERE e.company_id = $1 AND e.type = 'TracesDestroyed' AND e.position > coalesce((
    SELECT p.position FROM projection AS p WHERE p.company_id = $1 AND p.name = $2
), 0)
