"""A report as CSV: what it is about, an empty line, and the table with English names."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from services.application.csv_cells import csv_lines
from services.reports.parsed import Parsed, Row

_ABOUT: Final = ("kind", "company_id", "company", "as_of", "from", "to", "time_zone", "position", "rows", "entries")


def table(parsed: Parsed) -> str:
    rows = [dict(_flat(row)) for row in parsed.rows]
    known = dict.fromkeys(name for row in rows for name in row)
    # What is nothing in some rows and has parts in others stands in the parts' columns.
    names = [name for name in known if not any(other.startswith(f"{name}.") for other in known)]
    about = [[name, _cell(parsed.header[name])] for name in _ABOUT]
    totals = [[f"total_{name}", number] for name, number in parsed.header["totals"].items()]
    return csv_lines([*about, *totals, [], names, *([row.get(name) for name in names] for row in rows)])


def _flat(row: Row, prefix: str = "") -> Iterator[tuple[str, str | int | None]]:
    """`actor.id` for what stands inside; lists in one cell."""
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _cell(value)


def _cell(value: Any) -> str | int | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, int):
        return value
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
