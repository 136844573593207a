-- $1 company.
SELECT c.size, c.note, c.signed_at
FROM tree AS t
JOIN checkpoint AS c ON c.company_id = t.company_id AND c.size = t.signed_size AND c.origin = t.origin
WHERE t.company_id = $1
