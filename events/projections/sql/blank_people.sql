-- $1 company, $2 erased users: what the trail keeps of them is what the log keeps, ids and times.
UPDATE audit_trail_1
SET ip = NULL, user_agent = NULL, reason = NULL, words = NULL
WHERE company_id = $1 AND (subject_id = ANY ($2) OR actor_id = ANY ($2))
