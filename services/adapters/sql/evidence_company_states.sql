-- $1 company: states of its own streams; they have no authority.
SELECT stream_id, version, 0 AS authority, doc FROM company_state WHERE company_id = $1 ORDER BY stream_id
