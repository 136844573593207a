-- $1 the password of the restricted role, for the rest of the session
SELECT set_config('factorlog.password', $1, FALSE)
