"""Compliance reports: pure folds of a company's entries, up to a moment, into rows and what they rest on."""
