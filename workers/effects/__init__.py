"""What happens outside because of a fact: one module a kind."""
