-- $1 company, $2 why.
UPDATE tree
SET refused = $2
WHERE company_id = $1 AND refused IS DISTINCT FROM $2
