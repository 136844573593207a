"""The fold of a company's own stream."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import assert_never

from events.company.events import (
    CompanyCreated,
    CompanyEvent,
    CompanyRenamed,
    CompanyResumed,
    CompanySuspended,
    EventsExported,
    InstallationRestored,
    PolicyChanged,
    RoleChanged,
    RoleCreated,
    RoleDeleted,
    TracesDestroyed,
)
from events.company.policy import CompanyRules, DemandSince, Policy, with_policy
from events.company.roles import BUILT_IN, NO_RIGHTS, PROVIDER_ONLY, Rights, rights_from
from events.envelope import STRICT

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role of the company's own."""

    __pydantic_config__ = STRICT

    name: str
    rights: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyState:
    __pydantic_config__ = STRICT

    exists: bool = False
    name: str = ""
    provider: bool = False
    suspended: bool = False
    policy: Policy = Policy()
    since: tuple[DemandSince, ...] = ()
    roles: tuple[Role, ...] = ()
    epoch: int = 0  # of the last restore that this history tells of

    @property
    def rules(self) -> CompanyRules:
        """What of this a rule about a user looks at."""
        return CompanyRules(policy=self.policy, since=self.since, suspended=self.suspended)

    def has_role(self, name: str) -> bool:
        """May a user of this company have it?"""
        return any(name == known for known, _ in self.all_roles())

    def rights_of(self, role: str) -> Rights:
        """Rights of a role; an unknown role has none."""
        return next((rights for name, rights in self.all_roles() if name == role), NO_RIGHTS)

    def all_roles(self) -> Iterator[tuple[str, Rights]]:
        """(name, rights): the built-in ones that this company may use, then its own."""
        for name, rights in BUILT_IN.items():
            if self.provider or name not in PROVIDER_ONLY:
                yield name, rights
        for role in self.roles:
            yield role.name, rights_from(role.rights)

    def own_role(self, name: str) -> Role | None:
        return next((role for role in self.roles if role.name == name), None)


def evolve(state: CompanyState, event: CompanyEvent) -> CompanyState:  # noqa: C901 - one line a fact
    """The state after one more fact."""
    match event:
        case CompanyCreated():
            return replace(state, exists=True, name=event.name, provider=event.provider)
        case CompanyRenamed():
            return replace(state, name=event.name)
        case CompanySuspended():
            return replace(state, suspended=True)
        case CompanyResumed():
            return replace(state, suspended=False)
        case InstallationRestored():
            return replace(state, epoch=event.epoch)
        case PolicyChanged():
            since = with_policy(state.since, event.policy, event.changed_at)
            return replace(state, policy=event.policy, since=since)
        case RoleCreated():
            return replace(state, roles=(*state.roles, Role(name=event.name, rights=event.rights)))
        case RoleChanged():
            return replace(state, roles=tuple(_changed(role, event) for role in state.roles))
        case RoleDeleted():
            return replace(state, roles=tuple(role for role in state.roles if role.name != event.name))
        case EventsExported() | TracesDestroyed():
            return state
        case _:
            assert_never(event)


def _changed(role: Role, event: RoleChanged) -> Role:
    return replace(role, rights=event.rights) if role.name == event.name else role


def fold(events: Iterable[CompanyEvent], state: CompanyState | None = None) -> CompanyState:
    """All state steps from `state` (a new company's when None)."""
    return reduce(evolve, events, state or CompanyState())
