"""Attempts that failed, and what they led to: pauses, locks, refusals."""

from collections import Counter
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from events.company.events import PasswordRejected
from events.envelope import StreamKind
from events.reports.rows import Covers, Row, Told, names
from events.store.port import RecordedEvent
from events.user import events as of_user

_TYPES: Final = names(
    PasswordRejected,
    of_user.CodeRejected,
    of_user.SessionPasswordRejected,
    of_user.SignInRefused,
    of_user.TwoFactorPaused,
    of_user.TwoFactorLocked,
    of_user.TwoFactorUnlocked,
    of_user.AccessDenied,
)


class FailedAttempts:
    types = _TYPES
    complete = _TYPES
    covers: Covers = "every"

    def __init__(self, begin: datetime | None) -> None:
        self._begin = begin
        self._rows: list[Row] = []

    def take(self, recorded: RecordedEvent) -> None:
        if self._begin is None or recorded.at >= self._begin:
            self._rows.append(_row(recorded))

    def told(self) -> Told:
        by: Counter[str] = Counter()
        for row in self._rows:
            by[row.values["type"]] += row.values["count"]
        return Told(rows=self._rows, totals={"rows": len(self._rows), **{name: by[name] for name in sorted(_TYPES)}})


def _row(recorded: RecordedEvent) -> Row:
    values = {
        "position": recorded.position,
        "at": recorded.at,
        "type": recorded.type,
        "user_id": _user(recorded),
        "actor": recorded.actor,
        "count": 1,
        "what": None,
        "where": None,
        "until": None,
        **_told(recorded.data),
    }
    return Row(values, (recorded.position,))


def _user(recorded: RecordedEvent) -> UUID | None:
    if isinstance(recorded.data, PasswordRejected):
        return recorded.data.user_id
    return recorded.stream_id if recorded.stream_kind is StreamKind.USER else None


def _told(fact: object) -> dict[str, Any]:
    match fact:
        case PasswordRejected():
            return {"what": "throttled" if fact.throttled else "wrong", "where": "sign_in", "count": fact.count}
        case of_user.CodeRejected():
            return {"what": fact.result, "where": str(fact.door)}
        case of_user.SignInRefused():
            return {"what": fact.cause, "where": "sign_in"}
        case of_user.TwoFactorPaused():
            return {"what": "paused", "until": fact.until}
        case of_user.TwoFactorLocked():
            return {"what": "locked" if fact.until is not None else "closed", "until": fact.until}
        case of_user.TwoFactorUnlocked():
            return {"what": "unlocked"}
        case of_user.AccessDenied():
            return {"what": fact.act}
        case _:
            return {"what": "wrong", "where": "session"}
