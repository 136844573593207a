-- Everybody who is erased, of every company.
SELECT u.company_id, u.stream_id
FROM user_state AS u
WHERE (u.listed).gone
