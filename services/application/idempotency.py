"""The same call twice, one after the other or at once: one act, one answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

from events.store.port import IdempotencyClaim
from services.application.errors import Replayed
from services.application.meters import Meters
from services.application.ports import KeptAnswers

_WAIT_STEPS: Final = 100
_WAIT_SECONDS: Final = 0.05


class KeyReused(Exception):
    """The key was used with another body."""


class AnswerNotKept(Exception):
    """The first call was carried out; its answer held a secret, or never came about."""


class Idempotency:
    def __init__(self, kept: KeptAnswers, meters: Meters) -> None:
        self._kept = kept
        self._meters = meters
        self._running: dict[tuple[UUID, str, str], asyncio.Lock] = {}

    @asynccontextmanager
    async def one_at_a_time(self, company_id: UUID, claim: IdempotencyClaim) -> AsyncIterator[None]:
        """A duplicate in this process waits for the first one's end."""
        key = (company_id, claim.caller, claim.key)
        lock = self._running.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():
                self._running.pop(key, None)

    async def first_answer(self, company_id: UUID, claim: IdempotencyClaim) -> tuple[int, bytes] | None:
        """(status, body) of the first call, None when there was none. Raises KeyReused, AnswerNotKept.

        A call that runs in another process right now is waited for.
        """
        for _ in range(_WAIT_STEPS):
            found = await self._kept.find(company_id, claim.caller, claim.key)
            if found is None:
                return None
            if found.digest != claim.digest:
                raise KeyReused
            if found.status is not None:
                self._meters.replayed()
                return _usable(found.status, found.answer)
            await asyncio.sleep(_WAIT_SECONDS)
        raise AnswerNotKept

    async def claim(self, company_id: UUID, claim: IdempotencyClaim, now: datetime) -> None:
        """Take the key before a call that makes many appends. Raises Replayed when it is taken."""
        if not await self._kept.claim(company_id, claim, now):
            raise Replayed
        claim.recorded = True

    async def was_done(self, company_id: UUID, claim: IdempotencyClaim) -> bool:
        """By an earlier call under the same key."""
        return not claim.recorded and await self._kept.find(company_id, claim.caller, claim.key) is not None

    async def keep(self, company_id: UUID, claim: IdempotencyClaim, status: int, body: bytes | None) -> None:
        """Keep the answer of a call that was recorded; None for one that carried a secret."""
        await self._kept.keep(company_id, claim.caller, claim.key, status, body)


def _usable(status: int, answer: bytes | None) -> tuple[int, bytes]:
    if answer is None:
        raise AnswerNotKept
    return status, answer
