"""The start page: one's own state at a glance; for those who may see it, the company's too."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from events.company.roles import Level, Right
from services.application.audit import AuditFilters
from services.application.errors import Refused
from services.application.ports import UserFilter
from services.portal import sentences, sign_ins
from services.portal.coverage import Coverage, coverage
from services.portal.visit import Answer, Page, Visit

_LAST: Final = 5
_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """What an administrator wants to see first. `shut_out`: some of them by login."""

    coverage: Coverage
    shut_out: tuple[tuple[UUID, str], ...]
    is_demanded: bool


async def show(visit: Visit) -> Answer:
    caller = visit.caller
    may_audit = visit.may(Right.AUDIT, Level.VIEW)
    return Page(
        template="start.html",
        values={
            "factor": visit.app.own.two_factor(caller),
            "sessions": len(await visit.app.own.sessions(caller)),
            "rows": await visit.app.audit.activity(caller, caller.user_id, _LAST, None),
            "sentences": sentences,
            "company": await company_of(visit) if visit.may(Right.USERS, Level.VIEW) else None,
            "sign_ins": await sign_ins.last_days(visit) if may_audit else None,
            "company_rows": await visit.app.audit.page(caller, AuditFilters(), _LAST, None) if may_audit else None,
        },
    )


async def company_of(visit: Visit) -> Company:
    """How the company stands in which the caller acts."""
    found = coverage(await visit.app.administration.count(visit.caller, UserFilter()))
    return Company(
        coverage=found,
        shut_out=await named(visit, found.shut_out[:_NAMED]),
        is_demanded=visit.caller.at.state.policy.requirement != "optional",
    )


async def named(visit: Visit, users: Iterable[UUID]) -> tuple[tuple[UUID, str], ...]:
    """(id, login) of those that are there."""
    found = []
    for user_id in users:
        with suppress(Refused):
            found.append((user_id, (await visit.app.users.find(visit.caller, user_id)).state.login))
    return tuple(found)
