-- $1 company, $2 before position, $3 at most, $4 type, $5 subject, $6 actor, $7 from (inclusive), $8 to (exclusive),
-- $9 address, $10 words (a tsquery): NULL where nothing is asked. Of one actor, by its index.
SELECT a.position, a.type, a.at, a.subject_id, a.actor_id, a.actor_kind, a.ip, a.user_agent, a.reason, e.entry
FROM (
    SELECT t.position, t.type, t.at, t.subject_id, t.actor_id, t.actor_kind, t.ip, t.user_agent, t.reason
    FROM audit_trail_1 AS t
    WHERE t.company_id = $1 AND t.position < $2
        AND CASE WHEN $4::text IS NULL THEN true ELSE t.type = $4 END
        AND CASE WHEN $5::uuid IS NULL THEN true ELSE t.subject_id = $5 END
        AND t.actor_id = $6
        AND CASE WHEN $7::timestamptz IS NULL THEN true ELSE t.at >= $7 END
        AND CASE WHEN $8::timestamptz IS NULL THEN true ELSE t.at < $8 END
        AND CASE WHEN $9::text IS NULL THEN true ELSE t.ip = $9 END
        AND CASE WHEN $10::text IS NULL THEN true ELSE t.words @@ $10::tsquery END
    ORDER BY t.actor_id DESC, t.position DESC
    LIMIT $3
) AS a
INNER JOIN event AS e ON e.company_id = $1 AND e.position = a.position
ORDER BY a.position DESC
