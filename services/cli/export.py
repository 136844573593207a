"""`factorlog export`: the log of one company as a directory that foreign tools and `factorlog verify` can judge."""

import asyncio
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from events.integrity.checkpoint import unverified
from events.integrity.directory import CHECKPOINT
from events.integrity.note import NoteRefused
from events.trees.growing import INSTALLATION
from services.adapters.trees import PostgresTrees
from services.application.log_export import ExportedFile, NothingSigned, exported
from services.application.transparency import EvidenceMissing
from services.bootstrap import runtime
from services.cli.exits import REFUSED, UNSOUND, USAGE, explained, fail
from services.cli.places import settings_for
from services.cli.progress import progress_bar
from services.settings import Settings


def export(
    out: Annotated[Path, typer.Option(help="The directory; one that holds an earlier export is brought up to date.")],
    company: Annotated[UUID | None, typer.Option(help="Id of the company.")] = None,
    installation: Annotated[
        bool, typer.Option("--installation", help="The log of all signed checkpoints instead, with blinded names.")
    ] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Data directory of the embedded servers.")] = None,
) -> None:
    """Write the signed log with its tiles, entries, checkpoint and key."""
    if (company is None) is not installation:
        fail("name either --company or --installation", USAGE)
    with explained():
        settings = settings_for(data_dir)
        try:
            size = asyncio.run(_export(settings, company or INSTALLATION, out))
        except NothingSigned:
            fail("this log has no signed checkpoint yet: is a worker running?", REFUSED)
        except FileExistsError:
            fail(f"{out} holds something else", REFUSED)
        except EvidenceMissing as error:
            fail(f"the log is not sound: {error}", UNSOUND)
    typer.echo(f"{size} entries; verify them with: factorlog verify {out} --vkey KEY-YOU-WERE-GIVEN")


async def _export(settings: Settings, company_id: UUID, out: Path) -> int:
    size = 0
    async with runtime(settings) as parts:
        trees = PostgresTrees(parts.pool)
        newest = await trees.newest(company_id)
        if newest is None:
            raise NothingSigned
        _demand_ours(out, unverified(newest.note).origin)
        with progress_bar("Exporting") as progress:
            async for file in exported(trees, parts.signer, company_id, progress):
                if file.path == CHECKPOINT:
                    size = unverified(file.content.decode()).size
                _write(out, file)
    return size


def _demand_ours(out: Path, origin: str) -> None:
    """An empty place, or an earlier export of the same log. Raises FileExistsError."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    try:
        earlier = unverified((out / CHECKPOINT).read_bytes().decode())
    except (OSError, ValueError, NoteRefused) as error:
        raise FileExistsError from error
    if earlier.origin != origin:
        raise FileExistsError


def _write(out: Path, file: ExportedFile) -> None:
    path = out / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(file.content)
    fresh.replace(path)
