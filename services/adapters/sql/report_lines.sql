-- $1 company, $2 positions: the entries that stand there, in order.
SELECT e.position, e.entry
FROM unnest($2::bigint[]) AS r (position)
INNER JOIN event AS e ON e.company_id = $1 AND e.position = r.position
ORDER BY e.position
