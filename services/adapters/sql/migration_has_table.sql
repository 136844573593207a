-- False before the first migration.
SELECT to_regclass('schema_migration') IS NOT NULL
