"""`factorlog restored`: after an older backup of the database was put back, before anybody is served from it."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from services.adapters.migrations import migrate
from services.application.evidence import Progress
from services.application.restore import Done, StillRunning
from services.bootstrap import runtime
from services.cli import logs
from services.cli.evidence import AsJson
from services.cli.exits import REFUSED, UNSOUND, explained, fail
from services.cli.places import settings_for
from services.cli.progress import progress_bar
from services.cli.up import MIGRATIONS
from services.embedded.errors import DataDirInUse
from services.embedded.postgres import EmbeddedPostgres, read_urls
from services.settings import from_environ, names_a_database

_RUNNING = "Factorlog runs on this database: stop every `serve`, `work` and `up` first"

DataDir = Annotated[Path | None, typer.Option(help="Data directory of the embedded servers.")]


def restored(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Void whatever may have been ended, used or erased since the backup: sessions, codes, people. 3: some are left.

    Starts the embedded Postgres where no database is named. Interrupted, or in doubt: run it again.
    """
    with explained(), progress_bar("Restoring") as progress:
        try:
            done = asyncio.run(
                _on_own_server(data_dir, progress) if not names_a_database() else _run(data_dir, progress)
            )
        except (StillRunning, DataDirInUse):
            fail(_RUNNING, REFUSED)
    _print(done, as_json=as_json)
    if done.left:
        raise typer.Exit(UNSOUND)


async def _on_own_server(data_dir: Path | None, progress: Progress) -> Done:
    folder = from_environ(data_dir=data_dir, database_url="unused").data_dir.absolute()
    read_urls(folder)  # or it says that none was ever started there
    server = EmbeddedPostgres(folder)
    try:
        await migrate((await server.start()).owner, MIGRATIONS)
        return await _run(folder, progress)
    finally:
        await server.stop()


async def _run(data_dir: Path | None, progress: Progress) -> Done:
    settings = settings_for(data_dir)
    logs.configure(settings.log_level)
    # Nobody is there to be rung.
    async with runtime(settings.model_copy(update={"redis_url": None}), restoring=True) as parts:
        return await parts.restore.run(progress)


def _print(done: Done, *, as_json: bool) -> None:
    left = [{"company_id": str(company), "user_id": str(user)} for company, user in done.left]
    shown = {"epoch": done.epoch, "companies": done.companies, "users": done.users, "erased": done.erased}
    if as_json:
        typer.echo(json.dumps({**shown, "months": done.months, "left": left}))
        return
    typer.echo(f"epoch {done.epoch}: {done.companies} companies; sessions and codes of {done.users} users are void")
    typer.echo(f"erased again: {done.erased}; keys of months destroyed again: {done.months}")
    for one in left:
        typer.echo(f"left as it is, because its data is not sound: user {one['user_id']} of {one['company_id']}")
