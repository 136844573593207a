-- $1 company, $2 month: its traces can no longer be read.
DELETE FROM trace_key
WHERE company_id = $1 AND month = $2
