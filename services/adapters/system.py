"""The machine's clock and randomness: the only place that asks for either."""

import asyncio
import os
import uuid
from datetime import UTC, datetime


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep_until(self, at: datetime) -> None:
        await asyncio.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))


class SystemEntropy:
    def uuid(self) -> uuid.UUID:
        return uuid.uuid4()

    def bytes(self, count: int) -> bytes:
        return os.urandom(count)


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
