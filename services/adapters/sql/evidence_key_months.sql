-- $1 company: months whose traces have a key.
SELECT month FROM trace_key WHERE company_id = $1
