"""Company › Portal users: the list, and adding somebody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import StringConstraints

from events.company.roles import Right, covers
from events.policy import EffectiveFactor
from events.store.port import StoredUser
from events.user.state import account_state
from services.application.administration import NewUser
from services.application.errors import Refused
from services.application.ports import Standing, UserFilter
from services.portal import hindrances, words
from services.portal.forms import Day, Email, Form, OrNone, Password, TimeZone, begin_of
from services.portal.languages import zone_of
from services.portal.visit import Answer, Page, Visit

_ROWS: Final = 50
_LONGEST: Final = 100  # of what is searched for

RoleName = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class AddForm(Form):
    """Without a password one is made up."""

    login: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: Annotated[Password | None, OrNone] = None
    email: Email = None
    role: RoleName
    activation: Day = None
    expiration: Day = None
    time_zone: TimeZone
    language: Literal["de", "en", "pt-BR"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One user as the list shows it."""

    user: StoredUser
    factor: EffectiveFactor
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the address asks for. `edge`: the user after whom, or before whom, the page lies."""

    wanted: UserFilter
    descending: bool
    edge: tuple[str, UUID] | None
    towards_begin: bool

    def address(self, path: str, **changed: str) -> str:
        """The same question, with these answers changed."""
        asked = {
            "q": self.wanted.q or "",
            "role": self.wanted.role or "",
            "two_factor": self.wanted.two_factor or "",
            "sort": "-login" if self.descending else "",
            **changed,
        }
        given = urlencode({name: value for name, value in asked.items() if value})
        return f"{path}?{given}" if given else path


async def show(visit: Visit) -> Answer:
    asked = await _asked(visit)
    counted = await visit.app.administration.count(visit.caller, asked.wanted)
    rows, has_earlier, has_later = await _rows(visit, asked)
    path = f"{visit.place}/users"
    return Page(
        template="users/list.html",
        values={
            "rows": [_row(visit, user) for user in rows],
            "total": sum(one.users for one in counted if _is_asked(one, asked.wanted.two_factor)),
            "asked": asked,
            "is_narrowed": any((asked.wanted.q, asked.wanted.role, asked.wanted.two_factor)),
            "earlier": asked.address(path, before=str(rows[0].user_id)) if has_earlier else None,
            "later": asked.address(path, after=str(rows[-1].user_id)) if has_later else None,
            "by_login": asked.address(path, sort="" if asked.descending else "-login"),
            "roles": [name for name, _ in visit.caller.at.state.all_roles()],
            "words": words,
            "chosen": visit.filled.values("user_id"),
            "why_not_add": hindrances.of_right(visit, Right.USERS),
            "why_not_many": hindrances.of_right(visit, Right.TWO_FACTOR_OTHERS, own_factor=True),
        },
    )


def _is_asked(standing: Standing, two_factor: str | None) -> bool:
    return two_factor in (None, standing.state) or (two_factor == "locked" and standing.shut_out)


def _row(visit: Visit, user: StoredUser) -> Row:
    factor = visit.app.administration.two_factor(user)
    return Row(user=user, factor=factor, account=account_state(user.state, visit.now))


async def _asked(visit: Visit) -> _Asked:
    """What is no answer to a question of ours counts as none."""
    query = visit.query
    sought = "".join(sign for sign in query.get("q", "") if sign.isprintable()).strip()[:_LONGEST]
    role, two_factor = query.get("role", ""), query.get("two_factor", "")
    after, before = await _edge(visit, "after"), await _edge(visit, "before")
    return _Asked(
        wanted=UserFilter(
            role=role if visit.caller.at.state.has_role(role) else None,
            two_factor=two_factor if two_factor in words.STANDINGS else None,
            q=sought or None,
        ),
        descending=query.get("sort") == "-login",
        edge=after or before,
        towards_begin=after is None and before is not None,
    )


async def _edge(visit: Visit, name: str) -> tuple[str, UUID] | None:
    """By id, so that no login stands in an address that was not typed there."""
    try:
        user = await visit.app.users.find(visit.caller, UUID(visit.query[name]))
    except (KeyError, ValueError, Refused):
        return None
    return user.state.login, user.user_id


async def _rows(visit: Visit, asked: _Asked) -> tuple[Sequence[StoredUser], bool, bool]:
    """(a page in the order that is asked for, is there something before it, and after it)."""
    backwards = asked.descending is not asked.towards_begin
    found = await visit.app.administration.page(visit.caller, asked.wanted, _ROWS + 1, asked.edge, backwards=backwards)
    rows, more = found[:_ROWS], len(found) > _ROWS
    if asked.towards_begin:
        return rows[::-1], more, bool(rows)
    return rows, asked.edge is not None and bool(rows), more


async def ask_to_add(visit: Visit) -> Answer:
    roles = grantable_roles(visit)
    return Page(
        template="users/add.html",
        values={
            "zones": sorted(available_timezones()),
            "roles": roles,
            "role_names": [words.role(name, visit.language) for name in roles],
        },
    )


async def add(visit: Visit, form: AddForm) -> Answer:
    zone = zone_of(form.time_zone)
    user, generated = await visit.app.administration.create(
        visit.caller,
        NewUser(
            login=form.login,
            role=form.role,
            password=form.password,
            email=form.email,
            activation_at=begin_of(form.activation, zone),
            expiration_at=begin_of(form.expiration, zone),
            time_zone=form.time_zone,
            language=form.language,
        ),
    )
    return Page(
        template="users/secret.html",
        values={"target": user, "kind": "added", "secret": generated, "until": None},
    )


def grantable_roles(visit: Visit, held: str | None = None) -> list[str]:
    """Roles within the reader's own rights, and the one that somebody has already."""
    known = visit.caller.at.state.all_roles()
    return [name for name, rights in known if name == held or covers(visit.caller.rights(), rights)]
