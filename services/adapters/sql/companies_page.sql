-- $1 name and $2 id to begin after, $3 at most: all companies by name. Over all of them, for the provider.
SELECT c.company_id, c.version, c.doc
FROM company_state AS c
WHERE c.stream_id = c.company_id
    AND (c.name_key, c.company_id) > (lower($1), $2::uuid)
ORDER BY c.name_key, c.company_id
LIMIT $3
