-- May the connected role change the log? Such a role must not serve.
SELECT rolsuper OR has_table_privilege('event', 'UPDATE') OR has_table_privilege('event', 'DELETE')
FROM pg_roles
WHERE rolname = current_user
