"""The doorbell: rings arrive, cost nothing, and may all be lost."""

import asyncio
import os
import pickle
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from services.adapters.doorbell import JOB, QUEUE, ArqDoorbell, SilentDoorbell, connect, job_from_bytes, job_to_bytes
from services.embedded.valkey import EmbeddedValkey
from tests.support.processes import eventually
from workers.bell import listen


@pytest_asyncio.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def _listening(url: str) -> AsyncIterator[list[float]]:
    """When it rang."""
    rings: list[float] = []
    task = asyncio.create_task(listen(url, lambda: rings.append(time.monotonic())))
    try:
        yield rings
    finally:
        task.cancel()
        await asyncio.wait({task})


@asynccontextmanager
async def _doorbell(url: str) -> AsyncIterator[ArqDoorbell]:
    bell = ArqDoorbell(url)
    try:
        yield bell
    finally:
        await bell.close()


@contextmanager
def _frozen(server: EmbeddedValkey) -> Iterator[None]:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


async def _until(rings: list[float], count: int = 1, seconds: float = 5.0) -> None:
    await eventually(lambda: len(rings) >= count, seconds, "a ring")


async def test_a_ring_arrives_soon(valkey: EmbeddedValkey) -> None:
    url = await valkey.start()
    async with _listening(url) as rings, _doorbell(url) as bell:
        bell.ring()
        await _until(rings)


async def test_a_thousand_rings_are_a_few(valkey: EmbeddedValkey) -> None:
    url = await valkey.start()
    async with _listening(url) as rings, _doorbell(url) as bell:
        begun = time.monotonic()
        for _ in range(100):
            for _ in range(10):
                bell.ring()
            await asyncio.sleep(0.01)
        spent = time.monotonic() - begun
        await _until(rings, 2)
        await asyncio.sleep(0.5)
        assert len(rings) <= 5 * (spent + 0.5) + 2


async def test_a_frozen_server_costs_the_caller_nothing(valkey: EmbeddedValkey) -> None:
    url = await valkey.start()
    async with _listening(url) as rings, _doorbell(url) as bell:
        bell.ring()
        await _until(rings)
        with _frozen(valkey):
            begun = time.monotonic()
            for _ in range(1000):
                bell.ring()
            assert time.monotonic() - begun < 0.2
            await asyncio.sleep(1.5)
        rings.clear()
        async with asyncio.timeout(15):
            while not rings:
                bell.ring()
                await asyncio.sleep(0.2)


async def test_no_server_costs_the_caller_nothing(tmp_path: Path) -> None:
    async with _doorbell(f"unix://{tmp_path}/nobody.sock") as bell:
        bell.ring()
        await asyncio.sleep(0.05)
        bell.ring()
    SilentDoorbell().ring()


async def test_rings_wait_for_a_worker_and_are_one(valkey: EmbeddedValkey) -> None:
    url = await valkey.start()
    async with _doorbell(url) as bell:
        for _ in range(3):
            bell.ring()
            await asyncio.sleep(0.25)
        async with _listening(url) as rings:
            await _until(rings)
            await asyncio.sleep(0.5)
            assert len(rings) == 1


@pytest.mark.parametrize(
    "job",
    [
        pickle.dumps({"t": None, "f": JOB, "a": (), "k": {}, "et": 0}),
        b'{"t": null, "f": "another", "a": [], "k": {}, "et": 0}',
        b'{"t": null, "f": "drain", "a": ["argument"], "k": {}, "et": 0}',
        b'{"t": null, "f": ["drain"], "a": [], "k": {}, "et": 0}',
        b'{"t": null, "f": "drain", "a": [], "k": {}, "et": "soon"}',
        b'["drain"]',
        b"",
        b"\xff\xfe",
    ],
)
async def test_c09_what_is_not_our_job_runs_nothing_and_stops_nobody(valkey: EmbeddedValkey, job: bytes) -> None:
    url = await valkey.start()
    redis: Redis = connect(url)
    async with _listening(url) as rings, _doorbell(url) as bell:
        await redis.set("arq:job:planted", job)
        await redis.zadd(QUEUE, {"planted": 1})
        await eventually(partial(_is_gone, redis), 5, "looked at")
        assert rings == []
        bell.ring()
        await _until(rings)
    await redis.aclose(close_connection_pool=True)


async def _is_gone(redis: Redis) -> bool:
    return await redis.zscore(QUEUE, "planted") is None


def test_c09_a_job_is_json_and_nothing_else() -> None:
    job: dict[str, Any] = {"t": None, "f": JOB, "a": [], "k": {}, "et": 1}
    assert job_from_bytes(job_to_bytes(job)) == job
    with pytest.raises(ValueError, match="job"):
        job_from_bytes(b"{}")
