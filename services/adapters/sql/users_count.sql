-- $1 company, $2 role or NULL, $3 part of login or e-mail or NULL, $4 roles of whom the policy demands a factor now,
-- $5 roles that met a policy after $6 where their demands count from $8 on, $6 the time before which a grace is over,
-- $7 now, $8 times, one for each of $5: how many users stand how, and a few of those who are shut out.
-- The effective two-factor state stands here as in events/policy.py; a test holds them against each other.
SELECT f.state, f.shut_out, f.exempt, f.active, count(*) AS users, (array_agg(f.stream_id))[1:5] AS some
FROM (
    SELECT
        s.stream_id,
        e.state,
        coalesce((s.doc #>> '{ladder,until}')::timestamptz > $7, false)
        OR (e.state <> 'off' AND coalesce((s.doc #>> '{ladder,disabled}')::boolean, false))
        OR (e.state = 'enrolment_required' AND coalesce((s.doc #>> '{order,expires_at}')::timestamptz <= $7, false))
            AS shut_out,
        coalesce(
            e.state = 'off' AND (s.listed).override = 'exempt' AND coalesce((s.listed).override_until > $7, true), false
        ) AS exempt,
        NOT coalesce((s.doc ->> 'deactivated')::boolean, false)
        AND coalesce((s.doc ->> 'activation_at')::timestamptz <= $7, true)
        AND coalesce((s.doc ->> 'expiration_at')::timestamptz > $7, true) AS active
    FROM user_state AS s
    CROSS JOIN LATERAL (SELECT CASE
        WHEN (s.listed).has_key THEN 'on'
        WHEN (s.listed).ordered THEN 'enrolment_required'
        WHEN (s.listed).override = 'required' AND coalesce((s.listed).override_until > $7, true)
            THEN 'enrolment_required'
        WHEN (s.listed).override = 'exempt' AND coalesce((s.listed).override_until > $7, true) THEN 'off'
        WHEN (s.listed).role <> ALL ($4::text[]) THEN 'off'
        WHEN (s.listed).policy_met_at > $6 THEN 'off'
        WHEN (s.listed).policy_met_at IS NULL AND (s.listed).counts_from > $6 THEN 'off'
        WHEN (s.listed).policy_met_at IS NULL
            AND (s.listed).counts_from >= ($8::timestamptz[])[array_position($5::text[], (s.listed).role)]
            THEN 'off'
        ELSE 'enrolment_required'
    END AS state) AS e
    WHERE s.company_id = $1
        AND NOT (s.listed).gone
        AND ($2::text IS NULL OR (s.listed).role = $2)
        AND (
            $3::text IS NULL
            OR position((SELECT lower($3)) IN (s.listed).login_key) > 0
            OR position((SELECT lower($3)) IN (s.listed).email_key) > 0
        )
) AS f
GROUP BY f.state, f.shut_out, f.exempt, f.active
