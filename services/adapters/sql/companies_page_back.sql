-- $1 name and $2 id to end before, $3 at most: all companies by name, backwards. Over all of them, for the provider.
SELECT c.company_id, c.version, c.doc
FROM company_state AS c
WHERE c.stream_id = c.company_id
    AND (c.name_key, c.company_id) < (lower($1), $2::uuid)
ORDER BY c.name_key DESC, c.company_id DESC
LIMIT $3
