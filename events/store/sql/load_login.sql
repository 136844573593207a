-- $1 login key, $2 keyed hash of the caller's address: the account of a login with its password, one row.
SELECT
    u.company_id,
    u.stream_id AS user_id,
    u.version,
    u.doc,
    p.wrapped AS person_key,
    NULL::uuid AS key_id,
    NULL::bytea AS key_secret,
    c.version AS company_version,
    c.doc AS company_doc,
    w.secret AS password,
    a.address IS NOT NULL AS address_is_known
FROM login AS l
INNER JOIN user_state AS u ON u.company_id = l.company_id AND u.stream_id = l.user_id
LEFT JOIN person_key AS p ON p.company_id = u.company_id AND p.user_id = u.stream_id
LEFT JOIN company_state AS c ON c.company_id = u.company_id AND c.stream_id = u.company_id
LEFT JOIN credential AS w ON w.company_id = u.company_id AND w.user_id = u.stream_id AND w.kind = 'password'
LEFT JOIN known_address AS a ON a.company_id = u.company_id AND a.user_id = u.stream_id AND a.address = $2
WHERE l.login_key = $1
