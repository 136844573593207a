"""Reports on Postgres: the log in passing, orders with what became of them, files in sealed parts."""

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg
import structlog
from pydantic_core import from_json

from events.company.reports import Order
from events.sealing import Random, SealBroken, open_secret, seal_secret
from events.sql import statement
from events.store.port import RawEvent
from events.store.postgres import available
from events.store.states import report_state
from services.application.reports.ports import Named, PersonGone, PersonId, ShownReport, Status
from services.application.vault import Vault

log = structlog.get_logger()

_ENTRIES: Final = statement(__file__, "report_entries")
_LINES: Final = statement(__file__, "report_lines")
_PEOPLE: Final = statement(__file__, "report_people")
_PAGE: Final = statement(__file__, "report_page")
_FIND: Final = statement(__file__, "report_find")
_OPEN: Final = statement(__file__, "report_open")
_LAST_ENTRY_AT: Final = statement(__file__, "report_last_entry_at")
_PROGRESS: Final = statement(__file__, "report_progress")
_PEOPLE_HELD: Final = statement(__file__, "report_people_held")
_DELETE: Final = statement(__file__, "report_file_delete")
_INSERT: Final = statement(__file__, "report_file_insert")
_PARTS: Final = statement(__file__, "report_file_parts")

KEY: Final = "reports"  # of the installation
_PART: Final = 1024 * 1024
_FROM_NEWEST: Final = 2**63 - 1
_PATIENCE: Final = 60.0  # seconds for what grows with a company

_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class PostgresReportLog:
    def __init__(self, pool: _Pool) -> None:
        self._pool = pool

    async def entries(self, company_id: UUID, after: int, upto: int, types: Sequence[str]) -> list[RawEvent]:
        async with available():
            rows = await self._pool.fetch(_ENTRIES, company_id, after, upto, list(types), timeout=_PATIENCE)
        return [RawEvent(*row) for row in rows]

    async def lines(self, company_id: UUID, positions: Sequence[int]) -> list[tuple[int, bytes]]:
        async with available():
            rows = await self._pool.fetch(_LINES, company_id, list(positions), timeout=_PATIENCE)
        return [(row[0], row[1]) for row in rows]

    async def people(self, people: Sequence[PersonId]) -> Mapping[PersonId, Named]:
        if not people:
            return {}
        async with available():
            rows = await self._pool.fetch(_PEOPLE, [p[0] for p in people], [p[1] for p in people], timeout=_PATIENCE)
        return {(row[0], row[1]): Named(row[2] or None, row[3]) for row in rows}


class PostgresShelf:
    """Files are compressed, cut into parts and sealed under a key of the installation."""

    def __init__(self, pool: _Pool, vault: Vault, random: Random) -> None:
        self._pool = pool
        self._vault = vault
        self._random = random

    async def page(self, company_id: UUID, limit: int, before: int | None) -> Sequence[ShownReport]:
        async with available():
            rows = await self._pool.fetch(_PAGE, company_id, _FROM_NEWEST if before is None else before, limit)
        return [_shown(row) for row in rows]

    async def find(self, company_id: UUID, report_id: UUID) -> ShownReport | None:
        async with available():
            row = await self._pool.fetchrow(_FIND, company_id, report_id)
        return _shown(row) if row is not None else None

    async def open_ones(self, company_id: UUID) -> int:
        async with available():
            return int(await self._pool.fetchval(_OPEN, company_id))

    async def last_entry_at(self, company_id: UUID) -> datetime | None:
        async with available():
            at: datetime | None = await self._pool.fetchval(_LAST_ENTRY_AT, company_id)
        return at

    async def progress(self, company_id: UUID, report_id: UUID, position: int, done: int, total: int) -> None:
        async with available():
            await self._pool.execute(_PROGRESS, company_id, report_id, position, done, total)

    async def store(self, company_id: UUID, report_id: UUID, content: bytes, people: Sequence[PersonId]) -> None:
        key = await self._vault.installation_key(KEY)
        packed = await asyncio.to_thread(zlib.compress, content)
        parts = [packed[begin : begin + _PART] for begin in range(0, len(packed), _PART)]
        async with available(), self._pool.acquire() as connection, connection.transaction():
            # The keys first: an erasure that waits for these rows finds the file and takes it away.
            held = await connection.fetchval(
                _PEOPLE_HELD, [p[0] for p in people], [p[1] for p in people], timeout=_PATIENCE
            )
            if held != len(people):
                raise PersonGone
            await connection.execute(_DELETE, company_id, report_id)
            for number, part in enumerate(parts):
                sealed = seal_secret(part, key, _context(company_id, report_id, number), self._random)
                await connection.execute(_INSERT, company_id, report_id, number, sealed, timeout=_PATIENCE)

    async def content(self, company_id: UUID, report_id: UUID) -> bytes | None:
        async with available():
            rows = await self._pool.fetch(_PARTS, company_id, report_id, timeout=_PATIENCE)
        if not rows:
            return None
        key = await self._vault.installation_key(KEY)
        try:
            parts = [open_secret(row[0], key, _context(company_id, report_id, n)) for n, row in enumerate(rows)]
        except SealBroken:
            log.error("report_file_does_not_open", company_id=str(company_id), report_id=str(report_id))
            return None
        return await asyncio.to_thread(zlib.decompress, b"".join(parts))


def _context(company_id: UUID, report_id: UUID, part: int) -> bytes:
    return f"{company_id}|{report_id}|report|{part}".encode()


def _shown(row: Any) -> ShownReport:
    state, actor = report_state(row["doc"]), from_json(row["entry"])["actor"]
    assert state.report is not None  # noqa: S101 - the statement looks for it
    assert state.requested_at is not None  # noqa: S101 - every order has it
    order = Order(kind=state.report, as_of=state.as_of, from_at=state.from_at, to_at=state.to_at)
    return ShownReport(
        id=row["id"],
        order=order,
        language=state.language,
        status=_status(row),
        requested_at=state.requested_at.astimezone(UTC),
        requested_by_kind=actor["kind"],
        requested_by=UUID(actor["id"]) if actor["id"] else None,
        requested_position=row["requested_position"],
        position=row["position"],
        done=row["done"] or 0,
        total=row["total"] or 0,
    )


def _status(row: Any) -> Status:
    if row["done_at"] is not None:
        return "ready"
    if row["failed_at"] is not None:
        return "failed"
    return "running" if row["lease_until"] is not None else "queued"
