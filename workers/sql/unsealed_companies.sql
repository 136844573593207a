-- $1 also those that refuse to sign. Of all companies: whose log goes on behind its last signed checkpoint.
SELECT l.company_id
FROM company_log AS l
LEFT JOIN tree AS t ON t.company_id = l.company_id
WHERE l.position > coalesce(t.signed_size, 0) AND (t.refused IS NULL OR $1)
ORDER BY l.at
