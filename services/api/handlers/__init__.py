"""Handlers: models in, models out."""
