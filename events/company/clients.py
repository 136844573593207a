"""One API client's stream: facts, state, rules."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import ClassVar, TypeAlias, assert_never
from uuid import UUID

from pydantic import AwareDatetime

from events.company.roles import Rights
from events.company.scopes import Scope, rights_of_scopes
from events.decision import Decision, Refusal, accepted, refused
from events.envelope import STRICT
from events.fact import Instant, fact
from events.user.events import AccessDenied

SCHEMA = 1


@fact
class ApiClientCreated:
    """`networks`: from where the token is accepted; none named: from everywhere."""

    VERSION: ClassVar[int] = 1
    name: str
    scopes: tuple[str, ...]
    networks: tuple[str, ...] = ()
    expires_at: Instant | None = None
    created_at: Instant


@fact
class ApiClientRotated:
    """A new token; the old one is dead."""

    VERSION: ClassVar[int] = 1
    rotated_at: Instant


@fact
class ApiClientRevoked:
    VERSION: ClassVar[int] = 1
    revoked_at: Instant


ClientEvent: TypeAlias = ApiClientCreated | ApiClientRotated | ApiClientRevoked | AccessDenied


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientState:
    __pydantic_config__ = STRICT

    exists: bool = False
    revoked: bool = False
    name: str = ""
    scopes: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    expires_at: AwareDatetime | None = None
    created_at: AwareDatetime | None = None

    @property
    def is_live(self) -> bool:
        return self.exists and not self.revoked

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes

    def rights(self) -> Rights:
        """What its scopes amount to; one that this program does not know is nothing."""
        return rights_of_scopes(scope for scope in Scope if scope in self.scopes)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateClient:
    now: datetime
    name: str
    scopes: tuple[str, ...]
    networks: tuple[str, ...] = ()
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateClient:
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeClient:
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordClientDenial:
    now: datetime
    act: str
    target_id: UUID | None = None


ClientCommand: TypeAlias = CreateClient | RotateClient | RevokeClient | RecordClientDenial


def decide(state: ClientState, command: ClientCommand) -> Decision[ClientEvent]:
    """Facts or a refusal. Pure: no clock, no randomness, no I/O, no exception."""
    if isinstance(command, CreateClient):
        return refused(Refusal.ALREADY_EXISTS) if state.exists else accepted(_created(command))
    if not state.is_live:
        return refused(Refusal.NOT_FOUND)
    match command:
        case RotateClient():
            if state.expires_at is not None and command.now >= state.expires_at:
                # A new token would be dead at once, and nobody would know why.
                return refused(Refusal.CLIENT_EXPIRED)
            return accepted(ApiClientRotated(rotated_at=command.now))
        case RevokeClient():
            return accepted(ApiClientRevoked(revoked_at=command.now))
        case RecordClientDenial():
            return accepted(AccessDenied(act=command.act, target_id=command.target_id, denied_at=command.now))
        case _:
            assert_never(command)


def _created(wish: CreateClient) -> ApiClientCreated:
    return ApiClientCreated(
        name=wish.name,
        scopes=wish.scopes,
        networks=wish.networks,
        expires_at=wish.expires_at,
        created_at=wish.now,
    )


def evolve(state: ClientState, event: ClientEvent) -> ClientState:
    """The state after one more fact."""
    match event:
        case ApiClientCreated():
            return ClientState(
                exists=True,
                name=event.name,
                scopes=event.scopes,
                networks=event.networks,
                expires_at=event.expires_at,
                created_at=event.created_at,
            )
        case ApiClientRevoked():
            return replace(state, revoked=True)
        case ApiClientRotated() | AccessDenied():
            return state
        case _:
            assert_never(event)


def fold(events: Iterable[ClientEvent], state: ClientState | None = None) -> ClientState:
    """All state steps from `state` (a new client's when None)."""
    return reduce(evolve, events, state or ClientState())


def gives_token(event: ClientEvent) -> bool:
    """Does a token live after this fact?"""
    return isinstance(event, ApiClientCreated | ApiClientRotated)


def ends_token(events: Iterable[ClientEvent]) -> bool:
    """Is the token that was valid before these facts dead after them?"""
    return any(isinstance(event, ApiClientRotated | ApiClientRevoked) for event in events)
