-- $1 company, $2 user: the wrapped data key.
SELECT wrapped FROM person_key WHERE company_id = $1 AND user_id = $2
