-- $1 companies, $2 people or API clients, pairwise: login or name, and a person's wrapped data key. A provider's member
-- acts in other companies' logs, so a pair names its own company.
SELECT r.company_id, r.user_id, coalesce(u.doc ->> 'login', c.doc ->> 'name') AS label, p.wrapped
FROM unnest($1::uuid[], $2::uuid[]) AS r (company_id, user_id)
LEFT JOIN user_state AS u ON u.company_id = r.company_id AND u.stream_id = r.user_id
LEFT JOIN company_state AS c ON c.company_id = r.company_id AND c.stream_id = r.user_id
LEFT JOIN person_key AS p ON p.company_id = r.company_id AND p.user_id = r.user_id
