"""`factorlog keys …`: which key-encryption keys are in use, a fresh one for all data, and without the older ones."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer
from rich.console import Console as Terminal
from rich.table import Table

from services.adapters.key_wrapper import LocalKeyWrapper
from services.adapters.wrapped_keys import PostgresWrappedKeys
from services.application.key_rotation import Holder, KeptElsewhere, KeyRotation, StillNeeded
from services.bootstrap import Runtime, runtime
from services.cli import logs
from services.cli.exits import REFUSED, UNSOUND, explained, fail
from services.cli.places import settings_for
from services.cli.progress import progress_bar
from services.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Show, rotate and drop key-encryption keys.")

R = TypeVar("R")

_OF: Final = {Holder.PERSON: "persons", Holder.MONTH: "months", Holder.INSTALLATION: "the installation"}

DataDir = Annotated[Path | None, typer.Option(help="Data directory of the embedded servers.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command()
def status(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show the ids of the keys, and how many data keys are under each."""
    keys = _run(data_dir, _keys)
    if as_json:
        typer.echo(json.dumps({"keys": keys}))
        return
    table = Table("key", "", *_OF.values())
    for key in keys:
        table.add_row(key["id"], _note(key), *(str(key["data_keys"][holder]) for holder in Holder))
    Terminal().print(table)


@app.command()
def rotate(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Put every data key under a fresh key, while the service runs; interrupted, it goes on. 3: some do not open."""
    with progress_bar("Re-wrapping") as progress:
        done = _run(data_dir, lambda parts: _rotation(parts).rotate(progress))
    if as_json:
        shown = {"key_id": done.key_id, "is_new": done.is_new, "rewrapped": _counts(done.rewrapped)}
        typer.echo(json.dumps({**shown, "unreadable": done.unreadable}))
    else:
        typer.echo(f"key {done.key_id}{', new' if done.is_new else ''}")
        typer.echo(f"re-wrapped: {', '.join(f'{done.rewrapped[holder]} of {name}' for holder, name in _OF.items())}")
        if done.unreadable:
            typer.echo(f"left as they are, because they do not open: {done.unreadable}")
    if done.unreadable:
        raise typer.Exit(UNSOUND)


@app.command("drop-old")
def drop_old(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Remove all but the current key from the key file, half a minute after the last change at the earliest.

    1: refused, as data is still under one of them.
    """
    try:
        dropped = _run(data_dir, lambda parts: _rotation(parts).drop_old())
    except StillNeeded as error:
        needed = ", ".join(f"{count} under {key_id}" for key_id, count in error.rows.items())
        fail(f"data keys are still under older keys ({needed}): run `factorlog keys rotate` first", REFUSED)
    except KeptElsewhere:
        fail("the keys are kept by Vault or KMS, and dropped there", REFUSED)
    if as_json:
        typer.echo(json.dumps({"dropped": dropped}))
    else:
        typer.echo(f"dropped: {', '.join(dropped) or 'none, there was no older key'}")


async def _keys(parts: Runtime) -> list[dict[str, Any]]:
    own = _own(parts)
    found = await _rotation(parts).census()
    current, ids = next(iter(found)), dict.fromkeys([*found, *(own.ids if own else ())])
    return [
        {
            "id": key_id,
            "is_current": key_id == current,
            "is_in_file": key_id in own.ids if own else None,
            "data_keys": _counts(found.get(key_id, {})),
        }
        for key_id in ids
    ]


def _note(key: dict[str, Any]) -> str:
    return "current" if key["is_current"] else "not in the file" if key["is_in_file"] is False else "older"


def _counts(found: dict[Holder, int]) -> dict[str, int]:
    return {holder: found.get(holder, 0) for holder in Holder}


def _rotation(parts: Runtime) -> KeyRotation:
    return KeyRotation(parts.wrapper, _own(parts), PostgresWrappedKeys(parts.pool), parts.clock)


def _own(parts: Runtime) -> LocalKeyWrapper | None:
    inner = parts.wrapper.inner
    return inner if isinstance(inner, LocalKeyWrapper) else None


def _run(data_dir: Path | None, act: Callable[[Runtime], Awaitable[R]]) -> R:
    async def run(settings: Settings) -> R:
        async with runtime(settings) as parts:
            return await act(parts)

    with explained():
        settings = settings_for(data_dir)
        logs.configure(settings.log_level)
        return asyncio.run(run(settings))
