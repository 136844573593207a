-- $1 company, $2 origin, $3 blind: kept when there is none yet.
INSERT INTO tree (company_id, origin, blind)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
