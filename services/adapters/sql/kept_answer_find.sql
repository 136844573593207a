-- $1 company, $2 caller, $3 key: a kept answer and whose key seals it.
SELECT i.digest, i.status, i.answer, i.subject_id, p.wrapped
FROM idempotency AS i
LEFT JOIN person_key AS p ON p.company_id = i.company_id AND p.user_id = i.subject_id
WHERE i.company_id = $1 AND i.caller = $2 AND i.key = $3
