-- What of the cluster's set-up a killed run has left undone.
SELECT
    EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'factorlog_app') AS has_role,
    EXISTS (SELECT 1 FROM pg_database WHERE datname = 'factorlog') AS has_database
