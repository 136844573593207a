-- $1 company: all others, when it is the provider, whose members act in their logs. Of all companies by its nature.
SELECT l.company_id
FROM company_log AS l
WHERE l.company_id <> $1 AND EXISTS (
    SELECT FROM company_state AS c
    WHERE c.company_id = $1 AND c.stream_id = $1 AND (c.doc ->> 'provider')::boolean
)
