-- $1 company, $2 user: state, data key, key credential and company of one user.
SELECT
    u.company_id,
    u.stream_id AS user_id,
    u.version,
    u.doc,
    p.wrapped AS person_key,
    k.id AS key_id,
    k.secret AS key_secret,
    c.version AS company_version,
    c.doc AS company_doc
FROM user_state AS u
LEFT JOIN person_key AS p ON p.company_id = u.company_id AND p.user_id = u.stream_id
LEFT JOIN company_state AS c ON c.company_id = u.company_id AND c.stream_id = u.company_id
LEFT JOIN credential AS k ON k.company_id = u.company_id AND k.user_id = u.stream_id AND k.kind = 'key'
WHERE u.company_id = $1 AND u.stream_id = $2
