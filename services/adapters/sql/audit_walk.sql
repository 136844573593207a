-- $1 company, $2 from position, $3 before position, $4 at most, $5 looked through at most, $6 type, $7 subject,
-- $8 actor, $9 address, $10 words (a tsquery): NULL where nothing is asked. Newest first.
-- CASE and not OR: of an OR the planner expects hardly any row, and sorts them all instead of walking the index.
SELECT a.position, a.type, a.at, a.subject_id, a.actor_id, a.actor_kind, a.ip, a.user_agent, a.reason, e.entry
FROM (
    SELECT w.position, w.type, w.at, w.subject_id, w.actor_id, w.actor_kind, w.ip, w.user_agent, w.reason
    FROM (
        SELECT
            t.position, t.type, t.at, t.subject_id, t.actor_id, t.actor_kind, t.ip, t.user_agent, t.reason, t.words
        FROM audit_trail_1 AS t
        WHERE t.company_id = $1 AND t.position >= $2 AND t.position < $3
        ORDER BY t.company_id DESC, t.position DESC
        LIMIT $5
    ) AS w
    WHERE CASE WHEN $6::text IS NULL THEN true ELSE w.type = $6 END
        AND CASE WHEN $7::uuid IS NULL THEN true ELSE w.subject_id = $7 END
        AND CASE WHEN $8::uuid IS NULL THEN true ELSE w.actor_id = $8 END
        AND CASE WHEN $9::text IS NULL THEN true ELSE w.ip = $9 END
        AND CASE WHEN $10::text IS NULL THEN true ELSE w.words @@ $10::tsquery END
    ORDER BY w.position DESC
    LIMIT $4
) AS a
INNER JOIN event AS e ON e.company_id = $1 AND e.position = a.position
ORDER BY a.position DESC
