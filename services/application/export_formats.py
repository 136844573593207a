"""Rows of the audit trail as lines of a file."""

from collections.abc import AsyncIterator, Callable, Sequence
from enum import StrEnum
from typing import Any, Final, TypeAlias

from pydantic_core import to_json

from services.application.audit import AuditRow
from services.application.csv_cells import csv_lines
from services.application.ocsf import record

Tell: TypeAlias = Callable[[AuditRow], str]

_COLUMNS: Final = (
    *("position", "id", "type", "at", "actor_kind", "actor_id", "actor_label", "subject_id", "subject_label"),
    *("ip", "user_agent", "request_id", "reason", "details"),
)
_BOM: Final = "\ufeff"


class ExportFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"
    OCSF = "ocsf"


KINDS: Final = {
    ExportFormat.JSONL: "application/jsonl",
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.OCSF: "application/jsonl",
}
NAMES: Final = {
    ExportFormat.JSONL: "events.jsonl",
    ExportFormat.CSV: "events.csv",
    ExportFormat.OCSF: "events-ocsf.jsonl",
}


async def lines(
    pages: AsyncIterator[Sequence[AuditRow]], kind: ExportFormat, *, excel: bool = False, tell: Tell | None = None
) -> AsyncIterator[bytes]:
    """The file, page by page. For CSV: `excel` writes as a German Excel reads, `tell` adds a sentence to each row."""
    if kind is not ExportFormat.CSV:
        shown = record if kind is ExportFormat.OCSF else item
        async for rows in pages:
            yield b"".join(to_json(shown(row)) + b"\n" for row in rows)
        return
    delimiter = ";" if excel else ","
    head = csv_lines([(*_COLUMNS, "sentence") if tell is not None else _COLUMNS], delimiter)
    yield (_BOM + head if excel else head).encode()
    async for rows in pages:
        told = [(*_cells(row), tell(row)) if tell is not None else _cells(row) for row in rows]
        yield csv_lines(told, delimiter).encode(errors="replace")


def item(row: AuditRow) -> dict[str, Any]:
    """As the list of the API shows it."""
    return {
        "position": row.position,
        "id": row.id,
        "type": row.type,
        "at": row.at,
        "actor": {"kind": row.actor_kind, "id": row.actor_id, "label": row.actor_label},
        "subject": {"id": row.subject_id, "label": row.subject_label},
        "ip": row.ip,
        "user_agent": row.user_agent,
        "request_id": row.request_id,
        "reason": row.reason,
        "details": row.details,
    }


def _cells(row: AuditRow) -> tuple[str | int | None, ...]:
    return (
        row.position,
        str(row.id),
        row.type,
        row.at.isoformat().replace("+00:00", "Z"),
        row.actor_kind,
        str(row.actor_id) if row.actor_id is not None else None,
        row.actor_label,
        str(row.subject_id) if row.subject_id is not None else None,
        row.subject_label,
        row.ip,
        row.user_agent,
        row.request_id,
        row.reason,
        to_json(row.details).decode(),
    )
