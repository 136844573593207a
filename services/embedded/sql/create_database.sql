-- Alone in its transaction, as Postgres demands.
CREATE DATABASE factorlog
