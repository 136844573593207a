"""Lists of users, from their states: you read your own writes."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from events.company.policy import Policy
from events.sql import statement
from events.store.postgres import available
from services.application.ports import UserFilter

_PAGE: Final = statement(__file__, "users_page")


class PostgresUsers:
    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def page(
        self, company_id: UUID, policy: Policy, wanted: UserFilter, limit: int, after: tuple[str, UUID] | None
    ) -> Sequence[tuple[UUID, int, str]]:
        async with available():
            rows = await self._pool.fetch(
                _PAGE,
                company_id,
                wanted.role,
                wanted.two_factor,
                wanted.q,
                policy.requirement == "required",
                list(policy.roles) if policy.requirement == "required_for_roles" else [],
                after[0] if after else None,
                after[1] if after else None,
                limit,
            )
        return [(row["user_id"], row["version"], row["doc"]) for row in rows]
