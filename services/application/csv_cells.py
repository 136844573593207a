"""CSV that no spreadsheet runs: a cell that would be a formula gets a ' in front, which it shows as nothing."""

import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Final

# Also in the wide forms of East Asian keyboards, which some spreadsheets read as the narrow ones.
_FORMULA: Final = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
_FIRST: Final = frozenset("'=+-@\t\r\n＝＋－＠")  # asked first: nearly no cell begins with one of them


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in _FIRST and _FORMULA.match(text) else text


def plain_cell(cell: str) -> str:
    """What `safe_cell` made it of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def csv_lines(rows: Iterable[Sequence[str | int | None]], delimiter: str = ",") -> str:
    """Rows as lines of RFC 4180, every text made safe; None is an empty cell."""
    sheet = StringIO()
    writer = csv.writer(sheet, delimiter=delimiter)
    writer.writerows([safe_cell(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return sheet.getvalue()
