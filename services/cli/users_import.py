"""`factorlog users import`: the users of another system, from a file, line by line."""

import asyncio
import json
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, BinaryIO, Final, TextIO
from uuid import UUID

import typer
import uvloop
from rich.console import Console as Terminal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from events.store.port import Unavailable
from services.application.errors import Contended
from services.application.moving import Arrival, MovingIn, Newcomer, Outcome, Verdict
from services.application.ports import KeyUnavailable
from services.bootstrap import runtime
from services.cli.exits import REFUSED, USAGE, explained, fail
from services.cli.places import settings_for
from services.cli.private_files import private_file
from services.cli.user_files import Format, Line, WrongHeader, format_of, read_users
from services.settings import Settings

AT_ONCE: Final = 16  # lines under way: they share the round trips, not the appends
_REASON: Final = 500  # characters
_SHOWN: Final = 20  # lines told on a terminal; the report has all


def import_users(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV or JSON Lines.")],
    company: Annotated[UUID, typer.Option(help="The company's id.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would become of each.")] = False,
    file_format: Annotated[Format | None, typer.Option("--format", help="Default: as the file's name ends.")] = None,
    reason: Annotated[str, typer.Option(help="The reason, for the audit trail.")] = "import",
    report: Annotated[Path | None, typer.Option(help="Writes what became of each line, as JSON Lines.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data directory of the embedded servers.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Take users over from another system, with their authenticators and password hashes.

    Who is there already is left alone: an import that broke off is simply run again. Exit code 0: nobody was refused;
    1: some were, and the others are taken. Columns, and what is not taken and why: docs/moving-in.md.
    """
    kind = file_format or format_of(file)
    if kind is None:
        fail("the file's name does not say what it is: add --format csv or --format jsonl", USAGE)
    if not reason.strip() or len(reason) > _REASON:
        fail(f"a reason has 1 to {_REASON} characters", USAGE)
    if report is not None and report.exists() and report.samefile(file):
        fail("the report would replace the file that is to be read", USAGE)
    with explained(), file.open("rb") as stream:
        users, settings = _users(stream, kind), settings_for(data_dir)
        with _report(report) as told, _bar(file) as progress:
            summary = Summary(told, progress)
            with summary.explaining_an_end():
                uvloop.run(_import(settings, users, summary, company, reason, dry_run=dry_run))
    summary.print(dry_run=dry_run, as_json=as_json, has_report=report is not None)
    if summary.counts[Outcome.REFUSED]:
        raise typer.Exit(REFUSED)


class Summary:
    """Counts, and the reasons of those who were not taken as they are."""

    def __init__(self, report: TextIO | None, progress: Callable[[int], None]) -> None:
        self.counts = Counter[Outcome]()
        self._report = report
        self._progress = progress
        self._shown: list[str] = []
        self._remarkable = 0
        self._last = 0

    @contextmanager
    def explaining_an_end(self) -> Iterator[None]:
        """When the database goes away, or people do not wait: how far it came, and what to do."""
        try:
            yield
        except (Unavailable, Contended, KeyUnavailable, KeyboardInterrupt):
            typer.echo(f"stopped behind line {self._last}: run the same command again", err=True)
            raise

    def add(self, line: Line, verdict: Verdict) -> None:
        self.counts[verdict.outcome] += 1
        self._last = line.number
        self._progress(line.read)
        if verdict.why is not None:
            self._remarkable += 1
            if len(self._shown) < _SHOWN:
                self._shown.append(f"line {line.number}, {line.login or '?'}: {verdict.outcome}, {verdict.reason}")
        if self._report is not None:
            said = {"line": line.number, "login": line.login, "outcome": verdict.outcome, "reason": verdict.reason}
            self._report.write(json.dumps(said, ensure_ascii=False) + "\n")

    def print(self, *, dry_run: bool, as_json: bool, has_report: bool) -> None:
        counts = {str(outcome): self.counts[outcome] for outcome in Outcome}
        for text in self._shown:
            typer.echo(text, err=True)
        if self._remarkable > len(self._shown):
            where = "the report has them" if has_report else "--report FILE writes them all"
            typer.echo(f"and {self._remarkable - len(self._shown)} more: {where}", err=True)
        if as_json:
            typer.echo(json.dumps({"dry_run": dry_run, "lines": self.counts.total(), **counts}))
            return
        for name, count in counts.items():
            typer.echo(f"{name.replace('_', ' ')}: {count}")
        if dry_run:
            typer.echo("nothing was changed")


async def _import(
    settings: Settings, lines: Iterable[Line], summary: Summary, company_id: UUID, reason: str, *, dry_run: bool
) -> None:
    async with runtime(settings) as parts:
        arrival = await parts.moving_in.begin(company_id, reason, dry_run=dry_run)
        async with aclosing(verdicts(parts.moving_in, arrival, lines)) as judged:
            async for line, verdict in judged:
                summary.add(line, verdict)


async def verdicts(
    moving_in: MovingIn, arrival: Arrival, lines: Iterable[Line]
) -> AsyncGenerator[tuple[Line, Verdict], None]:
    """What becomes of each line, in their order; some are under way at once."""
    under_way: deque[tuple[Line, asyncio.Task[Verdict]]] = deque()
    try:
        for line in lines:
            under_way.append((line, asyncio.create_task(_verdict(moving_in, arrival, line))))
            if len(under_way) == AT_ONCE:
                first, task = under_way.popleft()
                yield first, await task
        while under_way:
            first, task = under_way.popleft()
            yield first, await task
    finally:
        # Only when one of them raised: what is begun ends, so that nothing is recorded behind the last word.
        await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)


async def _verdict(moving_in: MovingIn, arrival: Arrival, line: Line) -> Verdict:
    if isinstance(line.content, Newcomer):
        return await moving_in.take(arrival, line.content)
    return Verdict(Outcome.REFUSED, line.content.why, line.content.columns)


def _users(stream: BinaryIO, kind: Format) -> Iterator[Line]:
    try:
        return read_users(stream, kind)
    except WrongHeader as error:
        fail(str(error), USAGE)


@contextmanager
def _report(path: Path | None) -> Iterator[TextIO | None]:
    with private_file(path) if path is not None else nullcontext() as file:
        yield file


@contextmanager
def _bar(file: Path) -> Iterator[Callable[[int], None]]:
    """A bar of bytes on a terminal, nothing elsewhere; on standard error, so that output stays clean."""
    columns = (TextColumn("Importing"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    terminal, size = Terminal(stderr=True), file.stat().st_size
    with Progress(*columns, console=terminal, disable=not terminal.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=size or None)
        yield lambda read: bar.update(task, completed=read)
