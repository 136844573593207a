-- $1 company, $2 month, $3 limit: wrapped keys of months behind that one, of all companies in order.
SELECT company_id, month, wrapped
FROM trace_key
WHERE (company_id, month) > ($1, $2)
ORDER BY company_id, month
LIMIT $3
