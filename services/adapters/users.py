"""Lists of users, from their states: you read your own writes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import asyncpg

from events.company.policy import CompanyRules
from events.company.state import CompanyState
from events.sql import statement
from events.store.postgres import available
from services.application.ports import Standing, UserFilter

_PAGE: Final = statement(__file__, "users_page")
_PAGE_BACK: Final = statement(__file__, "users_page_back")
_COUNT: Final = statement(__file__, "users_count")
_UNPROTECTED: Final = statement(__file__, "users_unprotected")
_EVER: Final = datetime.min.replace(tzinfo=UTC)
_FIRST: Final = ("", UUID(int=0))  # before everybody
_LAST: Final = (chr(0x10FFFF), UUID(int=2**128 - 1))  # after everybody: no login may have this character


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
        *,
        backwards: bool = False,
    ) -> Sequence[tuple[UUID, int, str]]:
        demanded, late, grace_over, late_from = _demands(company, now)
        async with available():
            rows = await self._pool.fetch(
                _PAGE_BACK if backwards else _PAGE,
                company_id,
                wanted.role,
                wanted.two_factor,
                wanted.q,
                demanded,
                late,
                grace_over,
                now,
                *(after or (_LAST if backwards else _FIRST)),
                limit,
                late_from,
            )
        return [(row["user_id"], row["version"], row["doc"]) for row in rows]

    async def count(
        self, company_id: UUID, company: CompanyState, wanted: UserFilter, now: datetime
    ) -> Sequence[Standing]:
        demanded, late, grace_over, late_from = _demands(company, now)
        async with available():
            rows = await self._pool.fetch(
                _COUNT, company_id, wanted.role, wanted.q, demanded, late, grace_over, now, late_from
            )
        return [Standing(**{**row, "some": tuple(row["some"])}) for row in rows]

    async def unprotected(self, company_id: UUID) -> Sequence[tuple[UUID, str]]:
        async with available():
            rows = await self._pool.fetch(_UNPROTECTED, company_id)
        return [(row[0], row[1]) for row in rows]


def _demands(company: CompanyState, now: datetime) -> tuple[list[str], list[str], datetime, list[datetime]]:
    """(roles of whom the policy demands a factor now, those late to it, the end of late, from when on they are).

    Whoever met the policy after that end still has grace.
    """
    rules = company.rules
    grace_over = now - rules.policy.grace
    demanded = [name for name, _ in company.all_roles() if rules.policy.demands(name, now)]
    late = {name: since for name in demanded if (since := _late_from(rules, name, grace_over)) is not None}
    return demanded, list(late), grace_over, list(late.values())


def _late_from(rules: CompanyRules, role: str, moment: datetime) -> datetime | None:
    """Whose demands count from then on met a policy after `moment` only; None: that is so from `moment` itself on."""
    ends = [one.until for one in rules.demands_of(role) if one.at <= moment]
    closed = [end for end in ends if end is not None]
    return max(closed, default=_EVER) if len(closed) == len(ends) else None
