"""Lives under changing policies, a deed a day, and beside them the plain story of who was under a policy when."""

import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias, get_args

from events.company.events import CompanyCreated, CompanyEvent, PolicyChanged
from events.company.policy import CompanyRules, Policy, Requirement
from events.company.state import CompanyState
from events.company.state import fold as fold_company
from events.user.commands import UserCommand
from events.user.decider import decide
from events.user.events import OverrideKind
from events.user.evolve import fold
from events.user.state import UserState
from tests.support.given import KEY, later
from tests.support.wishes import (
    change,
    create,
    deactivate,
    disable,
    import_key,
    order,
    override,
    reactivate,
    reset,
    start,
)

GRACE: Final = 4  # days
DAYS: Final = 24
ROLES: Final = ("user", "auditor")
OFFICE: Final = ("192.0.2.0/24",)
ACTS: Final = ("order", "reset", "disable", "import", "sign in", "deactivate", "reactivate")
REQUIREMENTS: Final[tuple[Requirement, ...]] = get_args(Requirement)
NEVER: Final = float("inf")


@dataclass(frozen=True)
class SetPolicy:
    """`begins`: days from now until it is in force."""

    requirement: Requirement
    roles: tuple[str, ...] = ROLES
    begins: int | None = None


@dataclass(frozen=True)
class Create:
    role: str = "user"


@dataclass(frozen=True)
class Give:
    role: str


@dataclass(frozen=True)
class Except:
    kind: OverrideKind
    days: int | None = None


@dataclass(frozen=True)
class Act:
    """Something that has nothing to do with it."""

    name: str


Deed: TypeAlias = Create | Give | Except | Act


@dataclass
class Company:
    facts: list[CompanyEvent] = field(default_factory=lambda: [CompanyCreated(name="Acme GmbH")])
    grace: int = GRACE

    @property
    def state(self) -> CompanyState:
        return fold_company(self.facts)

    @property
    def rules(self) -> CompanyRules:
        return self.state.rules

    def set(self, day: int, deed: SetPolicy) -> None:
        begins = later(days=day + deed.begins) if deed.begins is not None else None
        policy = Policy(
            requirement=deed.requirement,
            roles=deed.roles if deed.requirement == "required_for_roles" else (),
            from_at=begins,
            networks=OFFICE,
            grace_days=self.grace,
        )
        self.facts.append(PolicyChanged(policy=policy, changed_at=later(days=day)))

    def demands_of(self, role: str, now: datetime) -> bool:
        """The story told once more, by the words of the specification."""
        policy = self.state.policy
        if policy.requirement == "optional" or (policy.from_at is not None and now < policy.from_at):
            return False
        return policy.requirement != "required_for_roles" or role in policy.roles


@dataclass
class Member:
    """One user of that company."""

    company: Company
    state: UserState = field(default_factory=UserState)
    exempt_until: float = 0.0  # the day
    met_on: int | None = None  # the first day under a policy

    def day(self, day: int, deed: Deed | None) -> None:
        """What happens to the user on that day, after what the company did."""
        if isinstance(deed, Create):
            if not self.state.exists:
                self._wish(create(later(days=day), role=deed.role))
        elif deed is not None and self.state.exists:
            self._do(day, deed)
        if self.met_on is None and self.is_under(day):
            self.met_on = day

    def is_under(self, day: int) -> bool:
        """Does the policy demand a factor of this user, in the grace too?"""
        demanded = self.state.exists and self.company.demands_of(self.state.role, later(days=day))
        return demanded and day >= self.exempt_until

    def grace_until(self, day: int) -> datetime | None:
        """The end of a grace that runs on that day."""
        runs = self.met_on is not None and self.is_under(day) and day < self.met_on + self.company.grace
        return later(days=(self.met_on or 0) + self.company.grace) if runs and self.state.key is None else None

    def _do(self, day: int, deed: Give | Except | Act) -> None:
        now, rules = later(days=day), self.company.rules
        match deed:
            case Give():
                self._wish(change(now, email=None, role=deed.role, policy=rules))
            case Except():
                until = later(days=day + deed.days) if deed.days is not None and deed.kind != "inherit" else None
                self._wish(override(deed.kind, until, at=now, policy=rules))
                ends = day + deed.days if deed.days is not None else NEVER
                self.exempt_until = ends if deed.kind == "exempt" else day
            case Act():
                self._act(deed.name, now, rules)

    def _act(self, name: str, now: datetime, rules: CompanyRules) -> None:
        wishes: dict[str, UserCommand] = {
            "order": order(now, policy=rules),
            "reset": reset(now, policy=rules),
            "disable": disable(now, policy=rules),
            "import": import_key(now, key=KEY),
            "sign in": start(now, policy=rules),
            "deactivate": deactivate(now),
            "reactivate": reactivate(now),
        }
        self._wish(wishes[name])

    def _wish(self, command: UserCommand) -> None:
        self.state = fold(decide(self.state, command).events, self.state)


def any_policy(draw: random.Random) -> SetPolicy:
    roles = tuple(draw.sample(ROLES, draw.randint(1, len(ROLES))))
    return SetPolicy(draw.choice(REQUIREMENTS), roles, draw.choice([None, None, -2, 0, 1, 4]))


def any_deed(draw: random.Random) -> Deed:
    kinds: list[Deed] = [
        Give(draw.choice(ROLES)),
        Except(draw.choice(("inherit", "required", "exempt")), draw.choice([None, 1, 2, 5])),
        Act(draw.choice(ACTS)),
    ]
    return draw.choice(kinds)


def populated(draw: random.Random, count: int, days: int) -> tuple[Company, list[Member]]:
    """A company and its members after so many days."""
    company = Company(grace=draw.choice([0, 1, 4]))
    members = [Member(company) for _ in range(count)]
    begins = [draw.randrange(days) if draw.random() < 0.6 else 0 for _ in members]
    for day in range(days):
        if draw.random() < 0.25:
            company.set(day, any_policy(draw))
        for member, first in zip(members, begins, strict=True):
            if day == first:
                member.day(day, Create(draw.choice(ROLES)))
            else:
                member.day(day, any_deed(draw) if draw.random() < 0.12 else None)
    return company, members
