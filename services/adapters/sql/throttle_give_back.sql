-- $1 subjects. Not bound to a company: a throttle counts addresses and logins, which belong to none.
UPDATE throttle SET tries = greatest(tries - 1, 0) WHERE subject = ANY ($1)
