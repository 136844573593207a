"""The verifiable log: what sealing costs and how soon it covers an act, and how long an auditor verifies."""

import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from uuid import UUID

from events.integrity.tree import EMPTY_ROOT, Edge, leaf_hash
from services.adapters.last_signed import FileLastSigned
from services.adapters.trees import PostgresTrees
from services.application.log_export import exported
from services.application.signing import Signer
from tests.benchmarks.figures import Figure, Sample, Target
from tests.benchmarks.meter import metered
from tests.benchmarks.place import BenchmarkFailed, Place
from tests.support.processes import spawn
from workers.sealer import Sealer

_GROUP: Final = "Evidence"
_ACTS: Final = 200
# As long as a real entry: 640 to 760 bytes.
_FILL: Final = """
    INSERT INTO event (company_id, position, stream_id, version, type, entry)
    SELECT $1::uuid, n, s, v, 'SignedOut', convert_to(format(
        '{"position":%s,"at":"%sZ","company_id":"%s","stream_id":"%s","stream_kind":"user","version":%s,"id":"%s",'
        '"type":"SignedOut","v":1,"actor":{"kind":"user","id":"%s","company_id":"%s"},"request_id":"%s",'
        '"causation_id":null,"data":{"session_id":"%s"},"sealed":{"traces":{"month":"2026-01","person":"%s",'
        '"box":"%s","commitment":"%s"}}}',
        n, to_char(timestamp '2027-01-01' + n * interval '1 second', 'YYYY-MM-DD"T"HH24:MI:SS.US'), $1::uuid, s, v,
        gen_random_uuid(), s, $1::uuid, gen_random_uuid(), gen_random_uuid(), s,
        repeat(md5(n::text), 4), repeat(md5(n::text), 2)), 'UTF8')
    FROM (
        SELECT n, md5((n % 50000)::text)::uuid AS s, n / 50000 + CASE WHEN n % 50000 < 2 THEN 0 ELSE 1 END AS v
        FROM generate_series($2::bigint, $3::bigint) AS n
    ) AS made
"""


async def evidence(place: Place) -> AsyncIterator[Figure]:
    """A large log sealed at one go, exported and verified; then single acts until a checkpoint covers them."""
    count = 50_000 if place.quick else 1_000_000
    company = await place.parts.console.create_company("evidence")
    await _fill(place, company, count)
    yield await _sealed(place, count)
    async for figure in _exported(place, company, count):
        yield figure
    yield await _covered(place)


async def _fill(place: Place, company: UUID, count: int) -> None:
    for first in range(2, count + 1, 100_000):
        await place.parts.pool.execute(_FILL, company, first, min(count, first + 99_999), timeout=600)
    await place.parts.pool.execute("UPDATE company_log SET position = $2 WHERE company_id = $1", company, count)
    await place.settle()


def _sealer(place: Place) -> Sealer:
    parts = place.parts
    last = FileLastSigned(parts.settings.signed_path)
    signer = Signer(parts.store, parts.wrapper, parts.entropy, last)
    return Sealer(parts.pool, signer, parts.clock, parts.entropy, parts.settings.installation_name)


async def _sealed(place: Place, count: int) -> Figure:
    sealer = _sealer(place)
    with metered(place) as meter:
        if not await sealer.seal():
            raise BenchmarkFailed("nothing was sealed")
    sample = meter.sample(count)
    cost = sample.microseconds + sample.postgres_microseconds
    floor = _hashed()
    return Figure(
        group=_GROUP,
        name=f"sealing, CPU an event with Postgres, {count:,} at once (process alone: {sample.microseconds:.1f})",
        value=cost,
        unit="µs",
        target=Target(value=20.0, most=True),
        product=sample,
        floor_name="leaf and node hashes alone",
        floor=floor,
    )


def _hashed() -> Sample:
    """The two hashes of an event and the edge, of entries that are in memory."""
    entries, edge = [os.urandom(700) for _ in range(20_000)], Edge()
    began = time.process_time()
    edge.extend(leaf_hash(entry) for entry in entries)
    if edge.root() == EMPTY_ROOT:
        raise BenchmarkFailed("no root")
    seconds = time.process_time() - began
    return Sample(operations=len(entries), seconds=seconds, cpu=seconds)


async def _exported(place: Place, company: UUID, count: int) -> AsyncIterator[Figure]:
    folder, began = place.folder / "log", time.perf_counter()
    async for file in exported(PostgresTrees(place.parts.pool), place.parts.signer, company, lambda done, total: None):
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    yield Figure(group=_GROUP, name=f"export of {count:,} entries", value=time.perf_counter() - began, unit="s")
    seconds, mebibytes = await asyncio.to_thread(_verified, folder)
    name = f"`factorlog verify` of {count:,} entries"
    yield Figure(group=_GROUP, name=name, value=seconds, unit="s", target=Target(value=15.0, most=True))
    yield Figure(
        group=_GROUP, name=f"{name}, memory", value=mebibytes, unit="MiB", target=Target(value=200.0, most=True)
    )


def _verified(folder: Path) -> tuple[float, float]:
    """(seconds, MiB at most) of the program as people call it, held on one core."""
    began = time.perf_counter()
    words = [sys.executable, "-m", "services", "verify", str(folder), "--vkey", str(folder / "vkey")]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, preexec_fn=lambda: os.sched_setaffinity(0, {0})
    )
    if done.returncode or "proved" not in done.stdout:
        raise BenchmarkFailed(done.stdout + done.stderr)
    return time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


async def _covered(place: Place) -> Figure:
    """From the commit until a worker process has signed: one act after another, now and then."""
    company = await place.parts.console.create_company("covered")
    trees, waited = PostgresTrees(place.parts.pool), list[float]()
    child = spawn(place.folder, "work", "--data-dir", place.data_dir)
    try:
        for number in range(20 if place.quick else _ACTS):
            login = f"{number}.{company}"
            await place.parts.console.create_user(company, login=login, role="user", password="x" * 12)
            head = await place.parts.pool.fetchval("SELECT position FROM company_log WHERE company_id = $1", company)
            began = time.perf_counter()
            while await trees.first_covering(company, head) is None:  # noqa: ASYNC110 - another process signs
                await asyncio.sleep(0.01)
            waited.append(time.perf_counter() - began)
    finally:
        await asyncio.to_thread(child.stop)
    waited.sort()
    return Figure(
        group=_GROUP,
        name=f"commit to signed checkpoint, the longest of {len(waited)} acts (p50 {waited[len(waited) // 2]:.2f} s)",
        value=waited[-1],
        unit="s",
        target=Target(value=2.0, most=True),
    )
