"""`factorlog`: the command line. Exit codes: 0 done, 1 refused, 2 usage, 3 not sound, 4 unavailable."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from services.adapters.migrations import migrate as migrate_database
from services.cli import events_export, evidence, export, keys, logs, users, users_export, users_import, verify
from services.cli.exits import USAGE, explained, fail
from services.cli.first_operator import first_operator
from services.cli.places import owner_url, settings_for
from services.cli.report import report
from services.cli.restored import restored
from services.cli.seed import seed
from services.cli.serve import serve as serve_until_stopped
from services.cli.up import MIGRATIONS
from services.cli.up import up as up_until_stopped
from services.embedded import postgres
from services.settings import SettingsError, from_environ

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(users.app, name="users")
users.app.command("import")(users_import.import_users)
users.app.command("export")(users_export.export_users)
app.add_typer(events_export.app, name="events")
app.add_typer(keys.app, name="keys")
app.command()(evidence.check)
app.command()(evidence.rebuild)
app.command()(restored)
app.command()(export.export)
app.command()(verify.verify)
app.command()(report)
app.command()(first_operator)
app.command()(seed)

DataDir = Annotated[Path | None, typer.Option(help="Data directory of the embedded servers. Default: var.")]


@app.callback()
def configure_logs() -> None:
    """Second-factor sign-in on an event log. Exit codes: 0 done, 1 refused, 2 usage, 3 not sound, 4 unavailable."""
    if not __debug__:
        fail("assertions are part of the program: run it without -O", USAGE)
    # Before any command: what is printed on standard output belongs to the command alone.
    try:
        logs.configure(from_environ(database_url="unused").log_level)
    except SettingsError as error:
        fail(str(error), USAGE)


@app.command()
def up(
    data_dir: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path("var"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the API on 127.0.0.1.")] = 8080,
    demo: Annotated[bool, typer.Option(help="Create demo companies and DIR/demo.json, once.")] = False,
) -> None:
    """Start Postgres, Valkey, API and worker on this machine; print `ready` when it serves."""
    with explained():
        uvloop.run(up_until_stopped(data_dir.absolute(), port, demo=demo))


@app.command()
def serve(
    data_dir: DataDir = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = None,
    quiet: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """One process of the API."""
    with explained():
        listen = f"127.0.0.1:{port}" if port is not None else None
        settings = settings_for(data_dir, listen=listen)
        uvloop.run(serve_until_stopped(settings, announce=not quiet))


@app.command()
def work(data_dir: DataDir = None) -> None:
    """One worker process: effects, mails, audit trail."""
    # Executed and not imported: the worker stands above the services.
    folder = ["--data-dir", str(data_dir.absolute())] if data_dir else []
    os.execv(sys.executable, [sys.executable, "-m", "workers", *folder])  # noqa: S606 - our own program


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database's schema up to date, as the owner."""
    with explained():
        url = owner_url(from_environ(database_url="unused"))
        if url is None:
            url = postgres.read_urls(data_dir or Path("var")).owner
        for name in asyncio.run(migrate_database(url, MIGRATIONS)):
            typer.echo(f"applied {name}")


def main() -> None:
    app()
