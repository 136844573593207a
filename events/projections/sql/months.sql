-- $1 company, $2 months: wrapped trace keys of those that still have one.
SELECT month, wrapped FROM trace_key WHERE company_id = $1 AND month = ANY ($2)
