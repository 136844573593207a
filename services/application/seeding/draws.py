"""Repeatable chance for made-up lives."""

from random import Random  # noqa: TID251 - the one module that draws like this


class Draw(Random):
    """The same seed draws the same. Never for ids and secrets: those come from an Entropy."""
