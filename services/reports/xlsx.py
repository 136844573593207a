"""A report as a workbook: the report, its rows, and the JSON Lines on a sheet of their own."""

from datetime import datetime
from io import BytesIO
from typing import Any, Final

from xlsxwriter import Workbook

from services.reports import words
from services.reports.parsed import Parsed
from services.reports.presentation import Presentation, present

EVIDENCE: Final = "Evidence"
_LONGEST: Final = 32_000  # characters of a cell; longer lines go on in the next one
_MOST: Final = 1_000_000  # rows of a sheet


def workbook(parsed: Parsed, language: str) -> bytes:
    """The same bytes for the same report: no time and no name of the machine stands in it."""
    made, shown = BytesIO(), present(parsed, language)
    book = Workbook(
        made,
        {"in_memory": True, "constant_memory": False, "strings_to_formulas": False, "strings_to_urls": False},
    )
    created = datetime.fromisoformat(parsed.header["as_of"] or parsed.header["to"]).replace(tzinfo=None)
    book.set_properties({"title": f"{shown.title} · {shown.company}", "created": created})
    _about(book, shown)
    _rows(book, shown)
    _evidence(book, parsed)
    book.close()
    return made.getvalue()


def _about(book: Any, shown: Presentation) -> None:
    sheet, bold = book.add_worksheet(shown.say(words.SHEETS["report"])), book.add_format({"bold": True})
    sheet.set_column(0, 0, 40)
    sheet.set_column(1, 1, 60)
    sheet.write_string(0, 0, shown.title, bold)
    line = 2
    lines: list[tuple[str, str | int]] = [*shown.facts, *shown.numbers]
    for name, value in lines:
        sheet.write_string(line, 0, name)
        _write(sheet, line, 1, value)
        line += 1
    sheet.write_string(line + 1, 0, shown.say(words.VERIFY), bold)
    for number, step in enumerate(words.VERIFY_STEPS):
        sheet.write_string(line + 2 + number, 0, shown.say(step))


def _rows(book: Any, shown: Presentation) -> None:
    sheet, bold = book.add_worksheet(shown.say(words.SHEETS["rows"])), book.add_format({"bold": True})
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(shown.columns) - 1, 22)
    for place, name in enumerate(shown.columns):
        sheet.write_string(0, place, name, bold)
    for line, row in enumerate(shown.rows[:_MOST], start=1):
        for place, cell in enumerate(row):
            _write(sheet, line, place, cell)
    if shown.rows:
        sheet.autofilter(0, 0, min(len(shown.rows), _MOST), len(shown.columns) - 1)


def _evidence(book: Any, parsed: Parsed) -> None:
    """Line by line; the cells of a row, put together, are one line."""
    sheet = book.add_worksheet(EVIDENCE)
    for line, text in enumerate(parsed.lines.decode().splitlines()[:_MOST]):
        for place, begin in enumerate(range(0, len(text), _LONGEST)):
            sheet.write_string(line, place, text[begin : begin + _LONGEST])


def _write(sheet: Any, line: int, place: int, value: str | int | None) -> None:
    if isinstance(value, int):
        sheet.write_number(line, place, value)
    elif value is not None:
        sheet.write_string(line, place, value[:_LONGEST])
