"""A fact ended the sessions of many in its own commit; this tells each one's own history, and so everybody else."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias
from uuid import UUID

import asyncpg

from events.company.events import EveryoneSignedOut, RoleChanged
from events.credentials import CredentialKind
from events.envelope import Actor, ActorKind, Metadata
from events.sql import statement
from events.store.port import EventStore, RecordedEvent, StoredUser
from events.store.postgres import available
from events.user import commands
from services.application.execute import Acting, Executor, Formed
from services.application.ports import Clock
from workers.queue import Claimed, Outcome

_USERS: Final = statement(__file__, "users_with_sessions")
_SLICE: Final = 200
_AT_ONCE: Final = 8
_SECONDS: Final = 10.0  # of one try, shorter than an effect may take
_NIL: Final = UUID(int=0)
_SYSTEM: Final = Actor(kind=ActorKind.SYSTEM)

_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class MoreToDo(Exception):
    """The time of one try is over; the next one goes on where the states still name ended sessions."""


@dataclass(frozen=True, slots=True)
class SignEveryoneOut:
    pool: _Pool
    store: EventStore
    executor: Executor
    clock: Clock

    async def perform(self, effect: Claimed, cause: RecordedEvent) -> Outcome:
        role = cause.data.name if isinstance(cause.data, RoleChanged) else None
        until, after, users = asyncio.get_running_loop().time() + _SECONDS, _NIL, 0
        while ids := await self._slice(effect.company_id, role, after):
            if asyncio.get_running_loop().time() > until:
                raise MoreToDo
            users += await self._tell(effect, cause, ids)
            after = ids[-1]
        elapsed = max(self.clock.now() - cause.at, timedelta(0))
        return Outcome(
            EveryoneSignedOut(
                cause_position=effect.position,
                users=users,
                milliseconds_to_effect=elapsed // timedelta(milliseconds=1),
            )
        )

    def given_up(self, effect: Claimed, cause: RecordedEvent) -> Outcome | None:
        """Never: a revocation does not expire."""
        return None

    async def _slice(self, company_id: UUID, role: str | None, after: UUID) -> list[UUID]:
        async with available():
            rows = await self.pool.fetch(_USERS, company_id, role, after, _SLICE)
        return [row[0] for row in rows]

    async def _tell(self, effect: Claimed, cause: RecordedEvent, ids: list[UUID]) -> int:
        free = asyncio.Semaphore(_AT_ONCE)

        async def one(user_id: UUID) -> bool:
            async with free:
                return await self._end(effect.company_id, user_id, cause)

        return sum(await asyncio.gather(*(one(user_id) for user_id in ids)))

    async def _end(self, company_id: UUID, user_id: UUID, cause: RecordedEvent) -> bool:
        """False when this user has no session that ended so."""
        user = await self.store.user(company_id, user_id)
        if user is None or not user.state.sessions:
            return False
        metadata = Metadata(actor=_SYSTEM, request_id=cause.request_id, causation_id=cause.id)

        async def form(now: StoredUser) -> Formed:
            # Of the sessions that the state names, those that are gone: whatever began since then is there.
            rows = await self.store.credentials(company_id, user_id, [CredentialKind.SESSION])
            there = {row.id for row in rows}
            gone = tuple(session.id for session in now.state.sessions if session.id not in there)
            wish = commands.EndSessions(now=self.clock.now(), session_ids=gone, by_administrator=True)
            return Formed(command=wish, acting=Acting(metadata=metadata))

        async def load() -> StoredUser:
            again = await self.store.user(company_id, user_id)
            return again if again is not None else user

        return bool((await self.executor.run(user, load, form)).events)
