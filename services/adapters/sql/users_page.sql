-- $1 company, $2 role or NULL, $3 two-factor state, or locked, or NULL, $4 part of login or e-mail or NULL, $5 roles of
-- whom the policy demands a factor now, $6 roles that met a policy after $7 where their demands count from $12 on, $7 the
-- time before which a grace is over, $8 now, $9 login and $10 id to begin after, $11 at most, $12 times, one for each of $6.
-- Whom to show is found in the index alone, then their states are read; what a SELECT of its own asks is computed once.
-- The effective two-factor state stands here as in events/policy.py; a test holds them against each other.
SELECT u.stream_id AS user_id, u.version, u.doc
FROM (
    SELECT s.stream_id, (s.listed).login_key AS login_key
    FROM user_state AS s
    CROSS JOIN LATERAL (SELECT CASE
        WHEN (s.listed).has_key THEN 'on'
        WHEN (s.listed).ordered THEN 'enrolment_required'
        WHEN (s.listed).override = 'required' AND coalesce((s.listed).override_until > $8, true)
            THEN 'enrolment_required'
        WHEN (s.listed).override = 'exempt' AND coalesce((s.listed).override_until > $8, true) THEN 'off'
        WHEN (s.listed).role <> ALL ($5::text[]) THEN 'off'
        WHEN (s.listed).policy_met_at > $7 THEN 'off'
        WHEN (s.listed).policy_met_at IS NULL AND (s.listed).counts_from > $7 THEN 'off'
        WHEN (s.listed).policy_met_at IS NULL
            AND (s.listed).counts_from >= ($12::timestamptz[])[array_position($6::text[], (s.listed).role)]
            THEN 'off'
        ELSE 'enrolment_required'
    END AS state) AS e
    WHERE s.company_id = $1
        AND NOT (s.listed).gone
        AND ((s.listed).login_key, s.stream_id) > (lower($9), $10::uuid)
        AND ($2::text IS NULL OR (s.listed).role = $2)
        AND CASE
            WHEN $3::text IS NULL THEN true
            WHEN $3 <> 'locked' THEN e.state = $3
            ELSE coalesce((s.listed).locked_until > $8, false)
                OR (e.state <> 'off' AND (s.listed).closed)
                OR (e.state = 'enrolment_required' AND coalesce((s.listed).order_expires_at <= $8, false))
        END
        AND (
            $4::text IS NULL
            OR position((SELECT lower($4)) IN (s.listed).login_key) > 0
            OR position((SELECT lower($4)) IN (s.listed).email_key) > 0
        )
    ORDER BY (s.listed).login_key, s.stream_id
    LIMIT $11
) AS found
INNER JOIN user_state AS u ON u.company_id = $1 AND u.stream_id = found.stream_id
ORDER BY found.login_key, found.stream_id
