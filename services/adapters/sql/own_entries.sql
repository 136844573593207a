-- $1 company, $2 user, $3 behind this position, $4 how many: entries about the user or of what the user did, in order.
SELECT e.position, e.type, e.entry
FROM (
    (
        SELECT t.position
        FROM audit_trail_1 AS t
        WHERE t.company_id = $1 AND t.subject_id = $2 AND t.position > $3
        ORDER BY t.subject_id, t.position
        LIMIT $4
    )
    UNION
    (
        SELECT t.position
        FROM audit_trail_1 AS t
        WHERE t.company_id = $1 AND t.actor_id = $2 AND t.position > $3
        ORDER BY t.actor_id, t.position
        LIMIT $4
    )
    ORDER BY position
    LIMIT $4
) AS own
INNER JOIN event AS e ON e.company_id = $1 AND e.position = own.position
ORDER BY e.position
