"""The runner of migrations, and the schema that they make."""
