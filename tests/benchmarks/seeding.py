"""`factorlog seed` as it is started by hand, from a database whose statistics exist."""

import asyncio
import resource
from collections.abc import AsyncIterator
from typing import Any

from tests.benchmarks import machine
from tests.benchmarks.figures import Figure, Sample, Target
from tests.benchmarks.place import BenchmarkFailed, Place
from tests.support.processes import command


async def seeds(place: Place) -> AsyncIterator[Figure]:
    """Four companies by as many processes as there are cores, then one company, which one process makes alone."""
    # Without statistics Postgres finds a credential by its company, which takes longer the more of them there are.
    await _seed(place, companies=2, users=60, days=20)
    await place.settle()
    users, days = (100, 60) if place.quick else (500, 150)
    for companies, target in ((4, Target(value=20_000.0)), (1, None)):
        sample = await _seed(place, companies=companies, users=users, days=days)
        name = f"{companies} compan{'y' if companies == 1 else 'ies'}, {sample.operations} events"
        yield Figure(group="Seed", name=name, product=sample, target=target)
        await place.settle()


async def _seed(place: Place, *, companies: int, users: int, days: int) -> Sample:
    before = _times(place)
    words = {"--companies": companies, "--users": users, "--days": days, "--data-dir": place.data_dir}
    said = await asyncio.to_thread(
        command, "seed", "--json", *(str(word) for pair in words.items() for word in pair), seconds=1800
    )
    if said.code:
        raise BenchmarkFailed(f"factorlog seed: {said.err}")
    cpu, postgres, busy = (b - a for a, b in zip(before, _times(place), strict=True))
    done: dict[str, Any] = said.json
    return Sample(
        operations=done["facts"],
        seconds=done["seconds"],
        cpu=cpu,
        postgres_cpu=postgres,
        others=machine.share_of_others(done["seconds"], busy, cpu + postgres),
    )


def _times(place: Place) -> tuple[float, float, float]:
    """Of children that have ended, of Postgres, of the machine."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime, machine.tree_cpu_seconds(place.postgres_pid), machine.busy_seconds()
