-- $1 name: a wrapped key of the whole installation; belongs to no company.
SELECT wrapped FROM installation_key WHERE name = $1
