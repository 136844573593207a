"""Users of another system, taken over by the command as people run it."""

import asyncio
import csv
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from events.totp import KEY_BYTES, otpauth_uri
from tests.benchmarks import machine
from tests.benchmarks.accounts import PASSWORD, hasher
from tests.benchmarks.figures import Figure, Sample, Target
from tests.benchmarks.place import BenchmarkFailed, Place
from tests.support.processes import spawn

_USERS: Final = 10_000
_SECONDS: Final = 60.0


async def imports(place: Place) -> AsyncIterator[Figure]:
    """Users with key and password hash, into a company of their own: a dry run, the import, and the same again."""
    count = _USERS // 10 if place.quick else _USERS
    path = place.folder / "import.csv"
    await _write(place, path, count)
    company_id = await place.parts.console.create_company("import")
    await place.settle()
    for name, words in (("dry run", ["--dry-run"]), ("taken", []), ("again", [])):
        sample = await _ran(place, path, count, str(company_id), words)
        # A thousand are over before the start of the program no longer counts.
        target = Target(value=_SECONDS, most=True) if name == "taken" and not place.quick else None
        group = f"Import: {count} users with keys"
        yield Figure(group=group, name=f"{name}, time", value=sample.seconds, unit="s", target=target)
        yield Figure(group=group, name=name, product=sample)
    kept = await place.parts.pool.fetchval(
        "SELECT count(*) FROM credential WHERE company_id = $1 AND kind = 'key'", company_id
    )
    if kept != count:
        raise BenchmarkFailed(f"{kept} of {count} keys came along")


async def _write(place: Place, path: Path, count: int) -> None:
    passwords, entropy = hasher(place.parts.settings), place.parts.entropy
    shared = (await passwords.hash(PASSWORD)).decode()
    passwords.close()
    with path.open("w", encoding="utf-8", newline="") as file:
        sheet = csv.writer(file)
        sheet.writerow(["login", "email", "otpauth_uri", "password_hash"])
        for n in range(count):
            login = f"import.{n}"
            sheet.writerow(
                [login, f"{login}@example.org", otpauth_uri(entropy.bytes(KEY_BYTES), "Elsewhere", login), shared]
            )


async def _ran(place: Place, path: Path, count: int, company: str, words: list[str]) -> Sample:
    """The whole command: its start, reading, and its end."""
    postgres, busy = machine.tree_cpu_seconds(place.postgres_pid), machine.busy_seconds()
    began = time.perf_counter()
    child = spawn(place.folder, "users", "import", path, "--company", company, "--data-dir", place.data_dir, *words)
    cpu = 0.0
    while child.is_alive:
        cpu = machine.cpu_seconds(child.pid) or cpu
        await asyncio.sleep(0.01)
    seconds = time.perf_counter() - began
    if child.process.returncode != 0 or f": {count}\n" not in child.said:
        raise BenchmarkFailed(f"the import ended with {child.process.returncode}: {child.complaints[-500:]}")
    postgres, busy = machine.tree_cpu_seconds(place.postgres_pid) - postgres, machine.busy_seconds() - busy
    return Sample(
        operations=count,
        seconds=seconds,
        cpu=cpu,
        postgres_cpu=postgres,
        others=machine.share_of_others(seconds, busy, cpu + postgres),
    )
