"""How far a long command is."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console as Terminal
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from services.application.evidence import Progress


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """A bar on a terminal, nothing elsewhere; on standard error, so that output stays clean."""
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    terminal = Terminal(stderr=True)
    with Bar(*columns, console=terminal, disable=not terminal.is_terminal, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
