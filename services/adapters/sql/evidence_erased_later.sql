-- $1 company, $2 projection: users of this company, or of the provider, whose erasure their own company's trail has not
-- reached. Of other companies too, because the provider's members act in this one's log.
SELECT e.stream_id
FROM company_log AS l
LEFT JOIN projection AS p ON p.company_id = l.company_id AND p.name = $2
INNER JOIN event AS e ON e.company_id = l.company_id AND e.position > coalesce(p.position, 0)
WHERE e.type = 'UserErased' AND (
    l.company_id = $1 OR EXISTS (
        SELECT FROM company_state AS c
        WHERE c.company_id = l.company_id AND c.stream_id = l.company_id AND (c.doc ->> 'provider')::boolean
    )
)
