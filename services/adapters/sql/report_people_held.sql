-- $1 companies, $2 people, pairwise: how many of them have a data key. Locked against their erasure until commit.
SELECT count(*)
FROM (
    SELECT p.user_id
    FROM unnest($1::uuid[], $2::uuid[]) AS r (company_id, user_id)
    INNER JOIN person_key AS p ON p.company_id = r.company_id AND p.user_id = r.user_id
    FOR KEY SHARE OF p
) AS held
