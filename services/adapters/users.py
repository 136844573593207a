"""Lists of users, from their states: you read your own writes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from events.company.state import CompanyState
from events.sql import statement
from events.store.postgres import available
from services.application.ports import UserFilter

_PAGE: Final = statement(__file__, "users_page")
_UNPROTECTED: Final = statement(__file__, "users_unprotected")
_FIRST: Final = ("", UUID(int=0))  # before everybody


class PostgresUsers:
    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def page(
        self,
        company_id: UUID,
        company: CompanyState,
        wanted: UserFilter,
        now: datetime,
        limit: int,
        after: tuple[str, UUID] | None,
    ) -> Sequence[tuple[UUID, int, str]]:
        async with available():
            rows = await self._pool.fetch(
                _PAGE,
                company_id,
                wanted.role,
                wanted.two_factor,
                wanted.q,
                *_demands(company, now),
                now,
                *(after or _FIRST),
                limit,
            )
        return [(row["user_id"], row["version"], row["doc"]) for row in rows]

    async def unprotected(self, company_id: UUID) -> Sequence[tuple[UUID, str]]:
        async with available():
            rows = await self._pool.fetch(_UNPROTECTED, company_id)
        return [(row[0], row[1]) for row in rows]


def _demands(company: CompanyState, now: datetime) -> tuple[Any, ...]:
    """(roles of whom the policy demands a factor now, roles that met it only after some time, that time).

    Whoever met the policy after that time still has grace.
    """
    rules, names = company.rules, [name for name, _ in company.all_roles()]
    grace_over = now - rules.policy.grace
    since = {name: rules.demanded_since(name) for name in names}
    late = [name for name, begun in since.items() if begun is not None and begun > grace_over]
    return [name for name in names if rules.policy.demands(name, now)], late, grace_over
