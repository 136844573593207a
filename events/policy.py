"""The effective second-factor state: user + role + company + time -> one answer, used by everybody."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from events.company.policy import Policy
from events.user.state import UserState

FactorState: TypeAlias = Literal["off", "enrolment_required", "on"]
RequiredBy: TypeAlias = Literal["user", "role", "company", "network"]
NextSignIn: TypeAlias = Literal["password", "code", "enrolment", "contact_administrator"]


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


def required_by(user: UserState, policy: Policy) -> RequiredBy | None:
    """Who demands a second factor of this user: the policy first, then a person's order."""
    if policy.requirement == "required":
        return "company"
    if policy.requirement == "required_for_roles" and user.role in policy.roles:
        return "role"
    if user.order is not None and not user.order.by_policy:
        return "user"
    return None


def policy_requires(user: UserState, policy: Policy) -> bool:
    """True when the policy itself demands a factor, whatever persons ordered."""
    return required_by(user, policy) in ("company", "role")


def effective(user: UserState, policy: Policy, now: datetime) -> EffectiveFactor:
    """The one answer to "who is protected how" at `now`."""
    demanded = required_by(user, policy)
    state: FactorState = "on" if user.key else "enrolment_required" if demanded else "off"
    until = user.ladder.until
    return EffectiveFactor(
        state=state,
        required_by=demanded,
        grace_until=None,
        order_expires_at=user.order.expires_at if user.order and state == "enrolment_required" else None,
        enrolled_at=user.key.enrolled_at if user.key else None,
        last_used_at=user.key.last_used_at if user.key else None,
        recovery_codes_left=len(user.recovery_codes),
        locked_until=until if until is not None and now < until else None,
        next_sign_in=_next_sign_in(user, state, now),
    )


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
