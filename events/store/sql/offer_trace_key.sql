-- $1 company, $2 month, $3 wrapped key: kept when there is none yet.
INSERT INTO trace_key (company_id, month, wrapped)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
