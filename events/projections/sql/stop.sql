-- $1 company, $2 projection, $3 position before the entry that it cannot read, $4 why.
UPDATE projection SET stopped = $4 WHERE company_id = $1 AND name = $2 AND position = $3
