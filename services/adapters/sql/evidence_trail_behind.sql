-- $1 company, $2 position: the first row behind it.
SELECT min(position) FROM audit_trail_1 WHERE company_id = $1 AND position > $2
