-- $1 company, $2 month: the wrapped data key of one month's traces.
SELECT wrapped FROM trace_key WHERE company_id = $1 AND month = $2
