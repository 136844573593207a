"""Read, decide, append; again with the newer state when another writer was first. The only such loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from events.codec import SealingKeys
from events.credentials import Credential
from events.decision import Decision, Refusal, accepted, refused
from events.envelope import Metadata, StreamKind
from events.store.port import (
    Alone,
    Append,
    CallerCheck,
    EventStore,
    IdempotencyClaim,
    NewEffect,
    Status,
    StoredUser,
)
from events.store.states import user_doc
from events.user.commands import UserCommand
from events.user.decider import decide
from events.user.endings import endings
from events.user.events import SignedIn, UserEvent
from events.user.evolve import fold
from events.user.reactions import effect_target, reactions
from events.user.state import UserState
from services.application.context import Tenant
from services.application.errors import Contended, Refused, Replayed
from services.application.ports import Doorbell, Entropy
from services.application.vault import Vault

ATTEMPTS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """In whose name the append is made. `actor_key`: the acting person's wrapped data key, when not the subject."""

    metadata: Metadata
    caller: CallerCheck | None = None
    actor_key: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Formed:
    """A wish with what stands beside its facts: rows to insert, once the facts are known."""

    command: UserCommand
    acting: Acting
    then: tuple[UserCommand, ...] = ()  # further wishes: recorded in the same append, all of them or nothing
    credentials: Callable[[tuple[UserEvent, ...]], tuple[Credential, ...]] = lambda events: ()
    known_address: bytes | None = None  # remembered when a session comes of it
    claim_login: str | None = None
    person_key: tuple[bytes, bytes] | None = None  # (data key, wrapped): of a new person
    forget: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was recorded, and the state after it."""

    user: StoredUser
    events: tuple[UserEvent, ...]
    first_position: int | None

    def event(self, kind: type[UserEvent]) -> UserEvent:
        return next(e for e in self.events if isinstance(e, kind))


Form = Callable[[StoredUser], Awaitable[Formed]]
Load = Callable[[], Awaitable[StoredUser]]


class _Turn:
    __slots__ = ("lock", "users")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


class Executor:
    """Runs wishes on users' streams. In one process the wishes of one stream run one after another."""

    def __init__(self, store: EventStore, vault: Vault, doorbell: Doorbell, entropy: Entropy) -> None:
        self._store = store
        self._vault = vault
        self._doorbell = doorbell
        self._entropy = entropy
        self._turns: dict[UUID, _Turn] = {}

    async def run(self, user: StoredUser, load: Load, form: Form, idempotency: IdempotencyClaim | None = None) -> Done:
        """Decide and append. `user` is what was read last, `load` reads anew. Raises Refused, Contended, Replayed."""
        async with self._turn(user.user_id) as waited:
            if waited:
                user = await load()
            for attempt in range(ATTEMPTS):
                done = await self._attempt(user, await form(user), idempotency)
                if isinstance(done, Done):
                    return done
                await asyncio.sleep(self._jitter(attempt))
                before, user = user, await load()
                if done is Status.STEP_SPENT and user.version == before.version:
                    # The state knows of no such use, the key does: it was spent all the same.
                    raise Refused(Refusal.CODE_REJECTED)
        raise Contended

    async def _attempt(self, user: StoredUser, formed: Formed, idempotency: IdempotencyClaim | None) -> Done | Status:
        """CONFLICT, STEP_SPENT: another writer was first; what is on record then decides."""
        decision = _decide(user.state, formed)
        if not decision.events:
            if decision.refusal is not None:
                raise Refused(decision.refusal)
            return Done(user=user, events=(), first_position=None)
        after = fold(decision.events, user.state)
        append = await self._compose(user, after, formed, decision.events, decision.refusal, idempotency)
        result = await self._store.append(append)
        if result.status in (Status.CONFLICT, Status.STEP_SPENT):
            return result.status
        demand_appended(result.status)
        if idempotency is not None:
            idempotency.recorded = True
        if append.effects:
            self._doorbell.ring()
        if decision.refusal is not None:
            raise Refused(decision.refusal)
        stored = replace(user, version=user.version + len(decision.events), state=after)
        return Done(user=stored, events=decision.events, first_position=result.first_position)

    async def _compose(
        self,
        user: StoredUser,
        after: UserState,
        formed: Formed,
        events: tuple[UserEvent, ...],
        refusal: Refusal | None,
        idempotency: IdempotencyClaim | None,
    ) -> Append:
        granted = refusal is None
        alone = _alone(user.user_id, formed, idempotency, granted=granted)
        return Append(
            company_id=user.company_id,
            stream_id=user.user_id,
            stream_kind=StreamKind.USER,
            expected=user.version,
            decided_at=formed.command.now,
            events=events,
            metadata=formed.acting.metadata,
            keys=await self._keys(user, formed),
            state=user_doc(after),
            company_version=user.company_version,
            caller=formed.acting.caller,
            endings=endings(user.user_id, events, user.state, after),
            credentials=formed.credentials(events) if granted else (),
            effects=tuple(
                NewEffect(event=n, kind=kind, target=effect_target(user.user_id))
                for n, event in enumerate(events)
                for kind in reactions(event)
            ),
            known_address=formed.known_address if any(isinstance(e, SignedIn) for e in events) else None,
            alone=alone,
        )

    async def _keys(self, user: StoredUser, formed: Formed) -> SealingKeys:
        if formed.person_key is not None:
            subject = formed.person_key[0]
        else:
            subject = await self._vault.person_key(user.person_key)
        actor, leaves_traces = formed.acting.actor_key, formed.acting.metadata.leaves_traces
        return SealingKeys(
            subject=subject,
            subject_id=user.user_id,
            actor=await self._vault.person_key(actor) if actor is not None else None,
            month=await self._vault.month_key(user.company_id, formed.command.now) if leaves_traces else None,
        )

    def _jitter(self, attempt: int) -> float:
        return min(0.05, 0.002 * (attempt + 1)) * (0.5 + self._entropy.bytes(1)[0] / 255)

    @asynccontextmanager
    async def _turn(self, stream_id: UUID) -> AsyncIterator[bool]:
        """One at a time per stream; gives whether it had to wait, so that what was read before is old."""
        turn = self._turns.setdefault(stream_id, _Turn())
        waited = turn.users > 0
        turn.users += 1
        try:
            async with turn.lock:
                yield waited
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[stream_id]


def nobody(tenant: Tenant, user_id: UUID) -> StoredUser:
    """Somebody who is to become a user of this company."""
    return StoredUser(
        company_id=tenant.id,
        user_id=user_id,
        version=0,
        state=UserState(),
        company=tenant.state,
        company_version=tenant.version,
        person_key=None,
        key_id=None,
        key_secret=None,
    )


def demand_appended(status: Status) -> None:
    """Raises what a status that is neither success nor conflict means to the caller."""
    match status:
        case Status.CALLER_GONE:
            raise Refused(Refusal.SESSION_OVER)
        case Status.LOGIN_TAKEN:
            raise Refused(Refusal.LOGIN_TAKEN)
        case Status.REPLAYED:
            raise Replayed
        case Status.ROLE_IN_USE:
            raise Refused(Refusal.ROLE_IN_USE)
        case Status.LOST_LEASE:
            raise AssertionError("an act of a caller holds no lease")
        case Status.APPENDED | Status.CONFLICT | Status.STEP_SPENT:
            return


def _decide(state: UserState, formed: Formed) -> Decision[UserEvent]:
    """Each wish on what the ones before it leave. Where a further one is refused, nothing of it all is recorded."""
    decision = decide(state, formed.command)
    for wish in formed.then:
        if decision.refusal is not None:
            return decision
        further = decide(fold(decision.events, state), wish)
        if further.refusal is not None:
            return refused(further.refusal)
        decision = accepted(*decision.events, *further.events)
    return decision


def _alone(user_id: UUID, formed: Formed, idempotency: IdempotencyClaim | None, *, granted: bool) -> Alone | None:
    person_key = formed.person_key[1] if formed.person_key and granted else None
    if not granted:
        return Alone(user_id=user_id, idempotency=idempotency) if idempotency else None
    if formed.claim_login is None and person_key is None and not formed.forget and idempotency is None:
        return None
    return Alone(
        user_id=user_id,
        claim_login=formed.claim_login,
        person_key=person_key,
        forget=formed.forget,
        idempotency=idempotency,
    )
