"""The effective second-factor state: user + role + company + place + time -> one answer, used by everybody."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

from events.company.policy import CompanyRules
from events.networks import contains
from events.user.state import Override, UserState

FactorState: TypeAlias = Literal["off", "enrolment_required", "on"]
RequiredBy: TypeAlias = Literal["user", "role", "company", "network"]
NextSignIn: TypeAlias = Literal["password", "code", "enrolment", "contact_administrator"]

_BY_POLICY: Final = frozenset({"role", "company", "network"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveFactor:
    """Who is protected how, required by whom, and what the next sign-in will demand."""

    state: FactorState
    required_by: RequiredBy | None
    grace_until: datetime | None
    order_expires_at: datetime | None
    enrolled_at: datetime | None
    last_used_at: datetime | None
    recovery_codes_left: int
    locked_until: datetime | None
    next_sign_in: NextSignIn


def effective(user: UserState, rules: CompanyRules, now: datetime, *, inside: bool = False) -> EffectiveFactor:
    """The one answer to "who is protected how" at `now`; `inside` the company's networks, or from anywhere else."""
    by_policy = demanded_by_policy(user, rules, now, inside=inside)
    by_person = _demanded_by_person(user, now)
    grace_until = _grace_until(user, rules, now) if by_policy and user.key is None else None
    demanded = by_person or (by_policy is not None and grace_until is None)
    by_person_first = by_person and (by_policy is None or grace_until is not None)
    state: FactorState = "on" if user.key else "enrolment_required" if demanded else "off"
    until = user.ladder.until
    return EffectiveFactor(
        state=state,
        required_by="user" if by_person_first else by_policy,
        grace_until=grace_until,
        order_expires_at=user.order.expires_at if user.order and state == "enrolment_required" else None,
        enrolled_at=user.key.enrolled_at if user.key else None,
        last_used_at=user.key.last_used_at if user.key else None,
        recovery_codes_left=len(user.recovery_codes),
        locked_until=until if until is not None and now < until else None,
        next_sign_in=_next_sign_in(user, state, now),
    )


def demanded_by_policy(
    user: UserState, rules: CompanyRules, now: datetime, *, inside: bool = False
) -> RequiredBy | None:
    """Which part of the policy demands a factor of this user, in a time of grace too."""
    policy = rules.policy
    if user.override_at(now) == "exempt" or not policy.demands(user.role, now):
        return None
    match policy.requirement:
        case "required_for_roles":
            return "role"
        case "required_outside_trusted_networks":
            return None if inside else "network"
        case _:
            return "company"


def may_not_be_without(user: UserState, rules: CompanyRules, now: datetime) -> bool:
    """Is this user's factor demanded for good, so that its owner may not switch it off?"""
    return demanded_by_policy(user, rules, now) is not None or user.override_at(now) == "required"


def is_inside(rules: CompanyRules, address: str | None) -> bool:
    """Does the address lie in the company's inner networks?"""
    return contains(rules.policy.networks, address)


def met_at(user: UserState, rules: CompanyRules) -> datetime | None:
    """When this user first fell, or will fall, under a policy; None: not in sight. Grace runs from then, once."""
    if user.policy_met_at is not None:
        return user.policy_met_at
    counts_from = user.counts_from or user.created_at
    exempt_for_good = user.override == Override(kind="exempt", until=None)
    if counts_from is None or exempt_for_good:
        return None
    return rules.first_demanded(user.role, counts_from)


def _demanded_by_person(user: UserState, now: datetime) -> bool:
    return user.override_at(now) == "required" or (user.order is not None and not user.order.by_policy)


def _grace_until(user: UserState, rules: CompanyRules, now: datetime) -> datetime | None:
    """The end of a grace that runs; None when it is over."""
    met = met_at(user, rules)
    if met is None:
        return None
    until = met + rules.policy.grace
    return until if now < until else None


def _next_sign_in(user: UserState, state: FactorState, now: datetime) -> NextSignIn:
    if state == "off":
        return "password"
    if user.ladder.disabled:
        return "contact_administrator"
    if state == "on":
        return "code"
    if user.order is not None and now >= user.order.expires_at:
        return "contact_administrator"
    return "enrolment"


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """Whose next sign-in a policy turns into an enrolment, and whose it refuses."""

    forced_now: tuple[UUID, ...]
    locked_out: tuple[UUID, ...]


def dry_run(users: Iterable[tuple[UUID, UserState]], rules: CompanyRules, now: datetime) -> DryRun:
    """What `rules` would do to these users at `now`; accounts that cannot sign in anyway are left out."""
    forced, locked = [], []
    for user_id, user in users:
        if not user.is_active(now):
            continue
        answer = effective(user, rules, now)
        if answer.state != "enrolment_required" or answer.required_by not in _BY_POLICY:
            continue
        if answer.next_sign_in == "enrolment":
            forced.append(user_id)
        elif answer.next_sign_in == "contact_administrator":
            locked.append(user_id)
    return DryRun(forced_now=tuple(forced), locked_out=tuple(locked))
