"""The algorithms against the vectors of their standards, and the key URI against foreign readers."""
