"""Second factors that were switched on, reset or switched off: by whom, why, on what proof, and how long it took.

Recovery codes and break-glass codes belong to it: they stand in for the factor.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

from events.envelope import ActorKind
from events.reports.rows import Covers, Reason, Row, Told, names
from events.store.port import RecordedEvent
from events.user import events as of_user

_ON: Final = (of_user.TwoFactorEnabled, of_user.TwoFactorImported)
_OFF: Final = (of_user.KeyReset, of_user.TwoFactorDisabled, of_user.BreakGlassCodeUsed)
_DEMANDS: Final = (of_user.TwoFactorOrdered, of_user.OrderWithdrawn, of_user.TwoFactorOverridden)
_HELP: Final = (of_user.TwoFactorUnlocked, of_user.BreakGlassCodeIssued)
_RECOVERY: Final = (of_user.RecoveryCodesIssued, of_user.RecoveryCodeUsed)
_PROOFS: Final = (of_user.SteppedUp, of_user.SignedIn)
_COUNTED: Final = (
    *("enabled", "replaced", "imported", "reset", "disabled", "recovery_code_used", "break_glass_issued"),
    "break_glass_used",
)
FRESH: Final = timedelta(minutes=5)  # how long a proof counts

_Person: TypeAlias = tuple[UUID, UUID]  # company, user


@dataclass(frozen=True, slots=True)
class _Proof:
    factor: str
    at: datetime
    position: int

    def shown(self) -> dict[str, Any]:
        return {"factor": self.factor, "at": self.at, "position": self.position}


@dataclass(slots=True)
class _Change:
    recorded: RecordedEvent
    proof: _Proof | None
    back_on: RecordedEvent | None = None


class FactorChanges:
    complete = names(*_ON, *_OFF, *_DEMANDS, *_HELP, *_RECOVERY)
    types = complete | names(*_PROOFS)
    covers: Covers = "every"

    def __init__(self, begin: datetime | None) -> None:
        self._begin = begin
        self._proofs: dict[_Person, _Proof] = {}
        self._without: dict[UUID, list[_Change]] = {}
        self._changes: list[_Change] = []

    def take(self, recorded: RecordedEvent) -> None:
        fact = recorded.data
        if not isinstance(fact, _PROOFS):
            self._change(recorded)
        factor = _proven(fact)
        if factor is not None:
            self._proofs[recorded.company_id, recorded.stream_id] = _Proof(factor, recorded.at, recorded.position)

    def _change(self, recorded: RecordedEvent) -> None:
        change = _Change(recorded, self._proof(recorded))
        if isinstance(recorded.data, _ON):
            for waiting in self._without.pop(recorded.stream_id, ()):
                waiting.back_on = recorded
        if isinstance(recorded.data, _OFF):
            self._without.setdefault(recorded.stream_id, []).append(change)
        if self._begin is None or recorded.at >= self._begin:
            self._changes.append(change)

    def _proof(self, recorded: RecordedEvent) -> _Proof | None:
        """With the act itself, or of the acting person shortly before. That of another company's stands in its log."""
        fact, actor = recorded.data, recorded.actor
        if getattr(fact, "time_step", None) is not None and actor.id == recorded.stream_id:
            return _Proof("otp", recorded.at, recorded.position)
        if isinstance(fact, of_user.KeyReset) and fact.by is of_user.By.USER:
            return _Proof("recovery_code", recorded.at, recorded.position)
        if actor.kind is not ActorKind.USER or actor.id is None or actor.company_id is None:
            return None
        found = self._proofs.get((actor.company_id, actor.id))
        return found if found is not None and recorded.at - found.at <= FRESH else None

    def told(self) -> Told:
        rows = [_row(change) for change in self._changes]
        acts = [row.values["act"] for row in rows]
        totals = {name: acts.count(name) for name in _COUNTED}
        return Told(rows=rows, totals={"changes": len(rows), **totals})


def _proven(fact: object) -> str | None:
    """The factor that makes a session fresh; a recovery code does not."""
    match fact:
        case of_user.SteppedUp():
            return fact.factor
        case of_user.SignedIn() if "otp" in fact.factors:
            return "otp"
        case of_user.TwoFactorEnabled():
            return "otp"
        case _:
            return None


def _row(change: _Change) -> Row:
    recorded, proof, back_on = change.recorded, change.proof, change.back_on
    values = {
        "position": recorded.position,
        "at": recorded.at,
        "act": _act(recorded.data),
        "user_id": recorded.stream_id,
        "actor": recorded.actor,
        "reason": Reason(recorded),
        "step_up": proof.shown() if proof is not None else None,
        "re_enrolled_at": back_on.at if back_on is not None else None,
        "seconds_until_re_enrolled": (back_on.at - recorded.at) // timedelta(seconds=1) if back_on else None,
    }
    also = {one.position for one in (proof, back_on) if one is not None}
    return Row(values, tuple(sorted({recorded.position, *also})))


def _act(fact: object) -> str:  # noqa: C901 - one line a fact
    match fact:
        case of_user.TwoFactorEnabled():
            return "replaced" if fact.replaced else "enabled"
        case of_user.TwoFactorImported():
            return "imported"
        case of_user.KeyReset():
            return "reset"
        case of_user.TwoFactorDisabled():
            return "disabled"
        case of_user.TwoFactorOrdered():
            return "ordered"
        case of_user.OrderWithdrawn():
            return "order_withdrawn"
        case of_user.TwoFactorOverridden():
            return f"exception_{fact.override}"
        case of_user.TwoFactorUnlocked():
            return "unlocked"
        case of_user.BreakGlassCodeIssued():
            return "break_glass_issued"
        case of_user.RecoveryCodesIssued():
            return "recovery_codes_issued"
        case of_user.RecoveryCodeUsed():
            return "recovery_code_used"
        case _:
            return "break_glass_used"
