"""One portal user: facts, wishes, state and rules."""
