"""Evidence on Postgres: one repeatable read a company, so that a check sees one moment of a running service."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg

from events.credentials import CredentialKind
from events.projections.audit_trail import NAME, Row
from events.projections.keyring import Keyring
from events.projections.repair import delete_behind, repair
from events.projections.runner import AuditTrailRunner
from events.sql import statement
from events.store.port import RawEvent, RecordedEvent
from events.store.postgres import available
from services.application.evidence import Restored, StoredCredential, StoredEntry, StoredState, TrailPosition
from services.application.ports import KeyWrapper

_COMPANIES: Final = statement(__file__, "evidence_companies")
_MOMENT: Final = statement(__file__, "evidence_moment")
_ENTRIES: Final = statement(__file__, "evidence_entries")
_OUT_OF_ORDER: Final = statement(__file__, "evidence_out_of_order")
_USER_STATES: Final = statement(__file__, "evidence_user_states")
_COMPANY_STATES: Final = statement(__file__, "evidence_company_states")
_CREDENTIALS: Final = statement(__file__, "evidence_credentials")
_KEY_HOLDERS: Final = statement(__file__, "evidence_key_holders")
_TRAIL_POSITION: Final = statement(__file__, "evidence_trail_position")
_ERASED_LATER: Final = statement(__file__, "evidence_erased_later")
_DESTROYED_LATER: Final = statement(__file__, "evidence_destroyed_later")
_KEY_MONTHS: Final = statement(__file__, "evidence_key_months")
_TRAIL: Final = statement(__file__, "evidence_trail")
_TRAIL_BEHIND: Final = statement(__file__, "evidence_trail_behind")
_LOCK_HEAD: Final = statement(__file__, "evidence_lock_head")
_PERSON_KEY: Final = statement(__file__, "evidence_person_key")
_STREAM: Final = statement(__file__, "evidence_stream")
_WRITE_USER_STATE: Final = statement(__file__, "evidence_write_user_state")
_WRITE_COMPANY_STATE: Final = statement(__file__, "evidence_write_company_state")

PATIENCE: Final = 600.0  # seconds: some questions are about a whole log
_AT_ONCE: Final = 1000  # rows fetched ahead

_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class PostgresSnapshot:
    """Snapshot on one connection, in one transaction that writes nothing."""

    def __init__(self, connection: Any, wrapper: KeyWrapper, company_id: UUID, head: int, now: datetime) -> None:
        self.company_id = company_id
        self.head = head
        self.now = now
        self.keyring = Keyring(company_id, wrapper.unwrap)
        self._connection = connection

    async def entries(self, after: int, limit: int) -> list[StoredEntry]:
        rows = await self._connection.fetch(_ENTRIES, self.company_id, after, limit)
        return [StoredEntry(*row) for row in rows]

    async def load_keys(self, batch: Sequence[RecordedEvent]) -> None:
        await self.keyring.load(self._connection, batch)

    async def out_of_order(self) -> list[tuple[UUID, int]]:
        rows = await self._connection.fetch(_OUT_OF_ORDER, self.company_id, timeout=PATIENCE)
        return [(row[0], row[1]) for row in rows]

    async def user_states(self) -> AsyncIterator[StoredState]:
        async for row in self._connection.cursor(_USER_STATES, self.company_id, prefetch=_AT_ONCE, timeout=PATIENCE):
            yield StoredState(*row)

    async def company_states(self) -> list[StoredState]:
        return [StoredState(*row) for row in await self._connection.fetch(_COMPANY_STATES, self.company_id)]

    async def credentials(self) -> AsyncIterator[StoredCredential]:
        async for row in self._connection.cursor(_CREDENTIALS, self.company_id, prefetch=_AT_ONCE, timeout=PATIENCE):
            yield StoredCredential(row[0], row[1], CredentialKind(row[2]), row[3], row[4])

    async def key_holders(self) -> set[UUID]:
        return {row[0] for row in await self._connection.fetch(_KEY_HOLDERS, self.company_id)}

    async def key_months(self) -> set[str]:
        return {row[0] for row in await self._connection.fetch(_KEY_MONTHS, self.company_id)}

    async def trail_position(self) -> TrailPosition:
        row = await self._connection.fetchrow(_TRAIL_POSITION, self.company_id, NAME)
        erased = await self._connection.fetch(_ERASED_LATER, self.company_id, NAME, timeout=PATIENCE)
        later = frozenset(found[0] for found in erased)
        destroyed = await self._connection.fetch(_DESTROYED_LATER, self.company_id, NAME, timeout=PATIENCE)
        position, stopped = row or (0, None)
        return TrailPosition(position, stopped, later, frozenset(found[0] for found in destroyed))

    async def trail(self, after: int, upto: int) -> list[Row]:
        return [Row(*row) for row in await self._connection.fetch(_TRAIL, self.company_id, after, upto)]

    async def trail_behind(self, position: int) -> int | None:
        behind: int | None = await self._connection.fetchval(_TRAIL_BEHIND, self.company_id, position)
        return behind


class PostgresEvidence:
    """Evidence on a pool of the restricted role."""

    def __init__(self, pool: _Pool, wrapper: KeyWrapper) -> None:
        self._pool = pool
        self._wrapper = wrapper

    async def companies(self) -> list[tuple[UUID, int]]:
        async with available():
            return [(row[0], row[1]) for row in await self._pool.fetch(_COMPANIES)]

    @asynccontextmanager
    async def snapshot(self, company_id: UUID) -> AsyncIterator[PostgresSnapshot]:
        async with (
            available(),
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            row = await connection.fetchrow(_MOMENT, company_id)
            assert row is not None  # noqa: S101 - a select without a table has one row
            yield PostgresSnapshot(connection, self._wrapper, company_id, row[0] or 0, row[1])

    async def restore_state(
        self, company_id: UUID, stream_id: UUID, refold: Callable[[Sequence[RawEvent], bytes | None], Restored | None]
    ) -> bool:
        async with available(), self._pool.acquire() as connection, connection.transaction():
            await connection.fetchval(_LOCK_HEAD, company_id)
            wrapped = await connection.fetchval(_PERSON_KEY, company_id, stream_id)
            key = await self._wrapper.unwrap(wrapped) if wrapped is not None else None
            rows = await connection.fetch(_STREAM, company_id, stream_id, timeout=PATIENCE)
            restored = refold([RawEvent(*row) for row in rows], key)
            if restored is None:
                return False
            state, place = restored.state, (company_id, stream_id, restored.version)
            if restored.is_company:
                await connection.execute(_WRITE_COMPANY_STATE, *place, state.schema, state.doc)
            else:
                await connection.execute(_WRITE_USER_STATE, *place, state.schema, state.authority, state.doc)
        return True

    async def repair_trail(self, company_id: UUID, after: int, limit: int) -> tuple[int, int]:
        async with available():
            return await repair(self._pool, self._wrapper.unwrap, company_id, after, limit)

    async def extend_trail(self, company_id: UUID) -> None:
        async with available():
            await delete_behind(self._pool, company_id)
            trail = await self._pool.fetchrow(_TRAIL_POSITION, company_id, NAME)
            moment = await self._pool.fetchrow(_MOMENT, company_id)
            head = moment[0] if moment and moment[0] else 0
            runner = AuditTrailRunner(self._pool, self._wrapper.unwrap)
            await runner.catch_up(company_id, trail[0] if trail else 0, head)
