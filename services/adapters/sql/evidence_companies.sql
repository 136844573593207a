-- Every company with its head position: a check is of all of them.
SELECT company_id, position FROM company_log ORDER BY company_id
