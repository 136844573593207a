"""`factorlog verify`: prove an exported log, a report or one entry, offline, with the public key alone."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Annotated

import typer

from events.integrity.directory import Unreadable
from events.integrity.findings import Verdict
from events.integrity.verify import read_key
from events.integrity.verify import verify as verify_path
from services.cli.exits import UNSOUND, USAGE, fail
from services.cli.progress import progress_bar


def verify(
    path: Annotated[Path, typer.Argument(help="An exported log, a report (JSON Lines, HTML) or a .tlog-proof.")],
    vkey: Annotated[Path | None, typer.Option(help="The key that you were given; default: the one in PATH.")] = None,
    log: Annotated[
        Path | None, typer.Option(help="With a report: the exported log, to see that nothing was left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Prove that nothing was changed, removed, added, reordered or cut off. 0: proved; 3: not, with the first bad
    position; 2: nothing to verify."""
    try:
        key = read_key(vkey) if vkey is not None else None
        with progress_bar("Verifying") as progress:
            verdict = verify_path(path, key, log, progress)
    except Unreadable as error:
        fail(str(error), USAGE)
    if as_json:
        typer.echo(json.dumps(_shown(verdict)))
    else:
        _print(verdict)
    if not verdict.is_sound:
        raise typer.Exit(UNSOUND)


def _print(verdict: Verdict) -> None:
    for finding in verdict.in_order():
        typer.echo(str(finding))
    if verdict.is_sound:
        typer.echo(f"proved: {verdict.entries} entries of the {verdict.what} stand in the signed log, unchanged")
        typer.echo(f"  log   {verdict.origin}\n  size  {verdict.size}\n  root  {b64encode(verdict.root).decode()}")
        if verdict.first_at:
            typer.echo(f"  from  {verdict.first_at}\n  to    {verdict.last_at}")
    else:
        typer.echo("NOT PROVED")
    for note in verdict.notes:
        typer.echo(f"note: {note}")


def _shown(verdict: Verdict) -> dict[str, object]:
    return {
        "sound": verdict.is_sound,
        "what": verdict.what,
        "origin": verdict.origin,
        "size": verdict.size,
        "root": b64encode(verdict.root).decode(),
        "entries": verdict.entries,
        "notes": verdict.notes,
        "findings": [
            {"problem": one.problem, "position": one.position, "detail": one.detail} for one in verdict.in_order()
        ],
    }
