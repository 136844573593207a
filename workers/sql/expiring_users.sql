-- $1 now, $2 at most: accounts whose last day went by and is not on record. Of all companies: time passes for each.
SELECT company_id, stream_id
FROM user_state
WHERE (listed).expires_at <= $1
ORDER BY (listed).expires_at
LIMIT $2
