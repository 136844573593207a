-- $1 company, $2 from position, $3 before position, $4 at most, $5 marks (a tsquery, see migration 0009): rows that
-- have all of them, newest first, with the entries themselves.
SELECT t.position, t.type, t.at, t.subject_id, t.actor_id, t.actor_kind, t.ip, t.user_agent, t.reason, e.entry
FROM audit_found($1, $5::text::tsquery, $2, $3, $4) AS f (position)
INNER JOIN audit_trail_1 AS t ON t.company_id = $1 AND t.position = f.position
INNER JOIN event AS e ON e.company_id = $1 AND e.position = f.position
ORDER BY f.position DESC
