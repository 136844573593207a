-- $1 company, $2 number of the first leaf, $3 leaf hashes, $4 new size, $5 new edge,
-- $6, $7, $8 levels, numbers and hashes of new nodes. Under the lock of lock_tree.
WITH leaves AS (
    INSERT INTO tree_leaves (company_id, first, hashes)
    VALUES ($1, $2, $3)
), nodes AS (
    INSERT INTO tree_node (company_id, level, number, hash)
    SELECT $1, n.level, n.number, n.hash
    FROM unnest($6::integer[], $7::bigint[], $8::bytea[]) AS n (level, number, hash)
)
UPDATE tree
SET size = $4, edge = $5
WHERE company_id = $1
