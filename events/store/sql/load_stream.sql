-- $1 company, $2 stream: version and state of one of the company's own streams.
SELECT version, doc FROM company_state WHERE company_id = $1 AND stream_id = $2
