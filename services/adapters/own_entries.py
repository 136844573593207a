"""A person's own entries, found by the audit trail's indexes."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from events.sql import statement
from events.store.port import RawEvent
from events.store.postgres import available

_ENTRIES: Final = statement(__file__, "own_entries")


class PostgresOwnEntries:
    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def entries(self, company_id: UUID, user_id: UUID, after: int, limit: int) -> Sequence[RawEvent]:
        async with available():
            rows = await self._pool.fetch(_ENTRIES, company_id, user_id, after, limit)
        return [RawEvent(*row) for row in rows]
