"""Parts together on a real Postgres."""
