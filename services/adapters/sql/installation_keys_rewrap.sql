-- $1 names, $2 as they were, $3 as they are to be (as many each).
UPDATE installation_key AS k
SET wrapped = n.after
FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS n (name, before, after)
WHERE k.name = n.name AND k.wrapped = n.before
