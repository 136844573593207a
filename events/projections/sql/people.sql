-- $1 companies, $2 users, pairwise: each one's login and wrapped data key. A provider's member acts in other
-- companies' logs, so a pair names its own company.
SELECT r.company_id, r.user_id, u.doc ->> 'login', p.wrapped
FROM unnest($1::uuid[], $2::uuid[]) AS r (company_id, user_id)
LEFT JOIN user_state AS u ON u.company_id = r.company_id AND u.stream_id = r.user_id
LEFT JOIN person_key AS p ON p.company_id = r.company_id AND p.user_id = r.user_id
