-- $1 company: its users without a factor that is on; found in the index alone, as for a page, then their states are read.
WITH found AS MATERIALIZED (
    SELECT s.stream_id
    FROM user_state AS s
    WHERE s.company_id = $1 AND NOT (s.listed).gone AND NOT (s.listed).has_key
)
SELECT u.stream_id, u.doc
FROM found
INNER JOIN user_state AS u ON u.company_id = $1 AND u.stream_id = found.stream_id
