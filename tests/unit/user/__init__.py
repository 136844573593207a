"""Rules of one portal user: given the past, when a wish, then the facts."""
