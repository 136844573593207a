-- $1 company, $2 credential, $3 time: remember when a session or an API client was last used. Not a fact, not in the log.
UPDATE credential
SET seen_at = $3
WHERE company_id = $1 AND id = $2 AND (seen_at < $3 OR (seen_at IS NULL AND kind = 'api_client'))
