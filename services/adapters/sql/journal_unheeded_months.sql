-- $1 companies, $2 months, pairs whose keys the journal has as destroyed: one that is here.
SELECT t.company_id, t.month
FROM unnest($1::uuid[], $2::text[]) AS j (company_id, month)
JOIN trace_key AS t ON t.company_id = j.company_id AND t.month = j.month
LIMIT 1
