"""What the database says about itself: which restore it has been through, and whether the journal is ahead of it."""

from collections.abc import Collection
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg

from events.sql import statement
from events.store.postgres import available
from services.application.journal import Erased, Month

_EPOCH: Final = statement(__file__, "installation_epoch")
_RAISE: Final = statement(__file__, "installation_raise_epoch")
_PEOPLE: Final = statement(__file__, "journal_unheeded_people")
_MONTHS: Final = statement(__file__, "journal_unheeded_months")
_ERASED: Final = statement(__file__, "journal_erased_people")
_OTHERS: Final = statement(__file__, "others_connected")
_USERS: Final = statement(__file__, "restore_users")
_COMPANIES: Final = statement(__file__, "evidence_companies")
_DESTROYED: Final = statement(__file__, "journal_destroyed_months")
_HEADS: Final = statement(__file__, "log_heads")
_OPEN_ORIGIN: Final = statement(__file__, "open_origin")

SERVING: Final = "factorlog"  # names connections of whatever runs
RESTORING: Final = "factorlog restored"
_PATIENCE: Final = 600.0  # seconds: some questions are about everybody

_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class PostgresInstallation:
    """On a pool of the restricted role. Raises Unavailable."""

    def __init__(self, pool: _Pool) -> None:
        self._pool = pool

    async def epoch(self) -> int:
        async with available():
            epoch: int = await self._pool.fetchval(_EPOCH)
        return epoch

    async def raise_epoch(self, epoch: int) -> None:
        async with available():
            await self._pool.execute(_RAISE, epoch)

    async def knows_as_erased(self, people: Collection[Erased]) -> bool:
        """Are all of these erased here?"""
        return await self._is_empty(_PEOPLE, people)

    async def knows_as_destroyed(self, months: Collection[Month]) -> bool:
        """Are the keys of all these months gone here?"""
        return await self._is_empty(_MONTHS, months)

    async def erased(self) -> list[Erased]:
        async with available():
            return [(row[0], row[1]) for row in await self._pool.fetch(_ERASED, timeout=_PATIENCE)]

    async def destroyed_months(self) -> list[Month]:
        async with available():
            return [(row[0], row[1]) for row in await self._pool.fetch(_DESTROYED, timeout=_PATIENCE)]

    async def heads(self) -> list[tuple[UUID, int, str | None]]:
        """(company, last position, origin of its tree) of every log."""
        async with available():
            return [(row[0], row[1], row[2]) for row in await self._pool.fetch(_HEADS, timeout=_PATIENCE)]

    async def open_origin(self, company_id: UUID, origin: str, blind: bytes) -> None:
        async with available():
            await self._pool.execute(_OPEN_ORIGIN, company_id, origin, blind)

    async def others_are_connected(self) -> bool:
        """Does anything else of Factorlog work on this database?"""
        async with available():
            return bool(await self._pool.fetchval(_OTHERS, RESTORING))

    async def companies(self) -> list[UUID]:
        async with available():
            return [row[0] for row in await self._pool.fetch(_COMPANIES)]

    async def users(self, company_id: UUID, after: UUID, limit: int) -> list[UUID]:
        async with available():
            return [row[0] for row in await self._pool.fetch(_USERS, company_id, after, limit)]

    async def _is_empty(self, question: str, pairs: Collection[tuple[UUID, Any]]) -> bool:
        if not pairs:
            return True
        companies, others = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        async with available():
            return await self._pool.fetchrow(question, companies, others, timeout=_PATIENCE) is None
