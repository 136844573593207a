"""Removes what is long over: expired credentials, old throttle windows, answers kept for repeated calls."""

from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg

from events.sql import statement
from events.store.postgres import available
from services.application.ports import Clock

_CREDENTIALS: Final = statement(__file__, "sweep_credentials")
_IDEMPOTENCY: Final = statement(__file__, "sweep_idempotency")
_THROTTLE: Final = statement(__file__, "sweep_throttle")

CREDENTIALS_KEPT: Final = timedelta(hours=1)  # after they expired
ANSWERS_KEPT: Final = timedelta(hours=24)
WINDOWS_KEPT: Final = timedelta(days=1)

SLICE: Final = 5_000  # rows looked at in one statement
SLICES: Final = 20  # of each table in one sweep; the next sweep goes on from there

_NIL: Final = UUID(int=0)
_Key: TypeAlias = tuple[Any, ...]


class Sweeper:
    """Nothing depends on it for security: whatever expired is refused whether its row is there or not."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._behind: dict[str, _Key] = {}

    async def sweep(self) -> int:
        """Look at the next slices; the number of rows removed. Raises Unavailable."""
        now = self._clock.now()
        return (
            await self._table(_CREDENTIALS, (_NIL, _NIL), now - CREDENTIALS_KEPT)
            + await self._table(_IDEMPOTENCY, (_NIL, "", ""), now - ANSWERS_KEPT)
            + await self._table(_THROTTLE, (b"",), now - WINDOWS_KEPT)
        )

    async def _table(self, sweep: str, beginning: _Key, before: datetime) -> int:
        gone = 0
        for _ in range(SLICES):
            behind = self._behind.get(sweep, beginning)
            async with available():
                row = await self._pool.fetchrow(sweep, *behind, before, SLICE)
            if row is None or row[1] is None:
                self._behind.pop(sweep, None)  # the end: next time from the beginning
                break
            gone += row[0]
            self._behind[sweep] = tuple(row)[1:]
        return gone
