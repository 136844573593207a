"""The doorbell of the workers: one coalesced arq job. The truth stays in Postgres, so every ring may be lost."""

import asyncio
import json
from typing import Any, Final

import structlog
from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

log = structlog.get_logger()

QUEUE: Final = "factorlog:drain"
JOB: Final = "drain"
ANSWER_SECONDS: Final = 0.5  # a frozen server is given up after this
_PAUSE_SECONDS: Final = 0.2  # between two rings
_PAUSE_AFTER_FAILURE_SECONDS: Final = 2.0
_EXPIRES_SECONDS: Final = 60

# What a closed connection raises inside redis-py, beside its own errors.
AWAY: Final = (RedisError, OSError, TimeoutError, RuntimeError)


def job_to_bytes(job: dict[str, Any]) -> bytes:
    """JSON: what stands in Redis is data, never code."""
    return json.dumps(job).encode()


def job_from_bytes(raw: bytes) -> dict[str, Any]:
    """The one job that there is. Raises ValueError for everything else that somebody may have put there."""
    job = json.loads(raw)
    if not isinstance(job, dict) or job.keys() != {"t", "f", "a", "k", "et"}:
        raise ValueError("not a job")
    if job["f"] != JOB or job["a"] != [] or job["k"] != {} or type(job["et"]) is not int or job["t"] is not None:
        raise ValueError("not our job")
    return job


def connect(url: str) -> ArqRedis:
    """Connections that give up soon. Opens none yet."""
    pool = ConnectionPool.from_url(
        url,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
        max_connections=8,
    )
    return ArqRedis(pool, job_serializer=job_to_bytes, job_deserializer=job_from_bytes, default_queue_name=QUEUE)


class SilentDoorbell:
    """No Redis: workers look by themselves each second."""

    def ring(self) -> None:
        return

    async def close(self) -> None:
        return


class ArqDoorbell:
    """At most one ring in flight and five a second; a server that is away or frozen costs the caller nothing."""

    def __init__(self, url: str) -> None:
        self._redis = connect(url)
        self._wanted = False
        self._ringing: asyncio.Task[None] | None = None
        self._is_away = False

    def ring(self) -> None:
        self._wanted = True
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.get_running_loop().create_task(self._ring_while_wanted())

    async def close(self) -> None:
        """Ring no more."""
        if self._ringing is not None:
            self._ringing.cancel()
            await asyncio.wait({self._ringing})
        try:
            await self._redis.aclose(close_connection_pool=True)
        except AWAY:
            return

    async def _ring_while_wanted(self) -> None:
        while self._wanted:
            self._wanted = False
            rung = await self._ring_once()
            await asyncio.sleep(_PAUSE_SECONDS if rung else _PAUSE_AFTER_FAILURE_SECONDS)

    async def _ring_once(self) -> bool:
        try:
            async with asyncio.timeout(2 * ANSWER_SECONDS):
                # One id for all: a ring that waits already says it all.
                await self._redis.enqueue_job(JOB, _job_id=JOB, _expires=_EXPIRES_SECONDS)
        except AWAY as error:
            if not self._is_away:
                log.warning("doorbell_away", error=type(error).__name__)
            self._is_away = True
            return False
        self._is_away = False
        return True
