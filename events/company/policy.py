"""A company's security policy as a value, and what of it is in force."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from pydantic import AwareDatetime

from events.envelope import STRICT

Requirement: TypeAlias = Literal["optional", "required", "required_for_roles", "required_outside_trusted_networks"]

EVERYBODY: Final = "everybody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a company asks of its users' sign-ins. `networks`: the inner ones, of a demand from outside."""

    __pydantic_config__ = STRICT

    requirement: Requirement = "optional"
    roles: tuple[str, ...] = ()
    from_at: AwareDatetime | None = None
    networks: tuple[str, ...] = ()
    grace_days: int = 0
    order_hours: int = 72
    password_max_age_days: int | None = None

    @property
    def order_window(self) -> timedelta:
        """How long an order to enrol stays open."""
        return timedelta(hours=self.order_hours)

    @property
    def grace(self) -> timedelta:
        return timedelta(days=self.grace_days)

    def demands(self, role: str, now: datetime) -> bool:
        """Is a second factor demanded of this role at `now`, at least from outside?"""
        if self.from_at is not None and now < self.from_at:
            return False
        return role in self.roles if self.requirement == "required_for_roles" else self.requirement != "optional"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandSince:
    """A time in which a demand of `whom` (everybody, or a role) is in force. Kept for ever: no grace begins anew."""

    __pydantic_config__ = STRICT

    whom: str
    at: AwareDatetime
    until: AwareDatetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyRules:
    """What the company's state means for its users: the policy, whom it demands since when, and is all closed."""

    policy: Policy = Policy()
    since: tuple[DemandSince, ...] = ()
    suspended: bool = False

    def demands_of(self, role: str) -> Iterator[DemandSince]:
        """The times in which something is demanded of users of this role."""
        return (one for one in self.since if one.whom in (EVERYBODY, _role(role)))

    def first_demanded(self, role: str, counts_from: datetime) -> datetime | None:
        """When a user of this role first falls under a policy, not before `counts_from`; None: not in sight."""
        ahead = (one for one in self.demands_of(role) if one.until is None or one.until > counts_from)
        return min((max(one.at, counts_from) for one in ahead), default=None)


def with_policy(since: tuple[DemandSince, ...], policy: Policy, at: datetime) -> tuple[DemandSince, ...]:
    """The times that are known once `policy` is set at `at`: what was in force stays known, the rest never was."""
    begins, demanded = max(policy.from_at or at, at), set(_demanded(policy))
    goes_on = demanded if begins == at else set()
    known = tuple(
        replace(one, until=at) if one.until is None and one.whom not in goes_on else one for one in since if one.at < at
    )
    running = {one.whom for one in known if one.until is None}
    return (*known, *(DemandSince(whom=whom, at=begins) for whom in sorted(demanded - running)))


def _demanded(policy: Policy) -> Iterator[str]:
    if policy.requirement == "required_for_roles":
        yield from (_role(role) for role in policy.roles)
    elif policy.requirement != "optional":
        yield EVERYBODY


def _role(name: str) -> str:
    # A role of a company may well be called like the word for all of them.
    return f"role:{name}"
