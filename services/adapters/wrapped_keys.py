"""The rows that hold wrapped data keys, read page by page and written anew by compare-and-set."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg

from events.sql import statement
from events.store.postgres import available
from services.application.key_rotation import Holder, Place, WrappedKey

_COUNT: Final = statement(__file__, "wrapped_keys_count")

PAGE: Final = 1000
_PATIENCE: Final = 600.0  # seconds: a count reads whole tables

_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class _Table(NamedTuple):
    page: str
    rewrap: str
    start: Place  # before every row


_TABLES: Final = {
    Holder.PERSON: _Table(
        statement(__file__, "person_keys_page"), statement(__file__, "person_keys_rewrap"), (UUID(int=0), UUID(int=0))
    ),
    Holder.MONTH: _Table(
        statement(__file__, "trace_keys_page"), statement(__file__, "trace_keys_rewrap"), (UUID(int=0), "")
    ),
    Holder.INSTALLATION: _Table(
        statement(__file__, "installation_keys_page"), statement(__file__, "installation_keys_rewrap"), ("",)
    ),
}


class PostgresWrappedKeys:
    """WrappedKeys on a pool of the restricted role."""

    def __init__(self, pool: _Pool) -> None:
        self._pool = pool

    async def count(self) -> int:
        async with available():
            return int(await self._pool.fetchval(_COUNT, timeout=_PATIENCE))

    async def pages(self) -> AsyncIterator[list[WrappedKey]]:
        for holder, table in _TABLES.items():
            after = table.start
            while rows := await self._fetch(table.page, after):
                yield [WrappedKey(holder, tuple(row)[:-1], row["wrapped"]) for row in rows]
                after = tuple(rows[-1])[:-1]

    async def _fetch(self, page: str, after: Place) -> list[asyncpg.Record]:
        async with available():
            return await self._pool.fetch(page, *after, PAGE)

    async def rewrap(self, changes: Sequence[tuple[WrappedKey, bytes]]) -> int:
        if not changes:
            return 0
        places = zip(*(row.place for row, _ in changes), strict=True)
        before, after = [row.wrapped for row, _ in changes], [wrapped for _, wrapped in changes]
        statement_ = _TABLES[changes[0][0].holder].rewrap
        async with available():
            done = await self._pool.execute(statement_, *map(list, places), before, after)
        return int(done.split()[-1])
