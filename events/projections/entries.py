"""Entries of a log read for its audit trail, and rows as the statements take them."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

from events.codec import UndecodableEntry, decode
from events.projections.audit_trail import Row
from events.store.port import RecordedEvent


class ProjectionStopped(Exception):
    """An entry is missing or cannot be read: nothing is skipped, so this company's trail stands still here."""

    def __init__(self, position: int, why: str) -> None:
        super().__init__(f"{why} (position {position})")
        self.position = position


def read(raw: Sequence[Any], after: int) -> tuple[list[RecordedEvent], str | None]:
    """Decoded entries without a gap, up to the first that cannot follow, and why it cannot."""
    recorded: list[RecordedEvent] = []
    for expected, (position, name, entry) in enumerate(raw, after + 1):
        if position != expected:
            return recorded, "an entry is missing"
        try:
            recorded.append(decode(name, entry))
        except UndecodableEntry as error:
            return recorded, str(error)
    return recorded, None


def document(rows: Sequence[Row]) -> str:
    """Rows as the JSON document that the SQL reads."""
    return to_json([row._asdict() for row in rows]).decode()
