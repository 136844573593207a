"""The audit trail as people read it: a read model, never consulted by a rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from events.company.roles import Level, Right
from services.application import access
from services.application.context import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilters:
    """`from_at` is inclusive, `to_at` exclusive; `user_id` matches the subject; `q` finds words and prefixes."""

    type: str | None = None
    user_id: UUID | None = None
    actor_id: UUID | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    ip: str | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One fact as shown. Labels are today's logins, None for who is erased or no person."""

    position: int
    id: UUID
    type: str
    at: datetime
    actor_kind: str
    actor_id: UUID | None
    actor_label: str | None
    subject_id: UUID | None
    subject_label: str | None
    ip: str | None
    user_agent: str | None
    request_id: str
    reason: str | None
    details: Mapping[str, Any] = field(default_factory=dict)


class Period(NamedTuple):
    """Positions from `first` on, before `behind`."""

    first: int
    behind: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInHour:
    """How often people signed in, or were refused at it, within the hour that begins then."""

    hour: datetime
    refused: bool
    events: int


class AuditTrail(Protocol):
    """Of one company, newest first."""

    async def page(
        self, company_id: UUID, filters: AuditFilters, limit: int, before_position: int | None
    ) -> Sequence[AuditRow]:
        """Before a position (from the newest when None)."""
        ...

    async def position(self, company_id: UUID) -> int:
        """How far the trail has come."""
        ...

    async def period(self, company_id: UUID, filters: AuditFilters) -> Period:
        """The positions between `from_at` and `to_at`."""
        ...

    async def count(self, company_id: UUID, filters: AuditFilters, window: Period) -> int:
        """How many rows `window` gives."""
        ...

    async def window(self, company_id: UUID, filters: AuditFilters, window: Period) -> Sequence[AuditRow]:
        """All rows of a few positions; `from_at` and `to_at` are not looked at."""
        ...

    async def sign_in_hours(self, company_id: UUID, since: datetime) -> Sequence[SignInHour]:
        """Of one company, in the order of time; hours without any are left out."""
        ...


class Audit:
    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    async def page(self, caller: Caller, filters: AuditFilters, limit: int, before: int | None) -> Sequence[AuditRow]:
        """The company's audit trail, for those with the right to it."""
        access.demand_right(caller, Right.AUDIT, Level.VIEW)
        return await self._trail.page(caller.at.id, filters, limit, before)

    async def sign_ins(self, caller: Caller, since: datetime) -> Sequence[SignInHour]:
        """How busy the company's door was, for those with the right to its audit trail."""
        access.demand_right(caller, Right.AUDIT, Level.VIEW)
        return await self._trail.sign_in_hours(caller.at.id, since)

    async def activity(self, caller: Caller, user_id: UUID, limit: int, before: int | None) -> Sequence[AuditRow]:
        """What concerns one user of the caller's company; the caller, or a user that the caller may view."""
        if user_id != caller.user_id or caller.is_elsewhere:
            access.demand_right(caller, Right.USERS, Level.VIEW)
        return await self._trail.page(caller.at.id, AuditFilters(user_id=user_id), limit, before)
