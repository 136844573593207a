-- $1 company, $2 projection: how far it is.
SELECT position, stopped FROM projection WHERE company_id = $1 AND name = $2
