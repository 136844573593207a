"""What is read of a tree: tiles, hashes of ranges, signed checkpoints."""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias
from uuid import UUID

import asyncpg

from events.integrity.checkpoint import Signed
from events.integrity.tiles import WIDTH, Tile, hash_of, tile_in, tiles_for
from events.integrity.tree import EMPTY_ROOT, Range
from events.sql import statement
from events.trees.growing import INSTALLATION, TreeBroken
from events.trees.stored import StoredTree

_LEAVES: Final = statement(__file__, "leaves")
_NODES: Final = statement(__file__, "nodes")
_TREE: Final = statement(__file__, "read_tree")
_NEWEST: Final = statement(__file__, "newest_checkpoint")
_FIRST: Final = statement(__file__, "first_checkpoint")
_SAMPLE: Final = statement(__file__, "sample_of_checkpoints")
_CHECKPOINTS: Final = statement(__file__, "checkpoints")
_BUNDLE: Final = statement(__file__, "bundle")
_CHECKPOINT_ENTRIES: Final = statement(__file__, "checkpoint_entries")

_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class TreeReader:
    """Of one company, or of the installation's log of checkpoints."""

    def __init__(self, pool: _Pool, company_id: UUID) -> None:
        self._pool = pool
        self._company_id = company_id

    async def stored(self) -> StoredTree | None:
        row = await self._pool.fetchrow(_TREE, self._company_id)
        return StoredTree(*row) if row is not None else None

    async def newest(self) -> Signed | None:
        row = await self._pool.fetchrow(_NEWEST, self._company_id)
        return Signed(*row) if row is not None else None

    async def first_covering(self, position: int) -> Signed | None:
        row = await self._pool.fetchrow(_FIRST, self._company_id, position)
        return Signed(*row) if row is not None else None

    async def sample_of_checkpoints(self, at_most: int) -> list[Signed]:
        """Evenly spread over the log."""
        return [Signed(*row) for row in await self._pool.fetch(_SAMPLE, self._company_id, at_most)]

    async def notes(self, after: tuple[int, str], limit: int) -> list[tuple[int, str, str]]:
        """(size, origin, note) of checkpoints behind that size and origin."""
        rows = await self._pool.fetch(_CHECKPOINTS, self._company_id, *after, limit)
        return [(row[0], row[1], row[2]) for row in rows]

    async def entries(self, first: int, last: int) -> list[bytes]:
        """From position `first` to `last`. Raises TreeBroken."""
        if self._company_id == INSTALLATION:
            rows = await self._pool.fetch(_CHECKPOINT_ENTRIES, first - 1, last - first + 1)
        else:
            rows = await self._pool.fetch(_BUNDLE, self._company_id, first, last)
        for expected, row in enumerate(rows, first):
            if row[0] != expected:
                raise TreeBroken(f"the entry at position {expected} is missing")
        if len(rows) != last - first + 1:
            raise TreeBroken(f"the entry at position {first + len(rows)} is missing")
        return [row[1] for row in rows]

    async def tile(self, tile: Tile) -> bytes:
        """Its hashes, one after the other. Raises TreeBroken."""
        first = tile.number * WIDTH
        if tile.level == 0:
            return await self._leaves(first, first + tile.width)
        rows = await self._pool.fetch(_NODES, self._company_id, tile.level, first, first + tile.width)
        if [row[0] for row in rows] != list(range(first, first + tile.width)):
            raise TreeBroken(f"a hash of tile {tile.path} is missing")
        return b"".join(row[1] for row in rows)

    async def hashes(self, ranges: Sequence[Range], size: int) -> list[bytes]:
        """Of each range, in a tree of this size. Raises TreeBroken."""
        tiles = await self._tiles(tiles_for(ranges), size)
        return [hash_of(asked, tiles) for asked in ranges]

    async def root(self, size: int) -> bytes:
        """As the stored leaves and nodes make it. Raises TreeBroken."""
        return (await self.hashes([Range(0, size)], size))[0] if size else EMPTY_ROOT

    async def _tiles(self, places: Iterable[tuple[int, int]], size: int) -> dict[tuple[int, int], bytes]:
        read: dict[tuple[int, int], bytes] = {}
        for level, number in sorted(places):
            tile = tile_in(size, level, number)
            if tile is None:
                raise TreeBroken(f"tile {level}/{number} is behind the end of the tree")
            read[level, number] = await self.tile(tile)
        return read

    async def _leaves(self, first: int, end: int) -> bytes:
        hashes, at = bytearray(), first
        for batch_first, batch in await self._pool.fetch(_LEAVES, self._company_id, first, end):
            batch_end = batch_first + len(batch) // 32
            if batch_first > at or batch_end <= at:
                raise TreeBroken(f"the leaf of position {at + 1} is missing")
            upto = min(batch_end, end)
            hashes += batch[32 * (at - batch_first) : 32 * (upto - batch_first)]
            at = upto
        if at != end:
            raise TreeBroken(f"the leaf of position {at + 1} is missing")
        return bytes(hashes)
