-- $1 company: when its newest entry was recorded.
SELECT at FROM company_log WHERE company_id = $1
