"""Company › Roles: the built-in ones and the company's own, with their rights in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

from events.company.roles import BUILT_IN, Level, Right, Rights, covers, words_of
from events.decision import Refusal
from services.application.acting import Check
from services.application.context import Tenant
from services.application.errors import Refused
from services.application.ports import UserFilter
from services.portal import hindrances, words
from services.portal.forms import SLUG, Form, Ticked
from services.portal.messages import Said
from services.portal.visit import Answer, Goto, Page, Visit


def _is_name(name: str) -> str:
    if not SLUG.fullmatch(name):
        raise PydanticCustomError("role_name", "no name of a role")
    return name


_Level: TypeAlias = Literal["none", "view", "full"] | None


class RightsForm(Form):
    """What is not named stays as it is, or is none. `seen`: the rights that the form was made from."""

    users: _Level = None
    two_factor_others: _Level = None
    sessions_others: _Level = None
    policy: _Level = None
    audit: _Level = None
    reports: _Level = None
    integrations: _Level = None
    companies: _Level = None
    own_security: _Level = None
    seen: Annotated[str, StringConstraints(max_length=200)] = ""
    confirm: Ticked = False

    def named(self) -> dict[str, str]:
        given = {right.value: getattr(self, right.value) for right in Right}
        return {right: level for right, level in given.items() if level is not None}


class AddForm(RightsForm):
    name: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_is_name)]


class DeleteForm(Form):
    seen: Annotated[str, StringConstraints(max_length=200)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One role: what it may do with everything, and what it only sees."""

    name: str
    built_in: bool
    full: tuple[str, ...]
    view: tuple[str, ...]


async def show(visit: Visit) -> Answer:
    rows = [_row(name, rights) for name, rights in visit.caller.at.state.all_roles()]
    return Page(template="roles/list.html", values={"rows": rows, "words": words, "why_not": _why_not(visit)})


def _row(name: str, rights: Rights) -> Row:
    def at(level: Level) -> tuple[str, ...]:
        return tuple(words.RIGHTS[right.value] for right in Right if rights[right] is level)

    return Row(name=name, built_in=name in BUILT_IN, full=at(Level.FULL), view=at(Level.VIEW))


async def ask_to_add(visit: Visit) -> Answer:
    nothing = dict.fromkeys(Right, Level.NONE)
    return Page(template="roles/add.html", values=_choices(visit, nothing))


async def add(visit: Visit, form: AddForm) -> Answer:
    await visit.app.companies.create_role(visit.caller, form.name, form.named())
    return Goto(path=f"/roles/{form.name}", said=Said.ROLE_ADDED)


async def show_one(visit: Visit) -> Answer:
    rights = _rights(visit)
    return Page(
        template="roles/one.html",
        values={
            **_choices(visit, rights),
            "role": visit.slug,
            "built_in": visit.slug in BUILT_IN,
            "users": await _users(visit),
            "is_own": visit.slug == visit.caller.user.state.role and not visit.caller.is_elsewhere,
            "why_not": _why_not(visit, rights),
        },
    )


async def change(visit: Visit, form: RightsForm) -> Answer:
    await visit.app.companies.change_role(
        visit.caller, visit.slug, form.named(), _as_seen(visit, form.seen), confirmed=form.confirm
    )
    return Goto(path=f"/roles/{visit.slug}", said=Said.ROLE_CHANGED)


async def ask_to_delete(visit: Visit) -> Answer:
    rights = _rights(visit)
    if visit.slug in BUILT_IN:
        return Goto(path=f"/roles/{visit.slug}")
    return Page(
        template="roles/delete.html",
        values={
            "role": visit.slug,
            "users": await _users(visit),
            "in_policy": visit.slug in visit.caller.at.state.policy.roles,
            "seen": _mark(rights),
            "why_not": _why_not(visit, rights),
        },
    )


async def delete(visit: Visit, form: DeleteForm) -> Answer:
    await visit.app.companies.delete_role(visit.caller, visit.slug, _as_seen(visit, form.seen))
    return Goto(path="/roles", said=Said.ROLE_DELETED)


def _rights(visit: Visit) -> Rights:
    """Of the role in the path. Raises Refused(NOT_FOUND)."""
    company = visit.caller.at.state
    if not company.has_role(visit.slug):
        raise Refused(Refusal.NOT_FOUND)
    return company.rights_of(visit.slug)


def _choices(visit: Visit, rights: Rights) -> dict[str, object]:
    """The levels that the reader may give, right by right; a right that nobody here can have is left out."""
    own = visit.caller.rights()
    most = {right: max(own[right], rights[right]) for right in Right}
    choices = {right.value: _levels(visit, most[right]) for right in Right if most[right] is not Level.NONE}
    return {"choices": choices, "words": words, "stored": words_of(rights), "seen": _mark(rights)}


def _levels(visit: Visit, most: Level) -> dict[str, str]:
    """Level -> its word, up to the highest one."""
    names = [level.name.lower() for level in Level if level <= most]
    return {name: visit.text(words.LEVELS[name]) for name in names}


async def _users(visit: Visit) -> int:
    """How many have this role."""
    return sum(one.users for one in await visit.app.administration.count(visit.caller, UserFilter(role=visit.slug)))


def _why_not(visit: Visit, touched: Mapping[Right, Level] | None = None) -> str | None:
    """What keeps the reader from changing roles, or this one; None: nothing."""
    if visit.caller.is_elsewhere:
        return visit.text("The roles of a company are made and changed by its own administrators.")
    if touched is not None and visit.slug in BUILT_IN:
        return visit.text("This role is built in and stays as it is.")
    hindered = hindrances.of_right(visit, Right.USERS, Right.POLICY, own_factor=True)
    if hindered is None and touched is not None and not covers(visit.caller.rights(), touched):
        return visit.text("This role has rights that you do not have, so you cannot change it.")
    return hindered


def _as_seen(visit: Visit, seen: str) -> Check:
    def check(tenant: Tenant) -> None:
        if tenant.state.has_role(visit.slug) and seen != _mark(tenant.state.rights_of(visit.slug)):
            raise Refused(Refusal.PRECONDITION_FAILED)

    return check


def _mark(rights: Rights) -> str:
    """Tells one set of rights from another."""
    return "".join(level[0] for level in words_of(rights).values())
