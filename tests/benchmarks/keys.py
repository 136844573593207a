"""Another key-encryption key for many users, while people sign in."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

from events.sealing import DATA_KEY_BYTES
from services.adapters.system import available_cores
from tests.benchmarks.accounts import prepare
from tests.benchmarks.figures import Figure, Sample, Target, joined
from tests.benchmarks.place import BenchmarkFailed, Place
from tests.support.processes import Child, spawn

_CHUNK: float = 2.0  # seconds: a rotation's end is not known when the load begins
_PATIENCE: float = 600.0


class _SignIns:
    """Password and code of one account after the other; every one of them has to succeed."""

    def __init__(self, place: Place, path: Path) -> None:
        self._place = place
        self._path = path
        self._used = 0

    async def chunk(self) -> Sample:
        sample, used = await self._place.measured(
            "api",
            conversation="sign_in",
            path="/v1/sign-ins",
            callers=4 * available_cores(),
            seconds=_CHUNK,
            people=str(self._path),
            skip=self._used,
            again=False,
        )
        self._used += used
        if not used:
            raise BenchmarkFailed("the accounts were used up before the rotation was over")
        return sample


async def rotation(place: Place) -> AsyncIterator[Figure]:
    """`factorlog keys rotate`, a process of its own; of the many users there is no more than their data keys."""
    users = 10_000 if place.quick else 100_000
    path, _ = await prepare(place, "rotation", companies=1, count=600 if place.quick else 4_000, session=True)
    await _fill(place, users)
    await place.settle()
    sign_ins = _SignIns(place, path)
    before = [await sign_ins.chunk() for _ in range(2)]
    child = spawn(place.folder, "keys", "rotate", "--json", "--data-dir", place.data_dir)
    ending = asyncio.create_task(_seconds(child))
    meanwhile = [await sign_ins.chunk()]
    while not ending.done():
        meanwhile.append(await sign_ins.chunk())
    took = await ending
    done = json.loads(child.said)
    if done["rewrapped"]["person"] < users or done["unreadable"]:
        raise BenchmarkFailed(f"the rotation did {done}")
    yield Figure(
        group="Key rotation",
        name=f"{users:,} users, with people signing in",
        value=took,
        unit="s",
        target=Target(value=60.0, most=True),
    )
    yield Figure(
        group="Key rotation",
        name="sign-ins meanwhile, none refused",
        product=joined(meanwhile),
        floor_name="before it",
        floor=joined(before),
    )


async def _fill(place: Place, users: int) -> None:
    wrapper, entropy = place.parts.wrapper, place.parts.entropy
    company_id = entropy.uuid()
    records = [(company_id, entropy.uuid(), await wrapper.wrap(entropy.bytes(DATA_KEY_BYTES))) for _ in range(users)]
    async with place.owner() as connection:
        await connection.copy_records_to_table("person_key", records=records)


async def _seconds(child: Child) -> float:
    began = time.perf_counter()
    code = await child.ended(_PATIENCE)
    if code:
        raise BenchmarkFailed(f"the rotation ended with {code}: {child.complaints[-600:]}")
    return time.perf_counter() - began
