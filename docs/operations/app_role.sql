-- Run once by the image of Postgres, on the new database, as its superuser: the restricted role of `serve` and `work`.
-- It may log in and owns nothing; `factorlog migrate` grants what it may do.
DO $$
BEGIN
    EXECUTE format(
        'CREATE ROLE factorlog_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD %L',
        rtrim(pg_read_file('/run/secrets/app_password'), E'\n')
    );
END
$$;
