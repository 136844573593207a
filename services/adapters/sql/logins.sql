-- $1 companies, $2 users, pairwise: today's logins. A provider's member acts in other companies' logs, so a pair names
-- its own company.
SELECT r.company_id, r.user_id, u.doc ->> 'login' AS login
FROM unnest($1::uuid[], $2::uuid[]) AS r (company_id, user_id)
INNER JOIN user_state AS u ON u.company_id = r.company_id AND u.stream_id = r.user_id
