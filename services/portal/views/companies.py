"""Provider › Companies: all of them, a new one, and one of them: its name, its state, how it is covered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final
from uuid import UUID, uuid5

from pydantic import StringConstraints

from events.company.roles import Level, Right
from events.company.state import CompanyState
from events.decision import Refusal
from services.application.context import Tenant
from services.application.errors import Refused, Replayed
from services.application.ports import UserFilter
from services.portal import hindrances, sign_ins
from services.portal.coverage import Coverage, coverage
from services.portal.forms import Form
from services.portal.messages import Said
from services.portal.views.start import company_of
from services.portal.views.user import ReasonForm
from services.portal.visit import Answer, Goto, Page, Visit

_ROWS: Final = 20


class NameForm(Form):
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class RenameForm(NameForm):
    """`seen`: the name that the form was made from."""

    seen: Annotated[str, StringConstraints(max_length=200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    company: Tenant
    coverage: Coverage | None


async def show(visit: Visit) -> Answer:
    rows, has_earlier, has_later = await _page(visit)
    return Page(
        template="companies/list.html",
        values={
            "rows": [await _row(visit, company) for company in rows],
            "earlier": f"/companies?before={rows[0].id}" if has_earlier else None,
            "later": f"/companies?after={rows[-1].id}" if has_later else None,
            "may_see_users": visit.may(Right.USERS, Level.VIEW),
            "why_not": hindrances.of_right(visit, Right.COMPANIES, own_factor=True),
        },
    )


async def _page(visit: Visit) -> tuple[Sequence[Tenant], bool, bool]:
    """(a page by name, is there something before it, and after it)."""
    after, before = await _edge(visit, "after"), await _edge(visit, "before")
    back = after is None and before is not None
    found = await visit.app.companies.page(visit.caller, _ROWS + 1, after or before, backwards=back)
    rows, more = found[:_ROWS], len(found) > _ROWS
    if back:
        return rows[::-1], more, bool(rows)
    return rows, after is not None and bool(rows), more


async def _row(visit: Visit, company: Tenant) -> Row:
    if not visit.may(Right.USERS, Level.VIEW):
        return Row(company=company, coverage=None)
    counted = await visit.app.administration.count(replace(visit.caller, elsewhere=company), UserFilter())
    return Row(company=company, coverage=coverage(counted))


async def _edge(visit: Visit, name: str) -> tuple[str, UUID] | None:
    try:
        company = await visit.app.companies.find(UUID(visit.query[name]))
    except (KeyError, ValueError, Refused):
        return None
    return company.state.name, company.id


async def ask_to_add(visit: Visit) -> Answer:
    return Page(template="companies/add.html")


async def add(visit: Visit, form: NameForm) -> Answer:
    claim = visit.request.idempotency
    made = uuid5(visit.caller.company_id, claim.key) if claim is not None else visit.app.entropy.uuid()
    place = Tenant(id=made, state=CompanyState(), version=0)
    try:
        await visit.app.companies.create(replace(visit.caller, elsewhere=place), form.name)
    except Refused as refused:
        if refused.refusal is Refusal.ALREADY_EXISTS:
            # Nothing but this very form, sent before, makes a company of this id.
            raise Replayed from refused
        raise
    return Goto(path=f"/companies/{made}", said=Said.COMPANY_ADDED)


async def show_one(visit: Visit) -> Answer:
    return Page(
        template="companies/one.html",
        values={
            "company": await company_of(visit) if visit.may(Right.USERS, Level.VIEW) else None,
            "sign_ins": await sign_ins.last_days(visit) if visit.may(Right.AUDIT, Level.VIEW) else None,
            "why_not": hindrances.of_right(visit, Right.COMPANIES, own_factor=True),
        },
    )


async def rename(visit: Visit, form: RenameForm) -> Answer:
    def check(tenant: Tenant) -> None:
        if tenant.state.name != form.seen:
            raise Refused(Refusal.PRECONDITION_FAILED)

    await visit.app.companies.rename(visit.caller, form.name, check)
    return Goto(path=visit.place, said=Said.COMPANY_RENAMED)


async def ask_to_suspend(visit: Visit) -> Answer:
    return Page(template="companies/act.html", values={"kind": "suspend"})


async def suspend(visit: Visit, form: ReasonForm) -> Answer:
    await visit.app.companies.suspend(visit.caller, form.reason)
    return Goto(path=visit.place, said=Said.COMPANY_SUSPENDED)


async def ask_to_resume(visit: Visit) -> Answer:
    return Page(template="companies/act.html", values={"kind": "resume"})


async def resume(visit: Visit, form: ReasonForm) -> Answer:
    await visit.app.companies.resume(visit.caller, form.reason)
    return Goto(path=visit.place, said=Said.COMPANY_RESUMED)
