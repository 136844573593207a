"""What the pages show and do, a module a subject."""
