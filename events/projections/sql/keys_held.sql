-- $1 companies, $2 users, pairwise: how many of them still have a data key.
SELECT count(*)
FROM unnest($1::uuid[], $2::uuid[]) AS r (company_id, user_id)
INNER JOIN person_key AS p ON p.company_id = r.company_id AND p.user_id = r.user_id
