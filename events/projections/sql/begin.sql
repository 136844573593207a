-- $1 company, $2 projection: begins at nothing, unless it has begun.
INSERT INTO projection (company_id, name, position) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING
