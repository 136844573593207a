-- $1 company, $2 user, $3 limit: wrapped keys of persons behind that one, of all companies in order.
SELECT company_id, user_id, wrapped
FROM person_key
WHERE (company_id, user_id) > ($1, $2)
ORDER BY company_id, user_id
LIMIT $3
