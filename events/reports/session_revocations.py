"""Sessions that were ended by an act or a rule, and how long it took until everybody who has to know was told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_args

from events.company.events import CompanySuspended, EveryoneSignedOut, RoleChanged, SessionsRevoked
from events.envelope import StreamKind
from events.facts import is_user_fact
from events.reports.rows import Covers, Reason, Row, Told, names
from events.store.port import RecordedEvent
from events.user import events as of_user
from events.user.reactions import ended_counts

_FOR_ALL: Final = (CompanySuspended, RoleChanged)
# These end what there is, also when there is nothing; the others are revocations when something ended.
_ALWAYS: Final = (
    of_user.KeyReset,
    of_user.TwoFactorDisabled,
    of_user.UserDeactivated,
    of_user.UserExpired,
    of_user.UserErased,
    of_user.PasswordReset,
    of_user.SessionsEnded,
)
_OUTCOMES: Final = (SessionsRevoked, EveryoneSignedOut)
# Facts that may end sessions or sign-ins on purpose, by their fields; those by which people begin and leave do not.
_CAUSES: Final = tuple(
    fact
    for fact in get_args(of_user.UserEvent)
    if {"sessions_ended", "sign_ins_ended"} & set(fact.__dataclass_fields__)
    and fact not in (of_user.SignedIn, of_user.SignInStarted)
)


@dataclass(slots=True)
class _Revocation:
    recorded: RecordedEvent
    sessions: int | None
    sign_ins: int | None
    outcome: RecordedEvent | None = None


class SessionRevocations:
    types = names(*_CAUSES, *_FOR_ALL, *_OUTCOMES)
    complete = names(*_ALWAYS, *_FOR_ALL)
    covers: Covers = "every"

    def __init__(self, begin: datetime | None) -> None:
        self._begin = begin
        self._found: dict[int, _Revocation] = {}

    def take(self, recorded: RecordedEvent) -> None:
        fact = recorded.data
        if isinstance(fact, _OUTCOMES):
            revocation = self._found.get(fact.cause_position)
            if revocation is not None:
                revocation.outcome = recorded
            return
        if self._begin is not None and recorded.at < self._begin:
            return
        if isinstance(fact, _FOR_ALL):
            self._found[recorded.position] = _Revocation(recorded, None, None)
        elif is_user_fact(fact) and (counts := ended_counts(fact)) is not None:
            self._found[recorded.position] = _Revocation(recorded, *counts)

    def told(self) -> Told:
        rows = [_row(one) for one in self._found.values()]
        effects = [row.values["milliseconds_to_effect"] for row in rows]
        told = sorted(one for one in effects if one is not None)
        totals = {
            "revocations": len(rows),
            "sessions": sum(row.values["sessions"] or 0 for row in rows),
            "not_told_yet": effects.count(None),
            "milliseconds_median": told[len(told) // 2] if told else 0,
            "milliseconds_longest": told[-1] if told else 0,
        }
        return Told(rows=rows, totals=totals)


def _row(one: _Revocation) -> Row:
    recorded, outcome = one.recorded, one.outcome
    told = outcome.data if outcome is not None else None
    values: dict[str, Any] = {
        "position": recorded.position,
        "at": recorded.at,
        "type": recorded.type,
        "user_id": recorded.stream_id if recorded.stream_kind is StreamKind.USER else None,
        "actor": recorded.actor,
        "reason": Reason(recorded),
        "sessions": one.sessions,
        "sign_ins": one.sign_ins,
        "users": told.users if isinstance(told, EveryoneSignedOut) else None,
        "told_at": outcome.at if outcome is not None else None,
        "milliseconds_to_effect": told.milliseconds_to_effect if isinstance(told, _OUTCOMES) else None,
        "receipts": list(told.receipts) if isinstance(told, SessionsRevoked) else [],
    }
    return Row(values, (recorded.position, *((outcome.position,) if outcome is not None else ())))
