-- $1 company.
SELECT origin, blind, size, edge, signed_size, refused
FROM tree
WHERE company_id = $1
