-- $1 companies, $2 actors or subjects, pairwise: today's logins of people and names of API clients. A provider's member
-- acts in other companies' logs, so a pair names its own company.
SELECT r.company_id, r.user_id, coalesce(u.doc ->> 'login', c.doc ->> 'name') AS login
FROM unnest($1::uuid[], $2::uuid[]) AS r (company_id, user_id)
LEFT JOIN user_state AS u ON u.company_id = r.company_id AND u.stream_id = r.user_id
LEFT JOIN company_state AS c ON c.company_id = r.company_id AND c.stream_id = r.user_id
