"""The other end of the doorbell: an arq worker, built in code, whose only job says "look now"."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import structlog
from arq.worker import Worker, func

from services.adapters.doorbell import AWAY, JOB, QUEUE, connect, job_from_bytes, job_to_bytes

log = structlog.get_logger()

_POLL_SECONDS: Final = 0.1
_JOB_SECONDS: Final = 2  # with ten more, how long a killed worker's ring blocks the next ones
_HEALTH_SECONDS: Final = 15
_FIRST_WAIT_SECONDS: Final = 1.0
_LONGEST_WAIT_SECONDS: Final = 15.0


async def listen(url: str, rung: Callable[[], None]) -> None:
    """Call `rung` at every ring, until cancelled. While the server is away it tries again, ever less often."""
    wait = _FIRST_WAIT_SECONDS
    while True:
        started = asyncio.get_running_loop().time()
        try:
            await _listen_once(url, rung)
        except AWAY as error:
            log.warning("doorbell_away", error=type(error).__name__)
        except Exception:
            log.exception("doorbell_broken")
        if asyncio.get_running_loop().time() - started > 2 * _LONGEST_WAIT_SECONDS:
            wait = _FIRST_WAIT_SECONDS
        await asyncio.sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT_SECONDS)


async def _listen_once(url: str, rung: Callable[[], None]) -> None:
    async def drain(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> None:
        rung()

    redis = connect(url)
    worker = Worker(
        [func(drain, name=JOB)],
        queue_name=QUEUE,
        redis_pool=redis,
        handle_signals=False,
        job_completion_wait=_JOB_SECONDS,
        job_timeout=_JOB_SECONDS,
        keep_result=0,
        max_tries=1_000,
        poll_delay=_POLL_SECONDS,
        health_check_interval=_HEALTH_SECONDS,
        job_serializer=job_to_bytes,
        job_deserializer=job_from_bytes,
        log_results=False,
    )
    try:
        await worker.async_run()
    finally:
        await _end(worker)


async def _end(worker: Worker) -> None:
    """Not `Worker.close`, which raises what its jobs raised, and asks a server that may be gone."""
    running = [task for task in (worker.main_task, *worker.tasks.values()) if task is not None]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)
    for task in running:
        if not task.cancelled():
            task.exception()  # looked at, so that nobody complains that nobody did
    try:
        await worker.pool.aclose(close_connection_pool=True)
    except AWAY:
        return
