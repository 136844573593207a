"""Whether this process can serve: database, key, clock, audit trail."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

import asyncpg
import structlog

from events.sql import statement
from events.store.port import Unavailable
from events.store.postgres import available
from services.application.ports import Clock, KeyUnavailable
from services.application.vault import Vault

log = structlog.get_logger()

_NOW: Final = statement(__file__, "database_now")
_LAG: Final = statement(__file__, "projection_lag")

TOLERANCE: Final = timedelta(seconds=2)
EVERY: Final = 5.0  # seconds
MAX_LAG: Final = timedelta(seconds=5)
_PATIENCE: Final = 2.0  # seconds for one question to the database


class ClockCheck:
    """Compares the process's clock with the database's every five seconds."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self.is_trusted = True
        self.difference: timedelta | None = None

    async def look(self) -> None:
        """One comparison; a database that is away says nothing about the clock. Raises Unavailable."""
        before = self._clock.now()
        async with available():
            theirs: datetime = await self._pool.fetchval(_NOW, timeout=_PATIENCE)
        after = self._clock.now()
        self.difference = before + (after - before) / 2 - theirs
        trusted = before - TOLERANCE <= theirs <= after + TOLERANCE
        if trusted != self.is_trusted:
            log.warning("clock_trust_changed", trusted=trusted)
        self.is_trusted = trusted

    async def keep_looking(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except Unavailable:
                log.warning("clock_not_compared")
            await asyncio.sleep(EVERY)


class ProcessReadiness:
    """Readiness of one process."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, check: ClockCheck, clock: Clock) -> None:
        self._pool = pool
        self._vault = vault
        self._check = check
        self._clock = clock

    async def problems(self) -> list[str]:
        found = []
        try:
            await self._check.look()
            if not self._check.is_trusted:
                found.append("the clock is more than 2 s away from the database's")
            await self._vault.check()
            if await self._lags():
                found.append("the audit trail is more than 5 s behind")
        except Unavailable:
            found.append("the database is away")
        except KeyUnavailable:
            found.append("the key-encryption key is not the one of this installation")
        return found

    async def _lags(self) -> bool:
        async with available():
            behind: bool = await self._pool.fetchval(_LAG, self._clock.now() - MAX_LAG, timeout=_PATIENCE)
        return behind
