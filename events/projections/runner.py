"""Follows a company's log and writes the audit trail: a batch and the position that it reaches in one commit."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg

from events.projections.audit_trail import NAME, Row, months_destroyed, rows_of
from events.projections.entries import ProjectionStopped, document, read
from events.projections.keyring import Keyring, PersonId, Unwrap
from events.projections.repair import repair
from events.sealing import SealBroken
from events.sql import statement

_READ: Final = statement(__file__, "read_events")
_BEGIN: Final = statement(__file__, "begin")
_WRITE: Final = statement(__file__, "write_rows")
_STOP: Final = statement(__file__, "stop")
_BLANK: Final = statement(__file__, "blank_people")
_LOCK: Final = statement(__file__, "lock_position")
_KEYS_HELD: Final = statement(__file__, "keys_held")
_HAS_MONTH: Final = statement(__file__, "has_month")
_CUSTOMERS: Final = statement(__file__, "customers")

BATCH: Final = 1000

_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


@dataclass(slots=True)
class Batch:
    """Rows up to the position `last`; `stop` says why the entry behind it cannot follow."""

    first_after: int
    last: int
    rows: list[Row] = field(default_factory=list)
    erased: list[UUID] = field(default_factory=list)
    foreigners: list[PersonId] = field(default_factory=list)
    months: list[str] = field(default_factory=list)
    stop: str | None = None


class AuditTrailRunner:
    """Any number may run at once: of two that follow one company, the slower one gives up."""

    def __init__(self, pool: _Pool, unwrap: Unwrap) -> None:
        self._pool = pool
        self._unwrap = unwrap

    async def catch_up(self, company_id: UUID, after: int, head: int) -> int:
        """Write rows from `after` to `head` at least; the number of facts. Raises ProjectionStopped.

        The next batch is read and opened while the one before it is written.
        """
        if after == 0:
            await self._pool.execute(_BEGIN, company_id, NAME)
        keyring, reached, writing = Keyring(company_id, self._unwrap), after, None
        try:
            while True:
                batch = await self._next(company_id, reached, head, keyring)
                moved = await writing if writing is not None else True
                writing = None
                if not moved or batch is None:
                    return reached - after
                writing = asyncio.create_task(self._write(company_id, batch))
                reached = batch.last
                if batch.stop is not None:
                    return await self._stop(company_id, batch, writing)
        finally:
            if writing is not None:
                await asyncio.wait({writing})

    async def _next(self, company_id: UUID, after: int, head: int, keyring: Keyring) -> Batch | None:
        raw = await self._pool.fetch(_READ, company_id, after, BATCH)
        if not raw:
            return None if after >= head else Batch(after, after, stop="an entry is missing at the end")
        recorded, stop = read(raw, after)
        await keyring.load(self._pool, recorded)
        try:
            rows, erased = rows_of(recorded, keyring)
        except SealBroken:
            return Batch(after, after, stop="a sealed box does not open with its key")
        return Batch(after, after + len(rows), rows, erased, keyring.foreigners(), months_destroyed(recorded), stop)

    async def _stop(self, company_id: UUID, batch: Batch, writing: "asyncio.Task[bool]") -> int:
        why = batch.stop or ""
        if await writing:
            await self._pool.execute(_STOP, company_id, NAME, batch.last, why)
        raise ProjectionStopped(batch.last + 1, why)

    async def _write(self, company_id: UUID, batch: Batch) -> bool:
        """False when another worker was first, or a key that was used is gone meanwhile."""
        for month in batch.months:
            await self._remake(company_id, month, batch.first_after)
        if not batch.erased and not batch.foreigners:
            return await _move(self._pool, company_id, batch)
        for customer in await self._customers(company_id, batch.erased):
            await self._blank_elsewhere(customer, batch.erased)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.fetchval(_LOCK, company_id, NAME)
            if not await _keys_held(connection, batch.foreigners):
                return False
            await connection.execute(_BLANK, company_id, batch.erased)
            return await _move(connection, company_id, batch)

    async def _remake(self, company_id: UUID, month: str, upto: int) -> None:
        """Rows that were made with a month's key become what they are without it. Under the lock, a batch at a time."""
        for after in range(0, upto, BATCH):
            if await self._pool.fetchval(_HAS_MONTH, company_id, after, after + BATCH, month):
                await repair(self._pool, self._unwrap, company_id, after, BATCH)

    async def _customers(self, company_id: UUID, erased: Sequence[UUID]) -> list[UUID]:
        return [row[0] for row in await self._pool.fetch(_CUSTOMERS, company_id)] if erased else []

    async def _blank_elsewhere(self, company_id: UUID, erased: Sequence[UUID]) -> None:
        """Under the lock: rows that another worker writes with a key it still holds come before this, or see it."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.fetchval(_LOCK, company_id, NAME)
            await connection.execute(_BLANK, company_id, erased)


async def _move(connection: Any, company_id: UUID, batch: Batch) -> bool:
    if not batch.rows:
        return True
    moved: int = await connection.fetchval(
        _WRITE, company_id, NAME, batch.first_after, batch.last, document(batch.rows)
    )
    return moved == 1


async def _keys_held(connection: Any, people: Sequence[PersonId]) -> bool:
    if not people:
        return True
    held: int = await connection.fetchval(_KEYS_HELD, [p[0] for p in people], [p[1] for p in people])
    return held == len(people)
