"""Read models as the use cases see them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg
import structlog
from pydantic_core import from_json

from events.projections.audit_trail import NAME
from events.sql import statement
from events.store.postgres import available
from events.upcasters import upcast
from services.adapters import audit_query
from services.application.audit import AuditFilters, AuditRow, Period, SignInHour

log = structlog.get_logger()

_WALK: Final = statement(__file__, "audit_walk")
_WALK_OF_SUBJECT: Final = statement(__file__, "audit_walk_of_subject")
_WALK_OF_ACTOR: Final = statement(__file__, "audit_walk_of_actor")
_WALK_OF_TYPE: Final = statement(__file__, "audit_walk_of_type")
_FOUND: Final = statement(__file__, "audit_found")
_PERIOD: Final = statement(__file__, "audit_period")
_WINDOW: Final = statement(__file__, "audit_window")
_WINDOW_COUNT: Final = statement(__file__, "audit_window_count")
_POSITION: Final = statement(__file__, "evidence_trail_position")
_SIGN_IN_HOURS: Final = statement(__file__, "sign_in_hours")
_LOGINS: Final = statement(__file__, "logins")

_BEHIND_ALL: Final = 2**63 - 1
LOOKED_THROUGH: Final = 10_000  # rows, newest first; what is rarer than a page of them is asked of the other index

_PersonId: TypeAlias = tuple[UUID, UUID]


class _Found(NamedTuple):
    """A row with the clear part of its entry."""

    row: Any
    entry: dict[str, Any]
    subject: _PersonId | None
    actor: _PersonId | None


class PostgresAuditTrail:
    """AuditTrail on the projection `audit_trail_1`, with the entries and today's logins. Raises Unavailable."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def page(
        self, company_id: UUID, filters: AuditFilters, limit: int, before_position: int | None
    ) -> Sequence[AuditRow]:
        if audit_query.is_of_signs_only(filters):
            return []
        async with available():
            period = await self._period(company_id, filters)
            behind = min(period.behind, before_position or _BEHIND_ALL)
            rows = await self._newest(company_id, filters, limit, Period(period.first, behind))
        return await self._shown(company_id, [(row, _readable_part(row["entry"])) for row in rows])

    async def position(self, company_id: UUID) -> int:
        async with available():
            row = await self._pool.fetchrow(_POSITION, company_id, NAME)
        return row[0] if row is not None else 0

    async def period(self, company_id: UUID, filters: AuditFilters) -> Period:
        async with available():
            return await self._period(company_id, filters)

    async def count(self, company_id: UUID, filters: AuditFilters, window: Period) -> int:
        if audit_query.is_of_signs_only(filters):
            return 0
        async with available():
            counted: int = await self._pool.fetchval(
                _WINDOW_COUNT, company_id, *window, *audit_query.arguments(filters)
            )
        return counted

    async def window(self, company_id: UUID, filters: AuditFilters, window: Period) -> Sequence[AuditRow]:
        if audit_query.is_of_signs_only(filters):
            return []
        async with available():
            rows = await self._pool.fetch(_WINDOW, company_id, *window, *audit_query.arguments(filters))
        return await self._shown(company_id, [(row, _clear_part(row["entry"])) for row in rows])

    async def _period(self, company_id: UUID, filters: AuditFilters) -> Period:
        if filters.from_at is None and filters.to_at is None:
            return Period(1, _BEHIND_ALL)
        first, behind = await self._pool.fetchrow(_PERIOD, company_id, filters.from_at, filters.to_at) or (None, None)
        if filters.from_at is None:
            first = 1
        return Period(first or _BEHIND_ALL, behind or _BEHIND_ALL)

    async def _newest(self, company_id: UUID, filters: AuditFilters, limit: int, period: Period) -> Sequence[Any]:
        """Whatever is frequent is found while walking; the rest by the index of all marks."""
        asked, by_index = audit_query.arguments(filters), _index_of(filters)
        is_all = sum(one is not None for one in asked) == by_index.answers
        most = limit if is_all else LOOKED_THROUGH
        rows: Sequence[Any] = await self._pool.fetch(by_index.walk, company_id, *period, limit, most, *asked)
        if is_all or len(rows) == limit:
            return rows
        behind = min(period.behind, 1 + await self.position(company_id))
        if behind - period.first <= LOOKED_THROUGH:
            return rows
        found: Sequence[Any] = await self._pool.fetch(
            _FOUND, company_id, *period, limit, audit_query.marks(company_id, filters)
        )
        return found

    async def _shown(self, company_id: UUID, rows: Sequence[tuple[Any, dict[str, Any]]]) -> list[AuditRow]:
        found = [_found(company_id, row, entry) for row, entry in rows]
        logins = await self._logins({p for f in found for p in (f.subject, f.actor) if p is not None})
        return [_shown(f, logins) for f in found]

    async def sign_in_hours(self, company_id: UUID, since: datetime) -> Sequence[SignInHour]:
        async with available():
            rows = await self._pool.fetch(_SIGN_IN_HOURS, company_id, since)
        return [SignInHour(**row) for row in rows]

    async def _logins(self, people: Iterable[_PersonId]) -> dict[_PersonId, str]:
        pairs = list(people)
        if not pairs:
            return {}
        async with available():
            rows = await self._pool.fetch(_LOGINS, [p[0] for p in pairs], [p[1] for p in pairs])
        return {(row[0], row[1]): row[2] for row in rows if row[2]}


class _Index(NamedTuple):
    """A statement that walks along an index, and how many filters it answers by itself."""

    walk: str
    answers: int


def _index_of(filters: AuditFilters) -> _Index:
    if filters.user_id is not None:
        return _Index(_WALK_OF_SUBJECT, 1)
    if filters.actor_id is not None:
        return _Index(_WALK_OF_ACTOR, 1)
    return _Index(_WALK_OF_TYPE, 1) if filters.type is not None else _Index(_WALK, 0)


@lru_cache(maxsize=256)
def _company(text: str) -> UUID:
    return UUID(text)


# Somebody changed it in the database. `check` and `verify` name it; the others of a page are shown all the same.
_UNREADABLE: Final[dict[str, Any]] = {
    "id": str(UUID(int=0)),
    "actor": {"company_id": None},
    "request_id": "",
    "data": {"unreadable": True},
}


def _readable_part(stored: bytes) -> dict[str, Any]:
    try:
        return _clear_part(stored)
    except ValueError:
        log.error("entry_unreadable")
        return _UNREADABLE


def _clear_part(stored: bytes) -> dict[str, Any]:
    """Raises ValueError for an entry that is ruined."""
    try:
        # Nearly every text of an entry is there once: to remember them costs more than it saves.
        entry = upcast(from_json(stored, cache_strings="keys"))
        shown = {"id": str(UUID(entry["id"])), "request_id": str(entry["request_id"]), "data": dict(entry["data"])}
        home = entry["actor"]["company_id"]
        return {**shown, "actor": {"company_id": home and str(_company(home))}}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("the entry is no entry") from error


def _found(company_id: UUID, row: Any, entry: dict[str, Any]) -> _Found:
    home = entry["actor"]["company_id"]
    subject_id, actor_id = row["subject_id"], row["actor_id"]
    return _Found(
        row,
        entry,
        (company_id, subject_id) if subject_id is not None else None,
        (_company(home), actor_id) if home is not None and actor_id is not None else None,
    )


def _shown(found: _Found, logins: dict[_PersonId, str]) -> AuditRow:
    row, entry = found.row, found.entry
    return AuditRow(
        position=row["position"],
        id=UUID(entry["id"]),
        type=row["type"],
        at=row["at"],
        actor_kind=row["actor_kind"],
        actor_id=row["actor_id"],
        actor_label=logins.get(found.actor) if found.actor else None,
        subject_id=row["subject_id"],
        subject_label=logins.get(found.subject) if found.subject else None,
        ip=row["ip"],
        user_agent=row["user_agent"],
        request_id=entry["request_id"],
        reason=row["reason"],
        details=entry["data"],
    )
