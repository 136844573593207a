"""`factorlog report`: orders a report, shows how far it is, and writes its file."""

import asyncio
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from events.company.reports import ReportKind
from services.application.evidence import Progress
from services.application.reports.orders import Asked
from services.application.reports.ports import ShownReport
from services.bootstrap import Runtime, runtime
from services.cli import logs
from services.cli.exits import REFUSED, UNAVAILABLE, USAGE, explained, fail
from services.cli.places import settings_for
from services.cli.private_files import demand_ordinary, write_privately
from services.cli.progress import progress_bar
from services.reports.files import FileFormat, file_of
from services.reports.pdf import PdfFailed, PdfMissing
from services.settings import Settings

_LOOK_SECONDS = 0.2


def _moment(text: str) -> datetime | date:
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter("has to be a day, 2026-12-31, or a time, 2026-12-31T12:00:00Z") from error


def report(
    company: Annotated[UUID, typer.Option(help="The company's id.")],
    kind: Annotated[ReportKind, typer.Option(help="What it is about.")] = ReportKind.COVERAGE,
    as_of: Annotated[datetime | None, typer.Option(parser=_moment, metavar="DAY|TIME", help="Default: now.")] = None,
    begin: Annotated[
        datetime | None, typer.Option("--from", parser=_moment, metavar="DAY|TIME", help="Begin of a period.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", parser=_moment, metavar="DAY|TIME", help="End of a period.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A file, mode 0600. Default: standard output.")] = None,
    file_format: Annotated[
        FileFormat | None, typer.Option("--format", help="Default: what the name of the file says, else jsonl.")
    ] = None,
    language: Annotated[str, typer.Option(help="Of pages, PDF and workbooks: de, en or pt-BR.")] = "en",
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for a worker.")] = 900.0,
    data_dir: Annotated[Path | None, typer.Option(help="Data directory of the embedded servers.")] = None,
) -> None:
    """Order a compliance report, wait until a worker has built it, and write it. Days count in UTC."""
    form = file_format or _format_of(out)
    if language not in ("de", "en", "pt-BR"):
        fail("--language is de, en or pt-BR", USAGE)
    if out is not None:
        demand_ordinary(out)
    asked = Asked(kind=kind, as_of=as_of, from_at=begin, to_at=end)
    with explained():
        settings = settings_for(data_dir)
        logs.configure(settings.log_level)
        with progress_bar("Reading the log") as progress:
            lines = asyncio.run(_built(settings, company, asked, wait, progress))
        content = _made(lines, form, language)
    if out is not None:
        write_privately(out, content)
    else:
        sys.stdout.buffer.write(content)


def _format_of(out: Path | None) -> FileFormat:
    ending = out.suffix.removeprefix(".").lower() if out is not None else ""
    return FileFormat(ending) if ending in FileFormat.__members__.values() else FileFormat.JSONL


def _made(lines: bytes, form: FileFormat, language: str) -> bytes:
    try:
        return asyncio.run(file_of(lines, form, language)).content
    except PdfMissing:
        fail("PDF needs: pip install 'factorlog[pdf]', and Pango", REFUSED)
    except PdfFailed:
        fail("the PDF could not be printed", UNAVAILABLE)


async def _built(settings: Settings, company: UUID, asked: Asked, wait: float, progress: Progress) -> bytes:
    async with runtime(settings) as parts:
        ordered = await parts.application.reports.order_from_console(company, asked)
        found = await _ready(parts, company, ordered, wait, progress)
        return await parts.application.reports.known_content(found, company)


async def _ready(parts: Runtime, company: UUID, ordered: ShownReport, wait: float, progress: Progress) -> ShownReport:
    until = asyncio.get_running_loop().time() + wait
    while True:
        found = await parts.application.reports.known(company, ordered.id)
        progress(found.done, found.total)
        if found.status == "ready":
            return found
        if found.status == "failed":
            fail("the report could not be built; the worker's log says why", UNAVAILABLE)
        if asyncio.get_running_loop().time() >= until:
            fail("no worker has built it yet; it stays ordered. Is `factorlog work` running?", UNAVAILABLE)
        await asyncio.sleep(_LOOK_SECONDS)
