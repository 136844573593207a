"""Rules of a company's own stream."""
