-- Applied migrations with the SHA-256 of what was applied.
SELECT name, checksum FROM schema_migration
