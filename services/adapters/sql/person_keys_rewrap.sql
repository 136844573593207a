-- $1 companies, $2 users, $3 as they were, $4 as they are to be (as many each): who was erased meanwhile stays erased.
UPDATE person_key AS k
SET wrapped = n.after
FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[]) AS n (company_id, user_id, before, after)
WHERE k.company_id = n.company_id AND k.user_id = n.user_id AND k.wrapped = n.before
