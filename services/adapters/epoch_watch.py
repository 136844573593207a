"""Notices that the database was set back under a running process: nobody is served from an older truth."""

import asyncio
from typing import Final

import structlog

from events.store.port import Unavailable
from services.application.in_step import (
    DatabaseBehind,
    Installation,
    SignedSizes,
    demand_as_long_as_signed,
    demand_in_step,
)
from services.application.journal import Journal, JournalUnavailable
from services.application.ports import Clock

log = structlog.get_logger()

EVERY: Final = 5.0  # seconds


class EpochWatch:
    """Asks everything at the start and after the database was away, else whether the epoch is still the same."""

    def __init__(
        self, installation: Installation, journal: Journal, signed: SignedSizes, clock: Clock, name: str
    ) -> None:
        """`name`: of the installation; what origins begin with."""
        self._installation = installation
        self._signed = signed
        self._name = name
        self._journal = journal
        self._clock = clock
        self._epoch: int | None = None
        self._ask_all = True
        self.over = asyncio.Event()  # this process has to end

    async def look(self) -> None:
        """Raises DatabaseBehind, JournalUnavailable, Unavailable."""
        if self._ask_all:
            epoch = await demand_in_step(self._installation, self._journal, self._clock)
            await demand_as_long_as_signed(self._installation, self._signed, self._name)
            self._ask_all = False
        else:
            epoch = await self._installation.epoch()
        if self._epoch is None:
            self._epoch = epoch
        if epoch != self._epoch:
            raise DatabaseBehind(f"this process serves epoch {self._epoch}, and the database is of epoch {epoch}")

    async def keep_looking(self) -> None:
        """Until cancelled, or until it finds that this process has to end."""
        while not self.over.is_set():
            await asyncio.sleep(EVERY)
            try:
                await self.look()
            except Unavailable:
                self._ask_all = True  # whatever comes back may be another one
            except JournalUnavailable as error:
                log.error("journal_unavailable", why=str(error))
            except DatabaseBehind as error:
                log.error("database_behind", why=str(error))
                self.over.set()
