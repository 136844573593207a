"""The worker's loops: they find work by themselves, survive what breaks, and stop when they are told."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from tests.support.database import Database
from tests.support.processes import eventually
from tests.support.service import Service, running
from tests.workers.support import Worker
from workers.main import work


async def _outcomes(service: Service) -> int:
    found = await service.parts.pool.fetchval("SELECT count(*) FROM event WHERE type = 'NotificationSent'")
    assert isinstance(found, int)
    return found


async def _projected(service: Service) -> bool:
    behind = await service.parts.pool.fetchval(
        "SELECT count(*) FROM company_log l LEFT JOIN projection p USING (company_id)"
        " WHERE l.position > coalesce(p.position, 0)"
    )
    return bool(behind == 0)


async def test_without_a_doorbell_effects_and_trail_follow_within_seconds(service: Service, worker: Worker) -> None:
    company = await service.company()
    stop = asyncio.Event()
    task = asyncio.create_task(work(service.parts, stop))
    await service.person(company, "uta.user", on=True, email="uta@acme.example")
    await eventually(partial(_outcomes, service), 10, "mailed")
    await eventually(partial(_projected, service), 10, "projected")
    assert worker.mail_to("uta@acme.example")
    stop.set()
    async with asyncio.timeout(2):
        await task


async def test_a_doorbell_that_is_away_changes_nothing(database: Database, tmp_path: Path) -> None:
    async with running(database, tmp_path, redis_url=f"unix://{tmp_path}/nobody.sock") as service:
        company = await service.company()
        stop = asyncio.Event()
        task = asyncio.create_task(work(service.parts, stop))
        await service.person(company, "uta.user", on=True, email="uta@acme.example")
        await eventually(partial(_outcomes, service), 10, "mailed")
        stop.set()
        async with asyncio.timeout(3):
            await task


async def test_a_loop_that_broke_is_tried_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    async def broken(self: object) -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("a bug")
        return 0

    monkeypatch.setattr("workers.effects.drain.Drain.drain", broken)
    stop = asyncio.Event()
    task = asyncio.create_task(work(service.parts, stop))
    await eventually(lambda: calls >= 2, 10, "called again")
    stop.set()
    await task


async def test_a_stop_finishes_what_is_in_hand(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, finished = asyncio.Event(), asyncio.Event()

    async def slow(self: object) -> int:
        begun.set()
        await asyncio.sleep(0.5)
        finished.set()
        return 0

    monkeypatch.setattr("workers.effects.drain.Drain.drain", slow)
    stop = asyncio.Event()
    task = asyncio.create_task(work(service.parts, stop))
    await begun.wait()
    stop.set()
    await task
    assert finished.is_set()
