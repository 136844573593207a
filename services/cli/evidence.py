"""`factorlog check` and `factorlog rebuild`: does everything say what the log says, and make it say so again."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from events.trees.growing import INSTALLATION
from services.adapters.evidence import PostgresEvidence
from services.adapters.trees import PostgresTrees
from services.application.audit_check import check as check_evidence
from services.application.evidence import Finding, Progress
from services.application.rebuild import RebuildReport
from services.application.rebuild import rebuild as rebuild_evidence
from services.application.tree_check import check_trees
from services.bootstrap import Runtime, runtime
from services.cli import logs
from services.cli.exits import UNSOUND, explained
from services.cli.places import settings_for
from services.cli.progress import progress_bar
from services.settings import Settings

R = TypeVar("R")

DataDir = Annotated[Path | None, typer.Option(help="Data directory of the embedded servers.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def check(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Compare every state, credential and read model with the log. 0: sound; 3: not, with the first bad position."""
    found = _run(data_dir, "Checking", _check)
    if as_json:
        typer.echo(json.dumps({"sound": not found, "findings": [_shown(one) for one in found]}))
    elif not found:
        typer.echo("sound")
    else:
        _print(found)
    if found:
        raise typer.Exit(UNSOUND)


def rebuild(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Make states and read models anew from the log, while the service runs. 3: something is left that it cannot."""
    done = _run(data_dir, "Rebuilding", _rebuild)
    if as_json:
        shown = {"companies": done.companies, "facts": done.facts, "rows": done.rows, "states": done.states}
        typer.echo(json.dumps({**shown, "left": [_shown(one) for one in done.left]}))
    else:
        typer.echo(
            f"{done.facts} facts of {done.companies} companies: {done.states} states and {done.rows} rows made anew"
        )
        _print(done.left)
    if done.left:
        raise typer.Exit(UNSOUND)


async def _check(parts: Runtime, progress: Progress) -> list[Finding]:
    evidence = PostgresEvidence(parts.pool, parts.wrapper)
    found = await check_evidence(evidence, progress)
    ids = [company_id for company_id, _ in await evidence.companies()]
    trees, name = PostgresTrees(parts.pool), parts.settings.installation_name
    return found + await check_trees(trees, parts.signer, [*ids, INSTALLATION], name)


async def _rebuild(parts: Runtime, progress: Progress) -> RebuildReport:
    return await rebuild_evidence(PostgresEvidence(parts.pool, parts.wrapper), progress)


def _run(data_dir: Path | None, title: str, act: Callable[[Runtime, Progress], Awaitable[R]]) -> R:
    async def run(settings: Settings, progress: Progress) -> R:
        async with runtime(settings) as parts:
            return await act(parts, progress)

    with explained():
        settings = settings_for(data_dir)
        logs.configure(settings.log_level)
        with progress_bar(title) as progress:
            return asyncio.run(run(settings, progress))


def _print(found: Sequence[Finding]) -> None:
    """Company by company, the first bad position first."""
    for one in sorted(found, key=lambda one: (one.company_id, one.position is None, one.position or 0)):
        where = f" at position {one.position}" if one.position is not None else ""
        whose = f", stream {one.stream_id}" if one.stream_id is not None else ""
        detail = f": {one.detail}" if one.detail else ""
        typer.echo(f"company {one.company_id}{where}{whose}: {one.problem.replace('_', ' ')}{detail}")


def _shown(one: Finding) -> dict[str, Any]:
    return {
        "company_id": str(one.company_id),
        "problem": one.problem,
        "position": one.position,
        "stream_id": str(one.stream_id) if one.stream_id is not None else None,
        "detail": one.detail,
    }
