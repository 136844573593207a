-- $1 company, $2 after position, $3 up to: rows of the audit trail as they stand.
SELECT
    position, type, at, subject_id, actor_id, actor_kind, ip, user_agent, reason,
    array_to_string(tsvector_to_array(words), ' ') AS words
FROM audit_trail_1
WHERE company_id = $1 AND position > $2 AND position <= $3
ORDER BY position
