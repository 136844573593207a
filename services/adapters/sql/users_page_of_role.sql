-- $1 company, $2 role, $3 two-factor state or NULL, $4 part of login or e-mail or NULL, $5 roles of whom the policy
-- demands a factor now, $6 roles that met a policy after $7 where their demands count from $12 on, $7 the time before
-- which a grace is over, $8 now, $9 login and $10 id to begin after, $11 at most, $12 times, one for each of $6.
-- Of one role, by its index. The effective two-factor state stands here as in events/policy.py; a test holds them against each other.
SELECT u.stream_id AS user_id, u.version, u.doc
FROM user_state AS u
WHERE u.company_id = $1
    AND NOT u.gone
    AND u.role = $2
    AND ($3::text IS NULL OR $3 = CASE
        WHEN u.has_key THEN 'on'
        WHEN u.ordered THEN 'enrolment_required'
        WHEN u.override = 'required' AND (u.override_until IS NULL OR u.override_until > $8) THEN 'enrolment_required'
        WHEN u.override = 'exempt' AND (u.override_until IS NULL OR u.override_until > $8) THEN 'off'
        WHEN u.role <> ALL ($5::text[]) THEN 'off'
        WHEN u.policy_met_at IS NOT NULL AND u.policy_met_at > $7 THEN 'off'
        WHEN u.policy_met_at IS NULL AND u.counts_from > $7 THEN 'off'
        WHEN u.policy_met_at IS NULL AND u.counts_from >= ($12::timestamptz[])[array_position($6::text[], u.role)]
            THEN 'off'
        ELSE 'enrolment_required'
    END)
    AND ($4::text IS NULL OR position(lower($4) IN u.login_key) > 0 OR position(lower($4) IN u.email_key) > 0)
    AND ($9::text IS NULL OR (u.login_key, u.stream_id) > (lower($9), $10::uuid))
ORDER BY u.role, u.login_key, u.stream_id
LIMIT $11
