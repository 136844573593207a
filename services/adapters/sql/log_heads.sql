-- How far every company's log is, and under which name its tree is signed, where it has one.
SELECT l.company_id, l.position, t.origin
FROM company_log AS l
LEFT JOIN tree AS t ON t.company_id = l.company_id
