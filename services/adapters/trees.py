"""Trees in Postgres, for the use cases."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeAlias
from uuid import UUID

import asyncpg

from events.integrity.checkpoint import Signed
from events.integrity.tiles import Tile
from events.integrity.tree import Range
from events.sql import statement
from events.store.postgres import available
from events.trees.growing import TreeBroken
from events.trees.reading import TreeReader
from events.trees.stored import StoredTree
from services.application.transparency import EvidenceMissing

_OF_REQUEST: Final = statement(__file__, "position_of_request")

_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class PostgresTrees:
    def __init__(self, pool: _Pool) -> None:
        self._pool = pool

    async def newest(self, company_id: UUID) -> Signed | None:
        async with available():
            return await TreeReader(self._pool, company_id).newest()

    async def first_covering(self, company_id: UUID, position: int) -> Signed | None:
        async with available():
            return await TreeReader(self._pool, company_id).first_covering(position)

    async def sample_of_checkpoints(self, company_id: UUID, at_most: int) -> Sequence[Signed]:
        async with available():
            return await TreeReader(self._pool, company_id).sample_of_checkpoints(at_most)

    async def tile(self, company_id: UUID, tile: Tile) -> bytes:
        async with available(), _missing():
            return await TreeReader(self._pool, company_id).tile(tile)

    async def entries(self, company_id: UUID, first: int, last: int) -> Sequence[bytes]:
        async with available(), _missing():
            return await TreeReader(self._pool, company_id).entries(first, last)

    async def position_of(self, company_id: UUID, request_id: str) -> int | None:
        async with available():
            position: int | None = await self._pool.fetchval(_OF_REQUEST, company_id, request_id.encode())
        return position

    async def hashes(self, company_id: UUID, ranges: Sequence[Range], size: int) -> Sequence[bytes]:
        async with available(), _missing():
            return await TreeReader(self._pool, company_id).hashes(ranges, size)

    async def stored(self, company_id: UUID) -> StoredTree | None:
        async with available():
            return await TreeReader(self._pool, company_id).stored()

    async def notes(self, company_id: UUID, after: tuple[int, str], limit: int) -> Sequence[tuple[int, str, str]]:
        async with available():
            return await TreeReader(self._pool, company_id).notes(after, limit)


@asynccontextmanager
async def _missing() -> AsyncIterator[None]:
    try:
        yield
    except TreeBroken as error:
        raise EvidenceMissing(str(error)) from error
