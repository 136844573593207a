"""`python -m tests.benchmarks [NAMES…] [--seconds S] [--json FILE] [--page FILE] [--quick]`."""

import argparse
import asyncio
import shlex
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console

from services.cli import logs
from tests.benchmarks import (
    audit,
    companies,
    compliance,
    effects,
    evidence,
    in_process,
    keys,
    machine,
    moving,
    over_http,
    portal,
    report,
    seeding,
    starts,
    users_list,
)
from tests.benchmarks.figures import Figure
from tests.benchmarks.place import BenchmarkFailed, Place, opened

# In this order: replay and projector read what the OTP checks left, memory is asked after all load.
MEASUREMENTS: Final[dict[str, Callable[[Place], AsyncIterator[Figure]]]] = {
    "otp": over_http.otp_checks,
    "look-up": over_http.look_ups,
    "sign-in": over_http.sign_ins,
    "memory": starts.memory,
    "append": in_process.appends,
    "import": moving.imports,
    "replay": in_process.replay,
    "projector": in_process.projection,
    "keys": keys.rotation,
    "seed": seeding.seeds,
    "companies": companies.companies,
    "effects": effects.effects,
    "evidence": evidence.evidence,
    "users-list": users_list.users_list,
    "portal": portal.pages,
    "audit": audit.audit,
    "reports": compliance.reports,
    "start": starts.starts,
}


async def measure(names: list[str], *, seconds: float, quick: bool, json_path: Path, page: Path | None) -> int:
    """0 when everything that was asked for was measured, whether its target is met or not."""
    _end_cleanly()
    began, console = time.perf_counter(), Console(stderr=True)
    figures: list[Figure] = []
    async with opened(seconds=seconds, rounds=1 if quick else 4, quick=quick) as place:
        version = await place.parts.pool.fetchval("SHOW server_version")
        about = machine.description(place.data_dir, str(version))
        for name in names:
            with console.status(f"measuring: {name}"):
                async for figure in MEASUREMENTS[name](place):
                    figures.append(figure)
                    console.log(_line(figure))
    report.show(figures, about)
    command = shlex.join(["python", "-m", "tests.benchmarks", *sys.argv[1:]])
    report.write_json(json_path, figures, about, command, time.perf_counter() - began)
    if page is not None:
        report.write_page(page, figures, about)
    console.log(f"{time.perf_counter() - began:.0f} s; written to {json_path}")
    return 0


def _end_cleanly() -> None:
    """SIGTERM stops the servers too."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _line(figure: Figure) -> str:
    ratio = f", {figure.ratio:.2f} × {figure.floor_name}" if figure.ratio is not None else ""
    return f"{figure.group}: {figure.name}: {figure.reached:,.1f} {figure.unit}{ratio}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"Of {', '.join(MEASUREMENTS)}; default: all.")
    parser.add_argument("--seconds", type=float, help="Each contestant, under each load. Default: 4, quick 0.8.")
    parser.add_argument("--json", type=Path, default=Path("bench/benchmarks.json"), help="Where the JSON goes.")
    parser.add_argument("--page", type=Path, help="A Markdown page whose figures are to be replaced.")
    parser.add_argument("--quick", action="store_true", help="A look in a minute: fewer accounts, shorter rounds.")
    return parser.parse_args()


def main() -> int:
    given = _arguments()
    logs.configure("error")
    unknown = set(given.names) - MEASUREMENTS.keys()
    if unknown:
        print(f"not a measurement: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    names = [name for name in MEASUREMENTS if not given.names or name in given.names]
    seconds = given.seconds or (0.8 if given.quick else 4.0)
    try:
        return uvloop.run(measure(names, seconds=seconds, quick=given.quick, json_path=given.json, page=given.page))
    except BenchmarkFailed as error:
        print(f"benchmark failed: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
