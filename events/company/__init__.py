"""One company: facts, roles and policy."""
