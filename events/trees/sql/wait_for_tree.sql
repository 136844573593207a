-- $1 company. The same lock as lock_tree, waited for.
SELECT origin, blind, size, edge, signed_size
FROM tree
WHERE company_id = $1
FOR NO KEY UPDATE
