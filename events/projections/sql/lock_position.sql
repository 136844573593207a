-- $1 company, $2 projection: its position, locked, so that nobody else writes rows of it until commit.
SELECT position FROM projection WHERE company_id = $1 AND name = $2 FOR NO KEY UPDATE
