-- $1 name of our own connections: how many of the service's are there beside them.
SELECT count(*)
FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND application_name = 'factorlog'
    AND pid <> pg_backend_pid() AND application_name <> $1
