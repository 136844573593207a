"""The event log in memory: the same promises as Postgres within one process, for tests of rules."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from events.codec import complete
from events.company.events import TracesDestroyed
from events.company.state import CompanyState
from events.credentials import Credential, CredentialKind, EndEveryone
from events.sealing import Random
from events.store.batch import entries
from events.store.port import (
    Append,
    Appended,
    HeldCredential,
    LoginAccount,
    RawEvent,
    StateDoc,
    Status,
    StoredStream,
    StoredUser,
)
from events.store.states import client_state, company_state, user_state

_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


@dataclass
class _Company:
    events: list[RawEvent] = field(default_factory=list)
    at: datetime = _BEGINNING
    states: dict[UUID, tuple[int, StateDoc]] = field(default_factory=dict)
    credentials: dict[UUID, Credential] = field(default_factory=dict)
    person_keys: dict[UUID, bytes] = field(default_factory=dict)
    trace_keys: dict[str, bytes] = field(default_factory=dict)
    destroyed_months: set[str] = field(default_factory=set)
    known_addresses: set[tuple[UUID, bytes]] = field(default_factory=set)
    claims: dict[tuple[str, str], UUID | None] = field(
        default_factory=dict
    )  # (caller, key) -> whom the answer is about
    effects: dict[tuple[int, str, str], int] = field(default_factory=dict)  # -> attempts; absent when done


class MemoryEventStore:
    """EventStore without durability. One command at a time: no await stands inside an append."""

    def __init__(self, new_id: Callable[[], UUID], random: Random) -> None:
        self._new_id = new_id
        self._random = random
        self._companies: dict[UUID, _Company] = defaultdict(_Company)
        self._logins: dict[str, tuple[UUID, UUID]] = {}
        self._installation_keys: dict[str, bytes] = {}

    async def append(self, command: Append) -> Appended:
        bodies = entries(command, self._new_id, self._random)
        await asyncio.sleep(0)  # like a round trip, so that races happen here too
        company = self._companies[command.company_id]
        status = self._check(company, command)
        if status is not Status.APPENDED:
            return Appended(status)
        first = len(company.events) + 1
        self._write_events(company, command, bodies)
        self._write_credentials(company, command)
        self._write_alone(company, command)
        if command.known_address is not None:
            company.known_addresses.add((command.stream_id, command.known_address))
        for effect in command.effects:
            company.effects[(first + effect.event, effect.kind, effect.target)] = 0
        if command.done is not None:
            del company.effects[(command.done.position, command.done.kind, command.done.target)]
        return Appended(Status.APPENDED, first)

    def _check(self, company: _Company, command: Append) -> Status:
        if not self._caller_holds(command):
            return Status.CALLER_GONE
        if not self._companies_stand(company, command):
            return Status.CONFLICT
        spent = command.endings.spent_key
        if spent is not None:
            key = company.credentials.get(spent)
            step = command.endings.spent_step
            if key is None or key.last_step is None or step is None or key.last_step >= step:
                return Status.STEP_SPENT
        done = command.done
        if done is not None and company.effects.get((done.position, done.kind, done.target)) != done.attempts:
            return Status.LOST_LEASE
        has_version = command.state is not None or command.alone is not None
        if has_version and company.states.get(command.stream_id, (0, None))[0] != command.expected:
            return Status.CONFLICT
        return self._check_alone(company, command)

    def _caller_holds(self, command: Append) -> bool:
        caller = command.caller
        if caller is None:
            return True
        home = self._companies[caller.company_id]
        held = home.credentials.get(caller.credential_id)
        if held is None or held.secret != caller.secret:
            return False
        if held.expires_at is not None and held.expires_at <= command.decided_at:
            return False
        if caller.actor_id is None:
            return True
        acting = home.states.get(caller.actor_id)
        return acting is not None and acting[1].authority == caller.authority

    def _companies_stand(self, company: _Company, command: Append) -> bool:
        """Do the company, and the caller's own one, stand where the decision saw them?"""
        if command.company_version not in (None, _version(company, command.company_id)):
            return False
        caller = command.caller
        if caller is None or caller.company_version is None:
            return True
        return caller.company_version == _version(self._companies[caller.company_id], caller.company_id)

    def _check_alone(self, company: _Company, command: Append) -> Status:
        alone = command.alone
        if alone is None:
            return Status.APPENDED
        claim = alone.idempotency
        if claim is not None and (claim.caller, claim.key) in company.claims:
            return Status.REPLAYED
        if alone.claim_login is not None and alone.claim_login in self._logins:
            return Status.LOGIN_TAKEN
        if alone.unused_role is not None and any(role == alone.unused_role for role in _roles(company).values()):
            return Status.ROLE_IN_USE
        return Status.APPENDED

    def _write_events(self, company: _Company, command: Append, bodies: list[bytes]) -> None:
        for event, body in zip(command.events, bodies, strict=True):
            position = len(company.events) + 1
            company.at = max(command.decided_at, company.at + timedelta(microseconds=1))
            at = company.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            company.events.append(RawEvent(position, type(event).__name__, complete(body, position, at)))
            if isinstance(event, TracesDestroyed):
                company.destroyed_months.add(event.month)
                company.trace_keys.pop(event.month, None)
        if command.state is not None:
            company.states[command.stream_id] = (command.expected + len(bodies), command.state)

    def _write_credentials(self, company: _Company, command: Append) -> None:
        endings = command.endings
        if endings.spent_key is not None:
            key = company.credentials[endings.spent_key]
            company.credentials[key.id] = replace(key, last_step=endings.spent_step)
        for credential_id in endings.ids:
            company.credentials.pop(credential_id, None)
        for every in endings.all_of:
            for held in list(company.credentials.values()):
                if held.user_id == every.user_id and held.kind in every.kinds and held.id != every.keep:
                    del company.credentials[held.id]
        for new in command.credentials:
            company.credentials[new.id] = new

    def _write_alone(self, company: _Company, command: Append) -> None:
        alone = command.alone
        if alone is None:
            return
        if alone.idempotency is not None:
            company.claims[(alone.idempotency.caller, alone.idempotency.key)] = alone.user_id
        if alone.end_everyone is not None:
            _end_everyone(company, alone.end_everyone)
        user_id = alone.user_id
        if user_id is None:
            return
        if alone.claim_login is not None:
            self._logins[alone.claim_login] = (command.company_id, user_id)
        if alone.person_key is not None:
            company.person_keys[user_id] = alone.person_key
        if alone.forget:
            company.person_keys.pop(user_id, None)
            self._logins = {k: v for k, v in self._logins.items() if v != (command.company_id, user_id)}
            company.known_addresses = {a for a in company.known_addresses if a[0] != user_id}
            gone = str(user_id)
            mine = alone.idempotency and (alone.idempotency.caller, alone.idempotency.key)
            company.claims = {k: v for k, v in company.claims.items() if (v != user_id and k[0] != gone) or k == mine}

    def claim_effect(self, company_id: UUID, position: int, kind: str, target: str) -> int:
        """What a worker does before it acts: one attempt more, whose number is the fencing token."""
        effects = self._companies[company_id].effects
        effects[(position, kind, target)] += 1
        return effects[(position, kind, target)]

    def open_effects(self, company_id: UUID) -> list[tuple[int, str, str]]:
        """(position, kind, target) of what is neither done nor failed, in order."""
        return sorted(self._companies[company_id].effects)

    async def user(self, company_id: UUID, user_id: UUID) -> StoredUser | None:
        company = self._companies[company_id]
        stored = company.states.get(user_id)
        if stored is None or user_id == company_id:
            return None
        version, doc = stored
        key = next(
            (c for c in company.credentials.values() if c.user_id == user_id and c.kind is CredentialKind.KEY),
            None,
        )
        return StoredUser(
            company_id=company_id,
            user_id=user_id,
            version=version,
            state=user_state(doc.doc),
            company=(await self.company(company_id))[1],
            company_version=_version(company, company_id),
            person_key=company.person_keys.get(user_id),
            key_id=key.id if key else None,
            key_secret=key.secret if key else None,
        )

    async def caller(self, company_id: UUID, credential_id: UUID) -> HeldCredential | None:
        held = self._companies[company_id].credentials.get(credential_id)
        if held is None:
            return None
        version, company = await self.company(company_id)
        is_client = held.kind is CredentialKind.API_CLIENT
        client = await self.stream(company_id, held.user_id) if is_client else None
        return HeldCredential(
            credential=held,
            company_id=company_id,
            company=company,
            company_version=version,
            user=None if is_client else await self.user(company_id, held.user_id),
            client=client_state(client.doc) if client is not None and client.doc is not None else None,
        )

    async def login(self, login_key: str, address: bytes) -> LoginAccount | None:
        found = self._logins.get(login_key)
        user = await self.user(*found) if found else None
        if user is None:
            return None
        company = self._companies[user.company_id]
        password = next(
            (
                c.secret
                for c in company.credentials.values()
                if c.user_id == user.user_id and c.kind is CredentialKind.PASSWORD
            ),
            None,
        )
        known = (user.user_id, address) in company.known_addresses
        return LoginAccount(user=user, password=password, address_is_known=known)

    async def company(self, company_id: UUID) -> tuple[int, CompanyState]:
        stored = self._companies[company_id].states.get(company_id)
        if stored is None:
            return 0, CompanyState()
        return stored[0], company_state(company_id, stored[0], stored[1].doc)

    async def stream(self, company_id: UUID, stream_id: UUID) -> StoredStream:
        stored = self._companies[company_id].states.get(stream_id)
        return StoredStream(stored[0], stored[1].doc) if stored is not None else StoredStream(0, None)

    async def stream_events(self, company_id: UUID, stream_id: UUID, after: int, limit: int) -> list[RawEvent]:
        mine = f'"stream_id":"{stream_id}"'.encode()
        return [event for event in self._companies[company_id].events if mine in event.entry][after : after + limit]

    async def clients(self, company_id: UUID) -> list[tuple[UUID, str, Credential | None]]:
        company = self._companies[company_id]
        found: list[tuple[UUID, str, Credential | None]] = []
        for stream_id, (_, state) in company.states.items():
            if '"scopes"' in state.doc and client_state(state.doc).is_live:
                of_client = (c for c in company.credentials.values() if c.user_id == stream_id)
                found.append((stream_id, state.doc, next(of_client, None)))
        return found

    async def credentials(self, company_id: UUID, user_id: UUID, kinds: Sequence[CredentialKind]) -> list[Credential]:
        held = self._companies[company_id].credentials.values()
        return [c for c in held if c.user_id == user_id and c.kind in kinds]

    async def touch(self, company_id: UUID, credential_id: UUID, at: datetime) -> None:
        held = self._companies[company_id].credentials.get(credential_id)
        never = held is not None and held.seen_at is None and held.kind is CredentialKind.API_CLIENT
        if held is not None and (never or (held.seen_at is not None and held.seen_at < at)):
            self._companies[company_id].credentials[credential_id] = replace(held, seen_at=at)

    async def events(self, company_id: UUID, after: int, limit: int) -> list[RawEvent]:
        return self._companies[company_id].events[after : after + limit]

    async def trace_key(self, company_id: UUID, month: str) -> bytes | None:
        return self._companies[company_id].trace_keys.get(month)

    async def offer_trace_key(self, company_id: UUID, month: str, wrapped: bytes) -> bytes | None:
        company = self._companies[company_id]
        return None if month in company.destroyed_months else company.trace_keys.setdefault(month, wrapped)

    async def installation_key(self, name: str) -> bytes | None:
        return self._installation_keys.get(name)

    async def offer_installation_key(self, name: str, wrapped: bytes) -> bytes:
        return self._installation_keys.setdefault(name, wrapped)

    async def person_keys(self, company_id: UUID, user_ids: Sequence[UUID]) -> dict[UUID, bytes]:
        keys = self._companies[company_id].person_keys
        return {user_id: keys[user_id] for user_id in user_ids if user_id in keys}


def _version(company: _Company, company_id: UUID) -> int:
    return company.states.get(company_id, (0, None))[0]


def _roles(company: _Company) -> dict[UUID, str]:
    """Of the users that are there; other streams' documents name no login."""
    users = {i: user_state(state.doc) for i, (_, state) in company.states.items() if '"login"' in state.doc}
    return {user_id: user.role for user_id, user in users.items()}


def _end_everyone(company: _Company, everyone: EndEveryone) -> None:
    roles = _roles(company) if everyone.role is not None else {}
    for held in list(company.credentials.values()):
        is_meant = everyone.role is None or roles.get(held.user_id) == everyone.role
        if is_meant and held.kind in everyone.kinds and held.id != everyone.keep:
            del company.credentials[held.id]
