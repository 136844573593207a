"""API clients: made, given a new token, revoked. A token is shown once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from events.company import clients
from events.company.clients import ClientState
from events.company.roles import Level, Right
from events.company.scopes import Scope
from events.credentials import Credential, CredentialKind
from events.decision import Refusal
from events.networks import canonical
from events.store.port import EventStore
from events.store.states import client_state
from services.application import access
from services.application.acting import CompanyActs
from services.application.context import Caller, Tenant
from services.application.errors import Refused, Unacceptable
from services.application.execute import Acting
from services.application.ports import Clock, Entropy
from services.application.sessions import Tokens, client_row
from services.application.streams import CLIENT, Streams, Wanted

MOST: Final = 100  # of one company
MOST_NETWORKS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    name: str
    scopes: tuple[Scope, ...]
    expires_at: datetime | None = None
    networks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownClient:
    """A client as it is listed; `token` only where it is shown, once. `has_token` False: dead until it is rotated."""

    id: UUID
    state: ClientState
    last_used_at: datetime | None
    has_token: bool
    token: str | None = field(default=None, repr=False)


class ApiClients:
    def __init__(
        self,
        store: EventStore,
        streams: Streams,
        acts: CompanyActs,
        tokens: Tokens,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._streams = streams
        self._acts = acts
        self._tokens = tokens
        self._clock = clock
        self._entropy = entropy

    async def known(self, caller: Caller) -> list[ShownClient]:
        access.demand_right(caller, Right.INTEGRATIONS, Level.VIEW)
        return [_shown(*row) for row in await self._store.clients(caller.at.id)]

    async def create(self, caller: Caller, wanted: NewClient) -> ShownClient:
        """Within the rights of whoever makes it. Raises Refused, Unacceptable."""
        if wanted.expires_at is not None and wanted.expires_at <= self._clock.now():
            raise Unacceptable("expires_at", "past", "must lie in the future")
        networks = check_networks(wanted.networks)
        if len(await self._store.clients(caller.at.id)) >= MOST:
            raise Refused(Refusal.TOO_MANY)
        client_id = self._entropy.uuid()
        issued = self._tokens.issue(CredentialKind.API_CLIENT, caller.at.id)
        row = client_row(client_id, issued, wanted.expires_at)

        def make(now: datetime) -> clients.CreateClient:
            return clients.CreateClient(
                now=now,
                name=wanted.name,
                scopes=tuple(sorted(scope.value for scope in set(wanted.scopes))),
                networks=networks,
                expires_at=wanted.expires_at,
            )

        state = await self._run(caller, client_id, make, wanted.scopes, (row,))
        return ShownClient(id=client_id, state=state, last_used_at=None, has_token=True, token=issued.token)

    async def rotate(self, caller: Caller, client_id: UUID) -> ShownClient:
        """A new token; the old one is dead with the same commit. Within the rights of whoever does it."""
        before = await self._find(caller, client_id)
        issued = self._tokens.issue(CredentialKind.API_CLIENT, caller.at.id)
        row = client_row(client_id, issued, before.expires_at)
        scopes = tuple(scope for scope in Scope if before.may(scope))
        state = await self._run(caller, client_id, lambda now: clients.RotateClient(now=now), scopes, (row,))
        return ShownClient(id=client_id, state=state, last_used_at=None, has_token=True, token=issued.token)

    async def revoke(self, caller: Caller, client_id: UUID) -> None:
        await self._find(caller, client_id)
        await self._run(caller, client_id, lambda now: clients.RevokeClient(now=now), (), ())

    async def record_denial(self, caller: Caller, act: str, target_id: UUID | None) -> None:
        """What a client was not allowed stands in its own history."""

        async def form(tenant: Tenant, state: ClientState) -> Wanted[clients.ClientCommand]:
            now = self._clock.now()
            wish = clients.RecordClientDenial(now=now, act=act, target_id=target_id)
            return Wanted(command=wish, now=now, acting=Acting(metadata=caller.metadata()))

        await self._streams.run(CLIENT, caller.company_id, caller.user_id, form)

    async def _find(self, caller: Caller, client_id: UUID) -> ClientState:
        stored = await self._store.stream(caller.at.id, client_id)
        known = {row[0] for row in await self._store.clients(caller.at.id)}
        if stored.doc is None or client_id not in known:
            raise Refused(Refusal.NOT_FOUND)
        return client_state(stored.doc)

    async def _run(
        self,
        caller: Caller,
        client_id: UUID,
        make: Callable[[datetime], clients.ClientCommand],
        scopes: tuple[Scope, ...],
        rows: tuple[Credential, ...],
    ) -> ClientState:
        def demand(acting: Caller) -> None:
            access.demand_person(acting)
            access.demand_right(acting, Right.INTEGRATIONS, Level.FULL)
            access.demand_scopes_grantable(acting, scopes)

        outcome = await self._acts.run(CLIENT, caller, client_id, make, demand, rows=rows)
        return outcome.state


def check_networks(given: tuple[str, ...]) -> tuple[str, ...]:
    """Networks in their one spelling, each once. Raises Unacceptable."""
    if len(given) > MOST_NETWORKS:
        raise Unacceptable("networks", "too_many", f"must be at most {MOST_NETWORKS}")
    found = [canonical(text) for text in given]
    if None in found:
        raise Unacceptable("networks", "network", "must be addresses or prefixes, without bits behind the prefix")
    return tuple(sorted({network for network in found if network is not None}))


def _shown(client_id: UUID, doc: str, token: Credential | None) -> ShownClient:
    used = token.seen_at if token is not None else None
    return ShownClient(id=client_id, state=client_state(doc), last_used_at=used, has_token=token is not None)
