"""What happened, and the rules: pure, but for store and projections."""
