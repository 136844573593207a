"""What administrators, the provider's people and programs did to others, and to the company."""

from collections import Counter
from datetime import datetime
from typing import Any, Final, get_args

from pydantic_core import to_jsonable_python

from events.catalogue import EVENTS
from events.company.clients import ApiClientCreated, ApiClientRevoked, ApiClientRotated
from events.company.events import CompanyEvent, EffectEvent, PasswordRejected
from events.envelope import ActorKind, StreamKind
from events.reports.rows import Covers, Reason, Row, Told, names
from events.store.port import RecordedEvent
from events.user import events as of_user

# What people do on their own accounts only, and what the rules do by themselves: most of a log, and nobody's act.
_NEVER: Final = names(
    of_user.AccessDenied,
    of_user.BreakGlassCodeUsed,
    of_user.CodeRejected,
    of_user.EnrolmentCancelled,
    of_user.EnrolmentStarted,
    of_user.GraceNoted,
    of_user.PasswordChanged,
    of_user.PasswordRehashed,
    of_user.PolicyOrderStarted,
    of_user.RecoveryCodeUsed,
    of_user.SessionPasswordRejected,
    of_user.SignInAdvanced,
    of_user.SignInCancelled,
    of_user.SignInRefused,
    of_user.SignInStarted,
    of_user.SignedIn,
    of_user.SignedOut,
    of_user.SteppedUp,
    of_user.TwoFactorLocked,
    of_user.TwoFactorPaused,
    of_user.UserExpired,
    *get_args(EffectEvent),
    PasswordRejected,
)
# What nobody does to the own account; the others are acts on others in some entries only.
_ALWAYS: Final = names(
    *get_args(CompanyEvent),
    ApiClientCreated,
    ApiClientRotated,
    ApiClientRevoked,
    of_user.UserCreated,
    of_user.UserDeactivated,
    of_user.UserReactivated,
    of_user.UserErased,
    of_user.PasswordReset,
    of_user.TwoFactorUnlocked,
    of_user.BreakGlassCodeIssued,
)
_OUTSIDE: Final = frozenset({ActorKind.USER, ActorKind.PROVIDER, ActorKind.CLIENT, ActorKind.SYSTEM})


class AdministratorActs:
    types = frozenset(EVENTS) - _NEVER
    complete = _ALWAYS
    covers: Covers = "every"

    def __init__(self, begin: datetime | None) -> None:
        self._begin = begin
        self._rows: list[Row] = []

    def take(self, recorded: RecordedEvent) -> None:
        if (self._begin is None or recorded.at >= self._begin) and is_act_on_others(recorded):
            self._rows.append(_row(recorded))

    def told(self) -> Told:
        by = Counter(str(row.values["actor"].kind) for row in self._rows)
        kinds = {f"by_{kind}": by[kind] for kind in sorted(_OUTSIDE)}
        return Told(rows=self._rows, totals={"acts": len(self._rows), **kinds})


def is_act_on_others(recorded: RecordedEvent) -> bool:
    """Somebody known did it, and not on the own account. `system`: whoever runs the installation, or a rule."""
    if recorded.actor.kind not in _OUTSIDE:
        return False
    own = recorded.stream_kind is StreamKind.USER and recorded.stream_id == recorded.actor.id
    return not own


def _row(recorded: RecordedEvent) -> Row:
    kind = recorded.stream_kind
    values = {
        "position": recorded.position,
        "at": recorded.at,
        "type": recorded.type,
        "actor": recorded.actor,
        "on": kind.value,
        "user_id": recorded.stream_id if kind is StreamKind.USER else None,
        "object_id": recorded.stream_id if kind is not StreamKind.USER else None,
        "reason": Reason(recorded),
        "details": details(recorded),
    }
    return Row(values, (recorded.position,))


def details(recorded: RecordedEvent) -> dict[str, Any]:
    """The clear part of a fact; of many ids their number."""
    clear: dict[str, Any] = to_jsonable_python(recorded.data)
    return {name: _shown(name, value) for name, value in clear.items() if value is not None and value != []}


def _shown(name: str, value: Any) -> Any:
    return len(value) if name.endswith("_ended") or name == "code_ids" else value
