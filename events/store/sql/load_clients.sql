-- $1 company: its API clients that are not revoked, each with its token where that lives.
SELECT
    s.stream_id AS client_id,
    s.doc,
    k.id,
    k.user_id,
    k.kind,
    k.secret,
    k.expires_at,
    k.seen_at,
    k.last_step,
    k.attributes
FROM company_state AS s
LEFT JOIN credential AS k ON k.company_id = s.company_id AND k.user_id = s.stream_id AND k.kind = 'api_client'
WHERE s.company_id = $1 AND s.doc ? 'scopes' AND NOT coalesce((s.doc ->> 'revoked')::boolean, false)
ORDER BY s.doc ->> 'created_at', s.stream_id
