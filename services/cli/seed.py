"""`factorlog seed`: companies with a plausible past, for trying things out at size. One process a core."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import uvloop

from services.adapters.system import SystemEntropy, available_cores
from services.cli import logs
from services.cli.demo import write_private
from services.cli.exits import REFUSED, USAGE, explained, fail
from services.cli.places import settings_for
from services.cli.progress import progress_bar
from services.cli.seeding import Wanted, seed_share
from services.settings import Settings

INTERRUPTED: Final = 130  # as a shell says it: 128 + SIGINT
_SEED_BYTES: Final = 4


@dataclass(slots=True)
class _Done:
    """What the processes have said so far."""

    told: dict[int, float] = field(default_factory=dict)
    made: dict[int, dict[str, Any]] = field(default_factory=dict)
    users: dict[int, dict[str, Any]] = field(default_factory=dict, repr=False)
    failed: int = 0  # an exit code
    interrupted: bool = False

    def hear(self, line: dict[str, Any]) -> None:
        number = line["number"]
        if "company" in line:
            self.made[number] = line["company"]
            if line["user"] is not None:
                self.users[number] = line["user"]
        else:
            self.told[number] = line["told"]

    def days_told(self, wanted: Wanted) -> int:
        return int(sum(self.told.values()) * wanted.days)


def seed(
    users: Annotated[int, typer.Option(min=1, max=100_000, help="People in each company.")],
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long the past is; it ends now.")],
    companies: Annotated[int, typer.Option(min=1, max=100_000, help="How many; all of them are new.")] = 1,
    random_seed: Annotated[str | None, typer.Option(help="The same one makes the same companies and people.")] = None,
    credentials: Annotated[
        Path | None, typer.Option(help="A new file, mode 0600: how one administrator of each company signs in.")
    ] = None,
    processes: Annotated[int | None, typer.Option(min=1, max=64, help="Default: one a core.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data directory of the embedded servers.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
    share: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Make new companies with people and a past, through the same rules and the same append as everything.

    Nothing is mailed, no other company is touched. When it is interrupted, what is there is sound. They stay: no log is
    ever deleted.
    """
    with explained():
        settings = settings_for(data_dir)
        logs.configure(settings.log_level)
        wanted = Wanted(
            users=users,
            days=days,
            companies=companies,
            random_seed=random_seed or SystemEntropy().bytes(_SEED_BYTES).hex(),
            credentials=credentials is not None,
        )
        shares = min(processes or available_cores(), companies)
        if share is not None:
            uvloop.run(_share(settings, wanted, share, shares))
            return
        if credentials is not None:
            _begin_file(credentials)
        began = time.perf_counter()
        done = uvloop.run(_seed(wanted, shares, data_dir))
        if credentials is not None:
            write_private(
                credentials,
                json.dumps({"users": [done.users[n] for n in sorted(done.users)]}, indent=1, ensure_ascii=False) + "\n",
            )
        _print(done, wanted, time.perf_counter() - began, as_json)
        if done.failed or done.interrupted:
            raise typer.Exit(done.failed or INTERRUPTED)


def _begin_file(path: Path) -> None:
    """Before anything is made: nobody's secrets are written over, and there is a place for the new ones."""
    if path.exists():
        fail(f"{path} exists already", USAGE)
    try:
        write_private(path, "")
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}", USAGE)


async def _share(settings: Settings, wanted: Wanted, share: int, shares: int) -> None:
    await seed_share(settings, wanted, share, shares, _stopped())


def _stopped() -> asyncio.Event:
    """Set by SIGINT and SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _seed(wanted: Wanted, shares: int, data_dir: Path | None) -> _Done:
    done, stop = _Done(), _stopped()
    children = [await _child(wanted, share, shares, data_dir) for share in range(shares)]

    async def stop_all() -> None:
        await stop.wait()
        for child in children:
            if child.returncode is None:
                child.terminate()

    stopping = asyncio.create_task(stop_all())
    with progress_bar("Days") as progress:
        async with asyncio.TaskGroup() as group:
            for child in children:
                group.create_task(
                    _listen(child, done, lambda: progress(done.days_told(wanted), wanted.companies * wanted.days), stop)
                )
    done.interrupted = stop.is_set() and not done.failed
    stopping.cancel()
    return done


async def _child(wanted: Wanted, share: int, shares: int, data_dir: Path | None) -> asyncio.subprocess.Process:
    """In a session of its own, so that an interrupt reaches it once, from here."""
    words = {
        "--users": wanted.users,
        "--days": wanted.days,
        "--companies": wanted.companies,
        "--random-seed": wanted.random_seed,
        "--processes": shares,
        "--share": share,
        **({"--credentials": "-"} if wanted.credentials else {}),
        **({"--data-dir": data_dir} if data_dir is not None else {}),
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services",
        "seed",
        *(str(word) for pair in words.items() for word in pair),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


async def _listen(
    child: asyncio.subprocess.Process, done: _Done, show: Callable[[], None], stop: asyncio.Event
) -> None:
    """Until it ends; one that fails stops the others."""
    assert child.stdout is not None  # noqa: S101 - it was asked for
    async for line in child.stdout:
        done.hear(json.loads(line))
        show()
    code = await child.wait()
    if code and not stop.is_set():
        # Killed from outside: it cannot say why.
        done.failed = code if code > 0 else REFUSED
        stop.set()


def _print(done: _Done, wanted: Wanted, seconds: float, as_json: bool) -> None:
    companies = [done.made[number] for number in sorted(done.made)]
    facts = sum(company["facts"] for company in companies)
    if as_json:
        shown = {"random_seed": wanted.random_seed, "facts": facts, "seconds": round(seconds, 3)}
        typer.echo(json.dumps({**shown, "companies": companies}, ensure_ascii=False))
        return
    for company in companies:
        unfinished = "" if company["finished"] else ", unfinished"
        typer.echo(
            f"{company['id']}  {company['name']}: {company['users']} users, {company['facts']} facts{unfinished}"
        )
    rate = facts / seconds
    typer.echo(f"{facts} facts in {seconds:.1f} s, {rate:,.0f} a second; random seed {wanted.random_seed}")
