-- $1 company, $2 report.
DELETE FROM report_file WHERE company_id = $1 AND report_id = $2
