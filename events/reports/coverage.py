"""Who was protected at a moment, by what demand, since when; and how many were at each end of a month."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from events.company.roles import Level, Right
from events.policy import EffectiveFactor
from events.reports.rows import Covers, Reason, Row, Told
from events.reports.standings import TYPES, USER_TYPES, Member, Standings
from events.store.port import RecordedEvent
from events.user.state import account_state

_LEAST: Final = timedelta(microseconds=1)


class Coverage:
    """One row a user, in the order in which the accounts were made. Who was erased by then is counted only."""

    types = TYPES
    complete = USER_TYPES
    covers: Covers = "last"

    def __init__(self, cut: datetime) -> None:
        self._cut = cut
        self._standings = Standings()

    def take(self, recorded: RecordedEvent) -> None:
        self._standings.take(recorded)

    def told(self) -> Told:
        standings, cut = self._standings, self._cut
        standings.walk(cut)
        rows = [self._row(user_id, member) for user_id, member in standings.members.items()]
        totals = counts(standings, cut)
        return Told(rows=rows, totals=totals, rests_on=tuple(sorted((*standings.rests_on, *standings.erasures))))

    def _row(self, user_id: UUID, member: Member) -> Row:
        state, factor = member.state, self._standings.now(member, self._cut)
        return Row(
            {
                "user_id": user_id,
                "role": state.role,
                "administrator": is_administrator(self._standings, member),
                "account": account_state(state, self._cut),
                "state": factor.state,
                "required_by": factor.required_by,
                "since": member.since,
                "enrolled_at": factor.enrolled_at,
                "grace_until": factor.grace_until,
                "order_expires_at": factor.order_expires_at,
                "locked_until": factor.locked_until,
                "next_sign_in": factor.next_sign_in,
                "exception": _exception(member, self._cut),
            },
            tuple(member.rests_on),
        )


def _exception(member: Member, at: datetime) -> dict[str, Any] | None:
    """An exception that is in force: which, until when, who set it and why."""
    kind, override, said = member.state.override_at(at), member.state.override, member.exception
    if kind == "inherit" or override is None or said is None:
        return None
    return {
        "kind": kind,
        "until": override.until,
        "approved_by": said.actor,
        "approved_at": said.at,
        "reason": Reason(said),
    }


def is_administrator(standings: Standings, member: Member) -> bool:
    """May this user act on others' accounts or factors, or set the policy?"""
    rights = standings.company.rights_of(member.state.role)
    return any(rights[right] is Level.FULL for right in (Right.USERS, Right.TWO_FACTOR_OTHERS, Right.POLICY))


def counts(standings: Standings, at: datetime) -> dict[str, int]:
    """Accounts that cannot sign in anyway are counted as such and nowhere else."""
    found: Counter[str] = Counter()
    for member in standings.members.values():
        found["users"] += 1
        if not member.state.is_active(at):
            found["inactive"] += 1
            continue
        found.update(_kinds(standings, member, standings.now(member, at), at))
    return {name: found[name] for name in NUMBERS} | {"erased": len(standings.erasures)}


NUMBERS: Final = (
    "users",
    "inactive",
    "on",
    "enrolment_required",
    "off",
    "exempt",
    "locked",
    "administrators",
    "administrators_without_factor",
)


def _kinds(standings: Standings, member: Member, factor: EffectiveFactor, at: datetime) -> Iterator[str]:
    yield factor.state
    if member.state.override_at(at) == "exempt":
        yield "exempt"
    if factor.locked_until is not None or factor.next_sign_in == "contact_administrator":
        yield "locked"
    if is_administrator(standings, member):
        yield "administrators"
        if factor.state != "on":
            yield "administrators_without_factor"


class CoverageOverTime:
    """One row a month: how many were protected when it ended, in UTC. The last row is the end of the period."""

    types = TYPES
    complete = TYPES
    covers: Covers = "every"

    def __init__(self, begin: datetime | None, cut: datetime) -> None:
        self._begin, self._cut = begin, cut
        self._standings = Standings()
        self._next: datetime | None = None
        self._rows: list[Row] = []
        self._news: list[int] = []

    def take(self, recorded: RecordedEvent) -> None:
        if self._next is None:
            self._next = _month_end(max(recorded.at, self._begin or recorded.at))
        while recorded.at > self._next:
            self._count(self._next)
            self._next = _month_end(self._next + _LEAST)
        self._standings.take(recorded)
        self._news.append(recorded.position)

    def told(self) -> Told:
        while self._next is not None and self._next < self._cut:
            self._count(self._next)
            self._next = _month_end(self._next + _LEAST)
        self._count(self._cut)
        return Told(rows=self._rows, totals={"months": len(self._rows)} | counts(self._standings, self._cut))

    def _count(self, at: datetime) -> None:
        """The row rests on what was recorded since the one before it, and so on that one too."""
        self._rows.append(Row({"at": at, **counts(self._standings, at)}, tuple(self._news)))
        self._news = []


def _month_end(at: datetime) -> datetime:
    """The last moment of the month in UTC."""
    month = at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (month + timedelta(days=32)).replace(day=1) - _LEAST
