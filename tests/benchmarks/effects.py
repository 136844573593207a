"""Effects of one worker: claimed, done, and settled with a fact; straight on its parts, and as the process it is."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from events.credentials import CredentialKind
from events.effects import EffectKind
from events.store.port import NewEffect, Status
from events.user.events import By, SessionsEnded
from tests.benchmarks import machine
from tests.benchmarks.accounts import Made, Wanted, populate
from tests.benchmarks.figures import Figure, Sample, Target
from tests.benchmarks.meter import metered
from tests.benchmarks.place import BenchmarkFailed, Place
from tests.support.processes import spawn
from workers.main import drain_of
from workers.projector import Projector

_FACTS: Final = 10  # of one person, each with its effect
_TARGET: Final = Target(value=1_000.0)
_LOOK, _PATIENCE = 0.1, 300.0  # seconds


async def effects(place: Place) -> AsyncIterator[Figure]:
    """Revocations in one company and in fifty, mails as files, and the whole worker with the audit trail beside."""
    count = 2_000 if place.quick else 10_000
    await drain_of(place.parts).drain()  # what other measurements left
    for companies in (1, 50):
        await _due(place, EffectKind.REVOKE_SESSIONS, companies, count)
        sample = await _drained(place, count)
        yield Figure(group="Effects", name=f"revocations, {_of(companies)}", product=sample, target=_TARGET)
    await _due(place, EffectKind.NOTIFY_USER, 50, count)
    yield Figure(group="Effects", name=f"mails as files, {_of(50)}", product=await _drained(place, count))
    await _due(place, EffectKind.REVOKE_SESSIONS, 50, count)
    name = f"revocations, {_of(50)}, worker process with audit trail"
    yield Figure(group="Effects", name=name, product=await _worked(place, count), target=_TARGET)


def _of(companies: int) -> str:
    return f"{companies} compan{'y' if companies == 1 else 'ies'}"


async def _due(place: Place, kind: EffectKind, companies: int, count: int) -> None:
    """So many effects that wait, of facts as an administrator's act leaves them."""
    name = f"effects {kind} {companies} {place.parts.entropy.uuid()}"
    ids = [await place.parts.console.create_company(f"{name} {n}") for n in range(companies)]
    wanted = (
        (ids[n % companies], Wanted(login=f"{n}.{ids[0]}", enrolled=False, holds=CredentialKind.SESSION))
        for n in range(count // _FACTS)
    )
    await asyncio.gather(*(_act(place, made, kind) for made in await populate(place, wanted)))
    await place.settle()


async def _act(place: Place, made: Made, kind: EffectKind) -> None:
    ended = SessionsEnded(by=By.ADMINISTRATOR, sessions_ended=(made.user_id,))
    act = replace(
        made.append,
        expected=len(made.append.events),
        events=(ended,) * _FACTS,
        effects=tuple(NewEffect(event=n, kind=kind, target=str(made.user_id)) for n in range(_FACTS)),
    )
    if (await place.parts.store.append(act)).status is not Status.APPENDED:
        raise BenchmarkFailed("a fact with effects could not be appended")


async def _drained(place: Place, count: int) -> Sample:
    """By the worker's own parts in this process."""
    drain = drain_of(place.parts)
    with metered(place) as meter:
        done = await drain.drain()
    if done != count or await _open(place):
        raise BenchmarkFailed(f"{done} of {count} effects were claimed, {await _open(place)} stay")
    return meter.sample(done)


async def _worked(place: Place, count: int) -> Sample:
    """By `factorlog work`, from the first effect that it has done to the last; what was before is in the trail."""
    await Projector(place.parts.pool, place.parts.wrapper).project()
    child = spawn(place.folder, "work", "--data-dir", place.data_dir)
    try:
        await _until(place, count - 1)
        left, before = await _open(place), _read(place, child.pid)
        await _until(place, 0)
        seconds, cpu, postgres, busy = (b - a for a, b in zip(before, _read(place, child.pid), strict=True))
    finally:
        await asyncio.to_thread(child.stop)
    return Sample(
        operations=left,
        seconds=seconds,
        cpu=cpu,
        postgres_cpu=postgres,
        others=machine.share_of_others(seconds, busy, cpu + postgres),
    )


def _read(place: Place, pid: int) -> tuple[float, float, float, float]:
    postgres = machine.tree_cpu_seconds(place.postgres_pid)
    return time.perf_counter(), machine.cpu_seconds(pid), postgres, machine.busy_seconds()


async def _until(place: Place, most: int) -> None:
    """No more than so many effects are left."""
    for _ in range(int(_PATIENCE / _LOOK)):
        if await _open(place) <= most:
            return
        await asyncio.sleep(_LOOK)
    raise BenchmarkFailed("effects are not done")


async def _open(place: Place) -> int:
    found: int = await place.parts.pool.fetchval(
        "SELECT count(*) FROM effect WHERE kind = ANY ($1) AND done_at IS NULL AND failed_at IS NULL", list(EffectKind)
    )
    return found
