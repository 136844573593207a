-- $1 the tree that is not a company's. Of all companies: signed checkpoints that are not in the log of checkpoints yet.
SELECT t.company_id, t.blind, c.note, c.size
FROM tree AS t
JOIN checkpoint AS c ON c.company_id = t.company_id AND c.size > t.published_size
WHERE t.signed_size > t.published_size AND t.company_id <> $1
ORDER BY t.company_id, c.size, c.signed_at
