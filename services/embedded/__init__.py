"""Postgres and Valkey from wheels for the default profile: start, adopt, stop, keep alive."""
