"""The trees of the verifiable log in Postgres: how they grow, and what is read of them."""
