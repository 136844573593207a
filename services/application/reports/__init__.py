"""Compliance reports: ordered, built by a worker, handed out."""
