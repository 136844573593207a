"""The one append for a caller that knows its commands ahead: a call takes them all, in their order."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from events.sealing import Random
from events.sql import statement
from events.store import postgres
from events.store.batch import arguments, entries
from events.store.port import Append, Appended, Status, Unavailable
from events.store.postgres import available

_APPEND: Final = statement(postgres.__file__, "append")


class PostgresBulkAppend:
    """BulkAppend on a pool of the restricted role."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", random: Random) -> None:
        self._pool = pool
        self._random = random

    async def append(self, commands: Sequence[tuple[Append, Sequence[UUID]]]) -> list[Appended]:
        batch = [(command, entries(command, iter(ids).__next__, self._random)) for command, ids in commands]
        async with available():
            row = await self._pool.fetchrow(_APPEND, *arguments(batch))
        if row is None:
            raise Unavailable("append gave no answer")
        return [Appended(Status(s), p) for s, p in zip(row[0], row[1], strict=True)]
