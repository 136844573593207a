"""Throttling of first steps, in Postgres: one atomic call reserves a try before a password is hashed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from events.sql import statement
from events.store.postgres import available
from services.application.ports import Limit, Reserved

_RESERVE: Final = statement(__file__, "throttle_reserve")
_GIVE_BACK: Final = statement(__file__, "throttle_give_back")


class PostgresThrottle:
    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def reserve(self, limits: Sequence[Limit], now: datetime) -> Reserved:
        ordered = sorted(limits, key=lambda limit: limit.subject)
        async with available():
            row = await self._pool.fetchrow(
                _RESERVE,
                [limit.subject for limit in ordered],
                [limit.tries for limit in ordered],
                [int(limit.window.total_seconds()) for limit in ordered],
                now,
            )
        if row is None or not row["wait_seconds"]:
            return Reserved(wait=None)
        wait = timedelta(seconds=row["wait_seconds"])
        return Reserved(wait=wait, first_refusal=row["first_refusal"], count=row["tried"])

    async def give_back(self, limits: Sequence[Limit]) -> None:
        async with available():
            await self._pool.execute(_GIVE_BACK, [limit.subject for limit in limits])
