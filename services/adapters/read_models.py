"""Read models as the use cases see them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg
from pydantic_core import from_json

from events.projections.words import words_asked
from events.sql import statement
from events.store.postgres import available
from events.upcasters import upcast
from services.application.audit import AuditFilters, AuditRow, SignInHour

_PAGE: Final = statement(__file__, "audit_page")
_PAGE_OF_SUBJECT: Final = statement(__file__, "audit_page_of_subject")
_PAGE_OF_ACTOR: Final = statement(__file__, "audit_page_of_actor")
_SIGN_IN_HOURS: Final = statement(__file__, "sign_in_hours")
_LOGINS: Final = statement(__file__, "logins")

_FROM_NEWEST: Final = 2**63 - 1
_MOST_WORDS: Final = 10

_PersonId: TypeAlias = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class _Found:
    """A row with the clear part of its entry."""

    row: Any
    entry: dict[str, Any]
    subject: _PersonId | None
    actor: _PersonId | None


class PostgresAuditTrail:
    """AuditTrail on the projection `audit_trail_1`, joined with the entries and with today's logins."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def page(
        self, company_id: UUID, filters: AuditFilters, limit: int, before_position: int | None
    ) -> Sequence[AuditRow]:
        """Newest first, before a position."""
        async with available():
            rows = await self._pool.fetch(
                _statement(filters),
                company_id,
                _FROM_NEWEST if before_position is None else before_position,
                limit,
                filters.type,
                filters.user_id,
                filters.actor_id,
                filters.from_at,
                filters.to_at,
                filters.ip,
                tsquery(filters.q) if filters.q and filters.q.strip() else None,
            )
        found = [_found(company_id, row) for row in rows]
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


def tsquery(text: str) -> str:
    """Every word of the text, each as the beginning of a stored one. Quoted, so that no sign means anything."""
    words = words_asked(text)[:_MOST_WORDS]
    return " & ".join("'" + word.replace("\\", "\\\\").replace("'", "''") + "':*" for word in words)


def _statement(filters: AuditFilters) -> str:
    if filters.user_id is not None:
        return _PAGE_OF_SUBJECT
    return _PAGE_OF_ACTOR if filters.actor_id is not None else _PAGE


def _found(company_id: UUID, row: Any) -> _Found:
    entry = upcast(from_json(row["entry"]))
    home = entry["actor"]["company_id"]
    subject_id, actor_id = row["subject_id"], row["actor_id"]
    return _Found(
        row=row,
        entry=entry,
        subject=(company_id, subject_id) if subject_id is not None else None,
        actor=(UUID(home), actor_id) if home is not None and actor_id is not None else None,
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
