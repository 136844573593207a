"""Laws of the rules, over many histories that nobody thought of."""
