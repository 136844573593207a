"""A tree as the database has it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredTree:
    """`edge`: as it is stored, whether it fits or not. `refused`: why nothing is signed any more."""

    origin: str
    blind: bytes
    size: int
    edge: bytes
    signed_size: int
    refused: str | None
