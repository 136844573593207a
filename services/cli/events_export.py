"""`factorlog events export`: a company's audit trail as a file that is there once it is whole."""

import asyncio
from pathlib import Path
from typing import Annotated, TextIO
from uuid import UUID

import typer

from services.application.audit import AuditFilters
from services.application.export_formats import ExportFormat, lines
from services.application.exporting import ExportBroken
from services.bootstrap import runtime
from services.cli.exits import REFUSED, USAGE, explained, fail
from services.cli.places import settings_for
from services.cli.private_files import output
from services.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The audit trail.")


@app.command("export")
def export_events(
    company: Annotated[UUID, typer.Option(help="The company's id.")],
    file_format: Annotated[ExportFormat, typer.Option("--format", help="How a fact is written.")] = ExportFormat.CSV,
    out: Annotated[Path | None, typer.Option(help="A file, mode 0600. Default: standard output.")] = None,
    excel: Annotated[bool, typer.Option("--excel", help="Semicolons and a byte order mark, for CSV.")] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Data directory of the embedded servers.")] = None,
) -> None:
    """Write a company's audit trail, newest first. That it was taken stands in it afterwards."""
    if excel and file_format is not ExportFormat.CSV:
        fail("--excel goes with CSV only", USAGE)
    with explained():
        settings = settings_for(data_dir)
        with output(out, "utf-8") as stream:
            try:
                asyncio.run(_export(settings, company, file_format, stream, excel=excel))
            except ExportBroken:
                fail("the trail lost rows meanwhile, by an erasure or the end of old traces: try again", REFUSED)


async def _export(
    settings: Settings, company_id: UUID, file_format: ExportFormat, stream: TextIO, *, excel: bool
) -> None:
    async with runtime(settings) as parts:
        found = await parts.application.exports.begin_at_console(company_id, AuditFilters(), file_format)
        async for piece in lines(found.pages, file_format, excel=excel):
            stream.write(piece.decode())
