-- $1 companies, $2 users, pairs that the journal has as erased: one that this database has not.
SELECT j.company_id, j.user_id
FROM unnest($1::uuid[], $2::uuid[]) AS j (company_id, user_id)
LEFT JOIN user_state AS u ON u.company_id = j.company_id AND u.stream_id = j.user_id
WHERE u.stream_id IS NULL OR NOT (u.listed).gone
LIMIT 1
