"""The fold of a company's own stream."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import assert_never

from events.company.events import CompanyCreated, CompanyEvent, PolicyChanged
from events.company.policy import Policy
from events.envelope import STRICT

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyState:
    __pydantic_config__ = STRICT

    exists: bool = False
    name: str = ""
    provider: bool = False
    policy: Policy = Policy()


def evolve(state: CompanyState, event: CompanyEvent) -> CompanyState:
    """The state after one more fact."""
    match event:
        case CompanyCreated():
            return replace(state, exists=True, name=event.name, provider=event.provider)
        case PolicyChanged():
            return replace(state, policy=event.policy)
        case _:
            assert_never(event)


def fold(events: Iterable[CompanyEvent], state: CompanyState | None = None) -> CompanyState:
    """All state steps from `state` (a new company's when None)."""
    return reduce(evolve, events, state or CompanyState())
