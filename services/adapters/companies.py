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
_PAGE_BACK: Final = statement(__file__, "companies_page_back")
_FIRST: Final = ("", UUID(int=0))  # before all of them
_LAST: Final = (chr(0x10FFFF), UUID(int=2**128 - 1))  # after all of them: no name may have this character


class PostgresCompanies:
    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def page(self, limit: int, after: tuple[str, UUID] | None, *, backwards: bool = False) -> Sequence[Tenant]:
        asked, begin = (_PAGE_BACK, _LAST) if backwards else (_PAGE, _FIRST)
        async with available():
            rows = await self._pool.fetch(asked, *(after or begin), limit)
        return [Tenant(id=row[0], version=row[1], state=company_state(row[0], row[1], row[2])) for row in rows]
