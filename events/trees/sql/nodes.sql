-- $1 company, $2 level, $3 first number, $4 end.
SELECT number, hash
FROM tree_node
WHERE company_id = $1 AND level = $2 AND number >= $3 AND number < $4
ORDER BY number
