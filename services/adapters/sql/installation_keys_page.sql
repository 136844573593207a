-- $1 name, $2 limit: wrapped keys of the installation behind that one.
SELECT name, wrapped
FROM installation_key
WHERE name > $1
ORDER BY name
LIMIT $2
