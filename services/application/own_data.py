"""A copy of everything that is kept about the caller: for the person alone, and about nobody else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, Protocol, TypeAlias
from uuid import UUID

from pydantic_core import from_json

from events.codec import decode, open_actor, open_traces, personal_values
from events.credentials import Credential
from events.envelope import ActorKind, Box
from events.policy import EffectiveFactor
from events.projections.keyring import subject_of
from events.store.port import EventStore, RawEvent, RecordedEvent, StoredUser
from events.upcasters import upcast
from services.application.context import Caller
from services.application.own_security import OwnSecurity
from services.application.ports import Clock
from services.application.vault import Vault

SLICE: Final = 500

About: TypeAlias = Literal["yourself", "others"]
By: TypeAlias = Literal["yourself", "administrator", "provider", "program", "system", "unknown"]

# Of other people there is only what they are.
_BY: Final[dict[ActorKind, By]] = {
    ActorKind.ANONYMOUS: "unknown",
    ActorKind.USER: "administrator",
    ActorKind.PROVIDER: "provider",
    ActorKind.CLIENT: "program",
    ActorKind.SYSTEM: "system",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEvent:
    """A fact about the person, with everything of it; of what they did to others, only that and from where."""

    position: int
    id: UUID
    type: str
    at: datetime
    about: About
    by: By
    ip: str | None = None
    user_agent: str | None = None
    personal: Mapping[str, str] = field(default_factory=dict, repr=False)
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnData:
    """`user` as it is after the copy was recorded; `events` as far as the audit trail is."""

    made_at: datetime
    user: StoredUser = field(repr=False)
    two_factor: EffectiveFactor
    sessions: Sequence[Credential] = field(repr=False)
    events: Sequence[OwnEvent] = field(repr=False)


class OwnEntries(Protocol):
    async def entries(self, company_id: UUID, user_id: UUID, after: int, limit: int) -> Sequence[RawEvent]:
        """Entries about a user or of what the user did, in order, behind a position. Raises Unavailable."""
        ...


class OwnDataExport:
    def __init__(self, store: EventStore, own: OwnSecurity, entries: OwnEntries, vault: Vault, clock: Clock) -> None:
        self._store = store
        self._own = own
        self._entries = entries
        self._vault = vault
        self._clock = clock

    async def export(self, caller: Caller) -> OwnData:
        """Asks for a fresh session, and is on record. Raises Refused, KeyUnavailable."""
        user = await self._own.record_export(caller)
        return OwnData(
            made_at=self._clock.now(),
            user=user,
            two_factor=self._own.two_factor(caller),
            sessions=await self._own.sessions(caller),
            events=await self._events(user),
        )

    async def _events(self, user: StoredUser) -> list[OwnEvent]:
        reader = _Reader(user, self._store, self._vault, await self._vault.person_key(user.person_key))
        found: list[OwnEvent] = []
        after = 0
        while raw := await self._entries.entries(user.company_id, user.user_id, after, SLICE):
            found += [await reader.read(one) for one in raw]
            after = raw[-1].position
        return found


class _Reader:
    """Opens with this person's own key and no other."""

    def __init__(self, user: StoredUser, store: EventStore, vault: Vault, key: bytes) -> None:
        self._user = user
        self._store = store
        self._vault = vault
        self._key = key
        self._months: dict[str, bytes | None] = {}

    async def read(self, raw: RawEvent) -> OwnEvent:
        recorded = decode(raw.type, raw.entry)
        is_own = recorded.actor.id == self._user.user_id
        about_me = subject_of(recorded) == self._user.user_id
        traces = await self._traces(recorded)
        return OwnEvent(
            position=recorded.position,
            id=recorded.id,
            type=recorded.type,
            at=recorded.at,
            about="yourself" if about_me else "others",
            by="yourself" if is_own else _BY[recorded.actor.kind],
            ip=traces.get("ip"),
            user_agent=traces.get("user_agent"),
            personal=self._personal(recorded, about_me=about_me),
            details=_details(raw) if about_me else {},
        )

    def _personal(self, recorded: RecordedEvent, *, about_me: bool) -> Mapping[str, str]:
        """What stands under the own key: the own fields, and what oneself typed about nobody."""
        if about_me:
            return personal_values(recorded, self._key)
        return {name: text for name, text in self._said(recorded).items() if name == "reason"}

    def _said(self, recorded: RecordedEvent) -> Mapping[str, str]:
        return open_actor(recorded, self._key) if _is_of(recorded.sealed.actor, self._user.user_id) else {}

    async def _traces(self, recorded: RecordedEvent) -> Mapping[str, str]:
        """From where; not where it was somebody else's doing."""
        box = recorded.sealed.traces
        if box is None or box.month is None or not _is_of(box, self._user.user_id):
            return {}
        return open_traces(recorded, await self._month(recorded.company_id, box.month), self._key)

    async def _month(self, company_id: UUID, month: str) -> bytes | None:
        if month not in self._months:
            wrapped = await self._store.trace_key(company_id, month)
            self._months[month] = await self._vault.person_key(wrapped) if wrapped is not None else None
        return self._months[month]


def _is_of(box: Box | None, user_id: UUID) -> bool:
    return box is not None and box.person == user_id


def _details(raw: RawEvent) -> Mapping[str, Any]:
    """Without the ids of other people."""
    return {name: value for name, value in upcast(from_json(raw.entry))["data"].items() if name != "target_id"}
