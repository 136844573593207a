-- $1 companies, $2 credential ids (as many): the presented credentials and everything of their users, or of the API
-- clients whose they are, a row each.
SELECT
    h.company_id,
    u.stream_id AS user_id,
    u.version,
    u.doc,
    p.wrapped AS person_key,
    k.id AS key_id,
    k.secret AS key_secret,
    c.version AS company_version,
    c.doc AS company_doc,
    a.doc AS client_doc,
    h.id AS held_id,
    h.user_id AS held_user_id,
    h.kind AS held_kind,
    h.secret AS held_secret,
    h.expires_at AS held_expires_at,
    h.seen_at AS held_seen_at,
    h.attributes AS held_attributes
FROM unnest($1::uuid[], $2::uuid[]) AS asked (company_id, credential_id)
INNER JOIN credential AS h ON h.company_id = asked.company_id AND h.id = asked.credential_id
LEFT JOIN user_state AS u ON u.company_id = h.company_id AND u.stream_id = h.user_id
LEFT JOIN person_key AS p ON p.company_id = u.company_id AND p.user_id = u.stream_id
LEFT JOIN company_state AS c ON c.company_id = h.company_id AND c.stream_id = h.company_id
LEFT JOIN company_state AS a ON h.kind = 'api_client' AND a.company_id = h.company_id AND a.stream_id = h.user_id
LEFT JOIN credential AS k ON k.company_id = u.company_id AND k.user_id = u.stream_id AND k.kind = 'key'
