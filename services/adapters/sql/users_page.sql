-- $1 company, $2 role or NULL, $3 two-factor state or NULL, $4 part of login or e-mail or NULL,
-- $5 policy demands of everybody, $6 roles of whom the policy demands, $7 login and $8 id to begin after, $9 at most.
-- The effective two-factor state stands here as in events/policy.py; a test holds them against each other.
SELECT u.stream_id AS user_id, u.version, u.doc
FROM user_state AS u
WHERE u.company_id = $1
    AND NOT coalesce((u.doc ->> 'erased')::boolean, false)
    AND ($2::text IS NULL OR coalesce(u.doc ->> 'role', 'user') = $2)
    AND ($3::text IS NULL OR $3 = CASE
        WHEN u.doc ? 'key' AND u.doc -> 'key' <> 'null'::jsonb THEN 'on'
        WHEN $5 OR coalesce(u.doc ->> 'role', 'user') = ANY ($6) THEN 'enrolment_required'
        WHEN u.doc ? 'order' AND u.doc -> 'order' <> 'null'::jsonb
            AND NOT coalesce((u.doc #>> '{order,by_policy}')::boolean, false) THEN 'enrolment_required'
        ELSE 'off'
    END)
    AND ($4::text IS NULL OR position(lower($4) IN lower(u.doc ->> 'login')) > 0
        OR position(lower($4) IN lower(coalesce(u.doc ->> 'email', ''))) > 0)
    AND ($7::text IS NULL OR (lower(u.doc ->> 'login'), u.stream_id) > (lower($7), $8::uuid))
ORDER BY lower(u.doc ->> 'login'), u.stream_id
LIMIT $9
