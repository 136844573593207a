-- $1 company, $2 role or NULL, $3 part of login or e-mail or NULL, $4 roles of whom the policy demands a factor now,
-- $5 roles that met a policy after $6 where their demands count from $8 on, $6 the time before which a grace is over,
-- $7 now, $8 times, one for each of $5: how many users stand how, and a few of those who are shut out.
-- All of it in the index alone. The effective two-factor state and who is shut out stand here as in events/policy.py; a
-- test holds them against each other. Four answers in one number, behind OFFSET: else the planner expects as many groups
-- as rows, and sorts them all.
SELECT
    (ARRAY['off', 'enrolment_required', 'on'])[1 + g.answers / 8] AS state,
    g.answers & 4 > 0 AS shut_out,
    g.answers & 2 > 0 AS exempt,
    g.answers & 1 > 0 AS active,
    g.users,
    coalesce(g.some[1:5], '{}') AS some
FROM (
    SELECT f.answers, count(*) AS users, array_agg(f.stream_id) FILTER (WHERE f.answers & 4 > 0) AS some
    FROM (
        SELECT
            s.stream_id,
            8 * e.state
            + CASE
                WHEN (s.listed).locked_until > $7
                    OR ((s.listed).closed AND e.state > 0)
                    OR ((s.listed).order_expires_at <= $7 AND e.state = 1) THEN 4
                ELSE 0
            END
            + CASE
                WHEN (s.listed).override = 'exempt' AND coalesce((s.listed).override_until > $7, true)
                    AND e.state = 0 THEN 2
                ELSE 0
            END
            + CASE
                WHEN (s.listed).deactivated OR (s.listed).activation_at > $7 OR (s.listed).expiration_at <= $7 THEN 0
                ELSE 1
            END AS answers
        FROM user_state AS s
        CROSS JOIN LATERAL (SELECT CASE
            WHEN (s.listed).has_key THEN 2
            WHEN (s.listed).ordered THEN 1
            WHEN (s.listed).override = 'required' AND coalesce((s.listed).override_until > $7, true) THEN 1
            WHEN (s.listed).override = 'exempt' AND coalesce((s.listed).override_until > $7, true) THEN 0
            WHEN (s.listed).role <> ALL ($4::text[]) THEN 0
            WHEN (s.listed).policy_met_at > $6 THEN 0
            WHEN (s.listed).policy_met_at IS NULL AND (s.listed).counts_from > $6 THEN 0
            WHEN (s.listed).policy_met_at IS NULL
                AND (s.listed).counts_from >= ($8::timestamptz[])[array_position($5::text[], (s.listed).role)]
                THEN 0
            ELSE 1
        END AS state) AS e
        WHERE s.company_id = $1
            AND NOT (s.listed).gone
            AND ($2::text IS NULL OR (s.listed).role = $2)
            AND (
                $3::text IS NULL
                OR position((SELECT lower($3)) IN (s.listed).login_key) > 0
                OR position((SELECT lower($3)) IN (s.listed).email_key) > 0
            )
        OFFSET 0
    ) AS f
    GROUP BY f.answers
) AS g
