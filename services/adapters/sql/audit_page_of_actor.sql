-- $1 company, $2 before position, $3 at most, $4 type, $5 subject, $6 actor, $7 from (inclusive), $8 to (exclusive),
-- $9 address, $10 words (a tsquery): NULL where nothing is asked. Of one actor, by its index.
SELECT a.position, a.type, a.at, a.subject_id, a.actor_id, a.actor_kind, a.ip, a.user_agent, a.reason, e.entry
FROM (
    SELECT t.position, t.type, t.at, t.subject_id, t.actor_id, t.actor_kind, t.ip, t.user_agent, t.reason
    FROM audit_trail_1 AS t
    WHERE t.company_id = $1 AND t.position < $2
        AND ($4::text IS NULL OR t.type = $4)
        AND ($5::uuid IS NULL OR t.subject_id = $5)
        AND t.actor_id = $6
        AND ($7::timestamptz IS NULL OR t.at >= $7)
        AND ($8::timestamptz IS NULL OR t.at < $8)
        AND ($9::text IS NULL OR t.ip = $9)
        AND ($10::text IS NULL OR t.words @@ $10::tsquery)
    ORDER BY t.actor_id DESC, t.position DESC
    LIMIT $3
) AS a
INNER JOIN event AS e ON e.company_id = $1 AND e.position = a.position
ORDER BY a.position DESC
