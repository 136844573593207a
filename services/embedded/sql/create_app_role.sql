-- Run with the setting `factorlog.password` in the session: a role's password cannot be a parameter.
DO $$
BEGIN
    EXECUTE format(
        'CREATE ROLE factorlog_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD %L',
        current_setting('factorlog.password')
    );
END
$$
