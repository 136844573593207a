-- $1 company, $2 from position, $3 before position, $4 type, $5 subject, $6 actor, $7 address, $8 words (a tsquery):
-- NULL where nothing is asked. All rows of a few positions, newest first, with the entries themselves.
SELECT a.position, a.type, a.at, a.subject_id, a.actor_id, a.actor_kind, a.ip, a.user_agent, a.reason, e.entry
FROM (
    SELECT t.position, t.type, t.at, t.subject_id, t.actor_id, t.actor_kind, t.ip, t.user_agent, t.reason
    FROM audit_trail_1 AS t
    WHERE t.company_id = $1 AND t.position >= $2 AND t.position < $3
        AND CASE WHEN $4::text IS NULL THEN true ELSE t.type = $4 END
        AND CASE WHEN $5::uuid IS NULL THEN true ELSE t.subject_id = $5 END
        AND CASE WHEN $6::uuid IS NULL THEN true ELSE t.actor_id = $6 END
        AND CASE WHEN $7::text IS NULL THEN true ELSE t.ip = $7 END
        AND CASE WHEN $8::text IS NULL THEN true ELSE t.words @@ $8::tsquery END
    ORDER BY t.company_id DESC, t.position DESC
) AS a
INNER JOIN event AS e ON e.company_id = $1 AND e.position = a.position
ORDER BY a.position DESC
