-- $1 company: users who have a data key.
SELECT user_id FROM person_key WHERE company_id = $1
