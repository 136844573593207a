"""A story -> the log, in waves: as many commands of the company in one call as may share it."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol
from uuid import UUID

from events.decision import Refusal
from events.store.port import Append, Appended, Status
from services.application.errors import Contended, Refused
from services.application.ports import Entropy
from services.application.seeding.clock import StoryClock
from services.application.seeding.composer import Composer
from services.application.seeding.outcomes import Outcomes
from services.application.seeding.stage import Told

WAVE: Final = 96  # commands


class BulkAppend(Protocol):
    """The append of many commands of one company in one call; each with the ids of its facts.

    They run in their order, each seeing what the ones before it did. All that is APPENDED is durable at the return.
    A command with `alone` comes alone. Raises Unavailable.
    """

    async def append(self, commands: Sequence[tuple[Append, Sequence[UUID]]]) -> list[Appended]: ...


class Writer:
    """The one writer of a new company: so it knows a fact's position before the database says it, and checks."""

    def __init__(
        self, bulk: BulkAppend, composer: Composer, outcomes: Outcomes, clock: StoryClock, entropy: Entropy
    ) -> None:
        self._bulk = bulk
        self._composer = composer
        self._outcomes = outcomes
        self._clock = clock
        self._entropy = entropy
        self._last = 0
        self._first = 1  # of the wave
        self._wave: list[tuple[Append, Sequence[UUID]]] = []
        self._flying: asyncio.Task[None] | None = None

    @property
    def facts(self) -> int:
        """How many the company has, those in flight counted in."""
        return self._last

    async def write(self, told: Told) -> None:
        """In the order of time. Raises Contended when somebody else writes to this company."""
        self._clock.stand_at(told.at)
        await self._composer.turn_to(told)
        for outcome in self._outcomes.due(told.at):
            await self._put(outcome)
        position, append = self._last + 1, self._composer.append_of(told)
        self._outcomes.owe(told, position, await self._put(append), append.metadata.request_id)

    async def finish(self) -> None:
        """Also what workers still owe; then everything is durable."""
        for outcome in self._outcomes.due(None):
            await self._put(outcome)
        await self._send()
        await self._landed()

    async def _put(self, append: Append) -> Sequence[UUID]:
        """Ids of its facts."""
        if append.alone is not None:
            await self._send()
        ids = [self._entropy.uuid() for _ in append.events]
        self._wave.append((append, ids))
        self._last += len(ids)
        if append.alone is not None or len(self._wave) >= WAVE:
            await self._send()
        return ids

    async def _send(self) -> None:
        """The wave sets out once the one before it is in; while it is under way the story goes on."""
        await self._landed()
        if self._wave:
            self._flying = asyncio.create_task(self._fly(self._wave, self._first))
            self._wave, self._first = [], self._last + 1
            await asyncio.sleep(0)

    async def _landed(self) -> None:
        if self._flying is not None:
            flying, self._flying = self._flying, None
            await flying

    async def _fly(self, wave: Sequence[tuple[Append, Sequence[UUID]]], position: int) -> None:
        for (append, _), appended in zip(wave, await self._bulk.append(wave), strict=True):
            if appended.status is Status.LOGIN_TAKEN:
                raise Refused(Refusal.LOGIN_TAKEN)
            if appended.status is not Status.APPENDED or appended.first_position != position:
                raise Contended
            position += len(append.events)
