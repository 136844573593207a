-- Held until the session ends: one migration of this database at a time. The number means nothing.
SELECT pg_advisory_lock(7224305193)
