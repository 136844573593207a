-- $1 name, $2 wrapped key: kept when there is none yet; belongs to no company.
INSERT INTO installation_key (name, wrapped)
VALUES ($1, $2)
ON CONFLICT DO NOTHING
