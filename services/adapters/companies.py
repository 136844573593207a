"""Lists of companies, from their states."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from events.sql import statement
from events.store.postgres import available
from events.store.states import company_state
from services.application.context import Tenant

_PAGE: Final = statement(__file__, "companies_page")
_FIRST: Final = ("", UUID(int=0))  # before all of them


class PostgresCompanies:
    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def page(self, limit: int, after: tuple[str, UUID] | None) -> Sequence[Tenant]:
        async with available():
            rows = await self._pool.fetch(_PAGE, *(after or _FIRST), limit)
        return [Tenant(id=row[0], version=row[1], state=company_state(row[0], row[1], row[2])) for row in rows]
