"""Compliance reports."""
