-- $1 company, $2 report.
SELECT sealed FROM report_file WHERE company_id = $1 AND report_id = $2 ORDER BY part
