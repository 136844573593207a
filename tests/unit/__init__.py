"""Rules and values, one at a time, without I/O."""
