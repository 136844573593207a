-- $1 company, $2 report, $3 position of the last entry that counts, $4 entries looked through, $5 of how many.
INSERT INTO report_progress (company_id, report_id, position, done, total)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (company_id, report_id) DO UPDATE SET position = $3, done = $4, total = $5
