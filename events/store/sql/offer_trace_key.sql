-- $1 company, $2 month, $3 wrapped key: kept when there is none yet, and none was destroyed. Waits for an append that
-- runs in this company.
SELECT offer_trace_key($1, $2, $3)
