"""Accounts whose last day went by: refused since then, and here on record, with all that follows from it."""

from typing import Final, TypeAlias
from uuid import UUID

import asyncpg
import structlog

from events.envelope import Actor, ActorKind, Metadata
from events.sql import statement
from events.store.port import EventStore, StoredUser
from events.store.postgres import available
from events.user import commands
from services.application.errors import Contended, Refused
from services.application.execute import Acting, Executor, Formed
from services.application.ports import Clock, KeyUnavailable

log = structlog.get_logger()

_EXPIRING: Final = statement(__file__, "expiring_users")
_SLICE: Final = 500
_SYSTEM: Final = Actor(kind=ActorKind.SYSTEM)

_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class Expiry:
    """Nothing depends on it for security: an expired account is refused whether the fact is there or not."""

    def __init__(self, pool: _Pool, store: EventStore, executor: Executor, clock: Clock) -> None:
        self._pool = pool
        self._store = store
        self._executor = executor
        self._clock = clock

    async def expire(self) -> int:
        """Record what is due; the number of accounts. Raises Unavailable."""
        async with available():
            rows = await self._pool.fetch(_EXPIRING, self._clock.now(), _SLICE)
        return sum([await self._one(company_id, user_id) for company_id, user_id in rows])

    async def _one(self, company_id: UUID, user_id: UUID) -> bool:
        user = await self._store.user(company_id, user_id)
        if user is None:
            return False
        metadata = Metadata(actor=_SYSTEM, request_id=f"expiry/{user_id}")

        async def form(now: StoredUser) -> Formed:
            return Formed(command=commands.ExpireUser(now=self._clock.now()), acting=Acting(metadata=metadata))

        async def load() -> StoredUser:
            again = await self._store.user(company_id, user_id)
            return again if again is not None else user

        try:
            return bool((await self._executor.run(user, load, form)).events)
        except (Contended, Refused, KeyUnavailable) as error:
            # One account's trouble is nobody else's; the next look comes soon.
            log.warning("expiry_left", company_id=str(company_id), error=type(error).__name__)
            return False
