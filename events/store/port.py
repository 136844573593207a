"""The event log as its users see it. Two implementations pass one contract suite: memory and Postgres."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from events.catalogue import Event
from events.codec import SealingKeys
from events.company.clients import ClientState
from events.company.state import CompanyState
from events.credentials import Credential, CredentialKind, EndEveryone, Endings
from events.envelope import Metadata, Recorded, StreamKind
from events.user.state import UserState


class Unavailable(Exception):
    """The store cannot be reached, or an append's outcome is unknown. Nothing may be assumed; never repeated here."""


class Status(StrEnum):
    """What became of one command."""

    APPENDED = "appended"
    CONFLICT = "conflict"  # another writer was first: read and decide again
    CALLER_GONE = "caller_gone"  # the presented credential or the actor's authority is not what it was
    STEP_SPENT = "step_spent"  # the key is gone, or a step at or above this one was accepted
    LOST_LEASE = "lost_lease"  # another worker took the effect over
    LOGIN_TAKEN = "login_taken"
    ROLE_IN_USE = "role_in_use"
    REPLAYED = "replayed"  # the idempotency key is in use


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerCheck:
    """The credential that the caller presented, and the authority that the decision relied on.

    `actor_id` None: the subject acts itself, so the stream's version says more than its authority would; or a program.
    `company_version`: of the caller's own company, where that is another one than the log's.
    """

    company_id: UUID
    credential_id: UUID
    secret: bytes = field(repr=False)
    actor_id: UUID | None = None
    authority: int | None = None
    company_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectDone:
    """The effect whose outcome this is; `attempts` is the fencing token of the claim."""

    position: int
    kind: str
    target: str
    attempts: int
    failed: bool = False


@dataclass(slots=True, kw_only=True)
class IdempotencyClaim:
    """`recorded` turns true when a fact was appended under this claim."""

    caller: str
    key: str
    digest: bytes
    recorded: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """Writes that must not share a transaction with other commands. `user_id`: whom they are about, if anybody."""

    user_id: UUID | None = None
    claim_login: str | None = None
    person_key: bytes | None = field(default=None, repr=False)
    forget: bool = False
    end_everyone: EndEveryone | None = None
    unused_role: str | None = None  # no user may have it
    idempotency: IdempotencyClaim | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateDoc:
    """The folded state as it is stored."""

    doc: str = field(repr=False)
    schema: int
    authority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEffect:
    event: int  # which of the command's facts, from 0
    kind: str
    target: str


NO_KEYS: Final = SealingKeys()
NO_ENDINGS: Final = Endings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """The facts of one command with all their consequences.

    `company_version`: of the company's own state that the decision relied on; another one means: decide again.
    """

    company_id: UUID
    stream_id: UUID
    stream_kind: StreamKind
    expected: int
    decided_at: datetime
    events: tuple[Event, ...]
    metadata: Metadata
    keys: SealingKeys = NO_KEYS
    state: StateDoc | None = None
    company_version: int | None = None
    caller: CallerCheck | None = None
    endings: Endings = NO_ENDINGS
    credentials: tuple[Credential, ...] = ()
    effects: tuple[NewEffect, ...] = ()
    known_address: bytes | None = None
    done: EffectDone | None = None
    alone: Alone | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    status: Status
    first_position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredUser:
    """One user as stored: state and its version, wrapped data key, sealed key, and the company with its version."""

    company_id: UUID
    user_id: UUID
    version: int
    state: UserState
    company: CompanyState
    company_version: int
    person_key: bytes | None = field(repr=False)
    key_id: UUID | None
    key_secret: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCredential:
    """A presented credential with its user, or with the API client whose it is."""

    credential: Credential
    company_id: UUID
    company: CompanyState
    company_version: int
    user: StoredUser | None = None
    client: ClientState | None = None


@dataclass(frozen=True, slots=True)
class StoredStream:
    """One of the company's own streams; `doc` None and version 0 when it has no fact yet."""

    version: int
    doc: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginAccount:
    """The account of a login, with what a first step needs."""

    user: StoredUser
    password: bytes | None = field(repr=False)
    address_is_known: bool


@dataclass(frozen=True, slots=True)
class RawEvent:
    position: int
    type: str
    entry: bytes


class EventStore(Protocol):
    """All reads of the rules, and the one append. Safe to call concurrently; raises Unavailable."""

    async def append(self, command: Append) -> Appended:
        """All of it is durable when this returns APPENDED, nothing of it otherwise."""
        ...

    async def user(self, company_id: UUID, user_id: UUID) -> StoredUser | None: ...

    async def caller(self, company_id: UUID, credential_id: UUID) -> HeldCredential | None: ...

    async def login(self, login_key: str, address: bytes) -> LoginAccount | None: ...

    async def company(self, company_id: UUID) -> tuple[int, CompanyState]:
        """(version, state); version 0 when there is no such company."""
        ...

    async def stream(self, company_id: UUID, stream_id: UUID) -> StoredStream:
        """The state of one of the company's own streams."""
        ...

    async def stream_events(self, company_id: UUID, stream_id: UUID, after: int, limit: int) -> list[RawEvent]:
        """Entries of one stream in order, after a version."""
        ...

    async def clients(self, company_id: UUID) -> list[tuple[UUID, str, Credential | None]]:
        """(id, state document, live token) of the company's API clients that are not revoked."""
        ...

    async def credentials(
        self, company_id: UUID, user_id: UUID, kinds: Sequence[CredentialKind]
    ) -> list[Credential]: ...

    async def touch(self, company_id: UUID, credential_id: UUID, at: datetime) -> None:
        """Remember that a session was used; not a fact."""
        ...

    async def events(self, company_id: UUID, after: int, limit: int) -> list[RawEvent]:
        """Entries in order of position, without gaps."""
        ...

    async def trace_key(self, company_id: UUID, month: str) -> bytes | None: ...

    async def offer_trace_key(self, company_id: UUID, month: str, wrapped: bytes) -> bytes | None:
        """The month's wrapped key: this one when there was none; None when it was destroyed."""
        ...

    async def installation_key(self, name: str) -> bytes | None: ...

    async def offer_installation_key(self, name: str, wrapped: bytes) -> bytes:
        """The wrapped key of that name: this one when there was none."""
        ...

    async def person_keys(self, company_id: UUID, user_ids: Sequence[UUID]) -> dict[UUID, bytes]: ...


RecordedEvent = Recorded[Event]
