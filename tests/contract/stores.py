"""Both event stores behind one face, for one suite; and appends with what a test does not care about filled in."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

import asyncpg

from events.catalogue import Event
from events.credentials import Credential, CredentialKind, EndAll
from events.envelope import Actor, ActorKind, Metadata, StreamKind
from events.store.memory import MemoryEventStore
from events.store.port import Append, EventStore, RawEvent
from events.store.postgres import PostgresEventStore
from events.store.states import user_doc
from events.user.events import SignedOut
from events.user.state import UserState
from services.adapters.system import SystemEntropy
from tests.support.database import Pool, PostgresServer
from tests.support.given import NOON, SESSION, USER, ident

COMPANY: Final = ident("company")
OTHER_COMPANY: Final = ident("other-company")
METADATA: Final = Metadata(actor=Actor(kind=ActorKind.SYSTEM), request_id="request")
FACT: Final = SignedOut(session_id=SESSION)
MAILED: Final = "notify_user"

_CLAIM: Final = """
    UPDATE effect SET attempts = attempts + 1
    WHERE company_id = $1 AND position = $2 AND kind = $3 AND target = $4
    RETURNING attempts
"""
_OPEN: Final = """
    SELECT position, kind, target FROM effect
    WHERE company_id = $1 AND done_at IS NULL AND failed_at IS NULL ORDER BY position, kind, target
"""


class World(Protocol):
    """One event log, as one or several processes see it."""

    def process(self) -> EventStore:
        """The log as one more process sees it."""
        ...

    async def claim(self, company: UUID, position: int, kind: str, target: str) -> int:
        """What a worker does before it acts on an effect; gives the fencing token."""
        ...

    async def open_effects(self, company: UUID) -> list[tuple[int, str, str]]: ...


@dataclass
class MemoryWorld:
    store: MemoryEventStore

    def process(self) -> EventStore:
        return self.store

    async def claim(self, company: UUID, position: int, kind: str, target: str) -> int:
        return self.store.claim_effect(company, position, kind, target)

    async def open_effects(self, company: UUID) -> list[tuple[int, str, str]]:
        return self.store.open_effects(company)


@dataclass
class PostgresWorld:
    pool: Pool  # of the restricted role
    owner: Pool

    def process(self) -> PostgresEventStore:
        entropy = SystemEntropy()
        return PostgresEventStore(self.pool, entropy.uuid, entropy.bytes)

    async def claim(self, company: UUID, position: int, kind: str, target: str) -> int:
        attempts: int = await self.pool.fetchval(_CLAIM, company, position, kind, target)
        return attempts

    async def open_effects(self, company: UUID) -> list[tuple[int, str, str]]:
        return [(row[0], row[1], row[2]) for row in await self.pool.fetch(_OPEN, company)]


def memory_world() -> MemoryWorld:
    entropy = SystemEntropy()
    return MemoryWorld(MemoryEventStore(entropy.uuid, entropy.bytes))


@asynccontextmanager
async def postgres_world(server: PostgresServer) -> AsyncIterator[PostgresWorld]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(server.database())
        pool = await stack.enter_async_context(asyncpg.create_pool(database.app_url, min_size=1, max_size=8))
        owner = await stack.enter_async_context(asyncpg.create_pool(database.owner_url, min_size=1, max_size=4))
        yield PostgresWorld(pool, owner)


def append(*events: Event, **changed: Any) -> Append:
    """A first append to one user's stream; `changed` says what is different."""
    plain = Append(
        company_id=COMPANY,
        stream_id=USER,
        stream_kind=StreamKind.USER,
        expected=0,
        decided_at=NOON,
        events=events or (FACT,),
        metadata=METADATA,
        state=user_doc(UserState(exists=True)),
    )
    return replace(plain, **changed)


def outcome(stream: UUID, **changed: Any) -> Append:
    """A fact of a stream without a state, as workers write them."""
    return append(**{"stream_id": stream, "stream_kind": StreamKind.EFFECT, "state": None, **changed})


def credential(
    kind: CredentialKind = CredentialKind.SESSION,
    *,
    name: str | None = None,
    user: UUID = USER,
    secret: bytes = b"secret",
    expires_at: datetime | None = None,
    seen_at: datetime | None = None,
    last_step: int | None = None,
) -> Credential:
    return Credential(
        id=ident(name) if name else uuid4(),
        user_id=user,
        kind=kind,
        secret=secret,
        expires_at=expires_at,
        seen_at=seen_at,
        last_step=last_step,
        attributes={"about": name or "nothing"},
    )


def all_of(*kinds: CredentialKind, user: UUID = USER, keep: UUID | None = None) -> EndAll:
    return EndAll(user_id=user, kinds=kinds, keep=keep)


async def whole_log(store: EventStore, company: UUID = COMPANY) -> list[RawEvent]:
    return await store.events(company, 0, 100_000)
