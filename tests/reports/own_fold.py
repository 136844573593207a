"""What reports have to say, told by a second look at the raw entries that shares no rule with the product."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

Entry: TypeAlias = Mapping[str, Any]

_ACT_TYPES_OF_ONESELF: Final = {
    *("SignInStarted", "SignInAdvanced", "SignInRefused", "SignInCancelled", "SignedIn", "SignedOut", "SteppedUp"),
    *("CodeRejected", "TwoFactorPaused", "TwoFactorLocked", "EnrolmentStarted", "EnrolmentCancelled"),
    *("RecoveryCodeUsed", "PasswordRehashed", "SessionPasswordRejected", "PasswordChanged", "PolicyOrderStarted"),
    *("BreakGlassCodeUsed", "AccessDenied", "UserExpired", "GraceNoted"),
}


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None


def upto(entries: Iterable[Entry], cut: datetime) -> Sequence[Entry]:
    return [entry for entry in entries if datetime.fromisoformat(entry["at"]) <= cut]


@dataclass
class User:
    """A user as the facts up to some moment leave it."""

    facts: dict[str, Any] = field(default_factory=dict)
    key: bool = False
    order: tuple[datetime, bool] | None = None
    exception: tuple[str, datetime | None, str, str | None] | None = None
    met: datetime | None = None
    counts_from: datetime | None = None
    gone: bool = False
    off_duty: bool = False


@dataclass
class Past:
    """Everything up to a moment: users by id, policies with when they were set."""

    users: dict[str, User] = field(default_factory=dict)
    policies: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    erased: int = 0


def past(entries: Iterable[Entry]) -> Past:
    told = Past()
    for entry in entries:
        data, stream = entry["data"], entry["stream_id"]
        if entry["type"] == "PolicyChanged":
            told.policies.append((datetime.fromisoformat(data["changed_at"]), data["policy"]))
        elif entry["type"] == "UserErased":
            told.users.pop(stream, None)
            told.erased += 1
        elif entry["stream_kind"] == "user":
            _tell(told.users.setdefault(stream, User()), entry, data)
    return told


def _tell(user: User, entry: Entry, data: Mapping[str, Any]) -> None:  # noqa: C901 - one branch a kind
    kind = entry["type"]
    if kind in ("UserCreated", "UserChanged"):
        user.facts.update(data)
    if kind == "UserCreated":
        user.counts_from = moment(data["created_at"])
    elif kind == "GraceNoted":
        user.met = moment(data["met_at"])
        user.counts_from = moment(data["counts_from"]) or moment(user.facts["created_at"])
    elif kind in ("UserDeactivated", "UserReactivated"):
        user.off_duty = kind == "UserDeactivated"
    elif kind in ("TwoFactorEnabled", "TwoFactorImported"):
        user.key, user.order = True, None
    elif kind == "TwoFactorDisabled":
        user.key, user.order = False, None
    elif kind == "KeyReset":
        user.key, user.order = False, (datetime.fromisoformat(data["order_expires_at"]), False)
    elif kind in ("TwoFactorOrdered", "PolicyOrderStarted"):
        user.order = (datetime.fromisoformat(data["expires_at"]), kind == "PolicyOrderStarted")
    elif kind == "OrderWithdrawn":
        user.order = None
    elif kind == "TwoFactorOverridden":
        given = data["override"], moment(data["until"]), entry["at"], entry["actor"]["id"]
        user.exception = given if data["override"] != "inherit" else None
        if data["override"] == "exempt" and user.order is not None and user.order[1]:
            user.order = None


def exception_of(user: User, at: datetime) -> str:
    if user.exception is None or (user.exception[1] is not None and at >= user.exception[1]):
        return "inherit"
    return user.exception[0]


def account_of(user: User, at: datetime) -> str:
    begins, ends = moment(user.facts["activation_at"]), moment(user.facts["expiration_at"])
    if user.off_duty:
        return "deactivated"
    if begins is not None and at < begins:
        return "not_yet_active"
    return "expired" if ends is not None and at >= ends else "active"


def _asks(policy: Mapping[str, Any], role: str) -> bool:
    if policy["requirement"] == "required_for_roles":
        return role in policy["roles"]
    return bool(policy["requirement"] != "optional")


def _first_asked(told: Past, role: str, counts_from: datetime) -> datetime | None:
    """When some policy first asked this role, not before `counts_from`."""
    found = []
    for number, (changed, policy) in enumerate(told.policies):
        begins = max(moment(policy["from_at"]) or changed, changed)
        ends = told.policies[number + 1][0] if number + 1 < len(told.policies) else None
        if _asks(policy, role) and (ends is None or (begins < ends and ends > counts_from)):
            found.append(max(begins, counts_from))
    return min(found, default=None)


def standing(told: Past, user: User, at: datetime) -> tuple[str, str | None]:
    """(state, required by) at a moment."""
    policy = told.policies[-1][1] if told.policies else {"requirement": "optional", "from_at": None, "roles": []}
    begins = moment(policy["from_at"])
    asked = _asks(policy, user.facts["role"]) and (begins is None or at >= begins)
    by_policy = None
    if asked and exception_of(user, at) != "exempt":
        by_policy = {"required_for_roles": "role", "required_outside_trusted_networks": "network"}.get(
            policy["requirement"], "company"
        )
    by_person = exception_of(user, at) == "required" or (user.order is not None and not user.order[1])
    in_grace = False
    if by_policy and not user.key:
        met = user.met or _first_asked(told, user.facts["role"], user.counts_from or at)
        in_grace = met is not None and at < met + timedelta(days=policy["grace_days"])
    state = "on" if user.key else "enrolment_required" if by_person or (by_policy and not in_grace) else "off"
    return state, "user" if by_person and (by_policy is None or in_grace) else by_policy


def since(entries: Sequence[Entry], user_id: str, cut: datetime) -> datetime:
    """By trying every moment at which something may have changed."""
    mine = [e for e in entries if e["stream_id"] == user_id or e["type"] == "PolicyChanged"]
    moments = {datetime.fromisoformat(e["at"]) for e in mine}
    for entry in mine:
        policy = entry["data"].get("policy", {})
        moments |= {m for m in (moment(policy.get("from_at")), moment(entry["data"].get("until"))) if m is not None}
    told = past(upto(mine, cut))
    noted = (moment(e["data"].get(name)) for e in mine for name in ("met_at", "changed_at"))
    begins = {*moments, moment(told.users[user_id].facts["created_at"]), *noted} - {None}
    # Graces of every length from every begin: moments at which nothing changes do no harm.
    graces = {timedelta(days=policy["grace_days"]) for _, policy in told.policies}
    moments |= {begin + grace for begin in begins if begin is not None for grace in graces}
    last, found = None, None
    for at in sorted(m for m in moments if m <= cut):
        then = past(upto(mine, at))
        if user_id not in then.users:
            continue
        state = standing(then, then.users[user_id], at)[0]
        if state != last:
            last, found = state, at
    assert found is not None
    return found


def month_ends(entries: Sequence[Entry], cut: datetime) -> Iterator[datetime]:
    at = datetime.fromisoformat(entries[0]["at"])
    year, month = at.year, at.month
    while True:
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        end = at.replace(year=year, month=month, day=1, hour=0, minute=0, second=0, microsecond=0)
        end -= timedelta(microseconds=1)
        if end >= cut:
            yield cut
            return
        yield end


def is_act(entry: Entry) -> bool:
    if entry["stream_kind"] in ("effect", "sign_ins") or entry["type"] in _ACT_TYPES_OF_ONESELF:
        return False
    own = entry["stream_kind"] == "user" and entry["stream_id"] == entry["actor"]["id"]
    return entry["actor"]["kind"] != "anonymous" and not own
