"""Programs that nobody here wrote judge our logs."""
