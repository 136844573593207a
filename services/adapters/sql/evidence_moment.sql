-- $1 company: its head, and the database's time.
SELECT (SELECT position FROM company_log WHERE company_id = $1) AS head, now() AS moment
