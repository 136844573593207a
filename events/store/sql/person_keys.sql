-- $1 company, $2 users: wrapped data keys of those that have one.
SELECT user_id, wrapped FROM person_key WHERE company_id = $1 AND user_id = ANY ($2)
