-- $1 name, $2 SHA-256 of the file: in the transaction of the file itself.
INSERT INTO schema_migration (name, checksum) VALUES ($1, $2)
