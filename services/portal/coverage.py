"""How the users of a company stand, as the pages show it. Accounts that cannot sign in anyway are left out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from markupsafe import Markup

from services.application.ports import Standing
from services.portal import charts
from services.portal.messages import _

# name and what it is called; as `events.policy` orders them for one user, each user is counted once.
_NAMES: Final = {
    "good": _("Protected"),
    "waiting": _("Awaiting enrolment"),
    "bad": _("Locked"),
    "exempt": _("Exempt"),
    "off": _("Without a second factor"),
}
_ASKED: Final = {"good": "on", "waiting": "enrolment_required", "bad": "locked"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    kind: str
    name: str
    users: int
    percent: int
    two_factor: str | None  # the filter of the list that shows them


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    shares: tuple[Share, ...]
    users: int
    picture: Markup = field(repr=False)
    shut_out: tuple[UUID, ...] = ()

    def number(self, kind: str) -> int:
        return next(share.users for share in self.shares if share.kind == kind)

    @property
    def percent(self) -> int:
        """Of the users that are protected; full only when all are."""
        return next(share.percent for share in self.shares if share.kind == "good")


def coverage(counted: Sequence[Standing]) -> Coverage:
    numbers = dict.fromkeys(_NAMES, 0)
    shut_out: list[UUID] = []
    for one in counted:
        if not one.active:
            continue
        numbers[_kind(one)] += one.users
        if one.shut_out:
            shut_out += one.some
    whole = sum(numbers.values())
    return Coverage(
        shares=tuple(
            Share(
                kind=kind,
                name=name,
                users=numbers[kind],
                percent=100 * numbers[kind] // whole if whole else 0,
                two_factor=_ASKED.get(kind),
            )
            for kind, name in _NAMES.items()
        ),
        users=whole,
        picture=charts.bar([(kind, numbers[kind]) for kind in _NAMES]),
        shut_out=tuple(shut_out),
    )


def _kind(standing: Standing) -> str:
    if standing.shut_out:
        return "bad"
    if standing.state == "on":
        return "good"
    if standing.state == "enrolment_required":
        return "waiting"
    return "exempt" if standing.exempt else "off"
