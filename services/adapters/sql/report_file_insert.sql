-- $1 company, $2 report, $3 number of the part from 0, $4 its sealed bytes.
INSERT INTO report_file (company_id, report_id, part, sealed) VALUES ($1, $2, $3, $4)
