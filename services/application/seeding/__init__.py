"""Plausible companies with a past: people, their days, and how the past gets into the log."""
