"""Read, decide, append for a company's own streams: the company itself, and each of its API clients."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Generic, TypeVar
from uuid import UUID

from events.catalogue import Event
from events.codec import SealingKeys
from events.company import clients, decider, reports, state
from events.company.clients import ClientCommand, ClientEvent, ClientState
from events.company.commands import CompanyCommand
from events.company.events import CompanyEvent
from events.company.reports import ReportCommand, ReportEvent, ReportState
from events.company.state import CompanyState
from events.credentials import Credential, CredentialKind, EndAll, EndEveryone, Endings
from events.decision import Decision
from events.envelope import StreamKind
from events.store.port import Alone, Append, EventStore, IdempotencyClaim, NewEffect, StateDoc, Status
from events.store.states import client_doc, client_state, company_doc, company_state, report_doc, report_state
from services.application.context import Tenant
from services.application.errors import Contended, Refused
from services.application.execute import ATTEMPTS, Acting, demand_appended
from services.application.ports import Doorbell
from services.application.vault import Vault

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream(Generic[S, C, E]):
    """The rules of one kind of stream, as the loop below needs them."""

    kind: StreamKind
    decide: Callable[[S, C], Decision[E]]
    fold: Callable[[Sequence[E], S], S]
    read: Callable[[UUID, int, str | None], S]
    doc: Callable[[S], StateDoc]
    endings: Callable[[UUID, Sequence[E]], Endings]
    effects: Callable[[Sequence[E]], tuple[NewEffect, ...]] = lambda events: ()
    everyone: Callable[[Sequence[E]], EndEveryone | None] = lambda events: None
    unused_role: Callable[[Sequence[E]], str | None] = lambda events: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted(Generic[C]):
    """A wish with its moment, in whose name it is, and the rows that stand beside its facts."""

    command: C
    now: datetime
    acting: Acting
    credentials: tuple[Credential, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[S, E]):
    """What was recorded, and the state after it."""

    tenant: Tenant
    state: S
    version: int
    events: tuple[E, ...]


class Streams:
    """The one loop of appends to these streams. Raises Refused, Contended, Replayed."""

    def __init__(self, store: EventStore, vault: Vault, doorbell: Doorbell) -> None:
        self._store = store
        self._vault = vault
        self._doorbell = doorbell

    async def tenant(self, company_id: UUID) -> Tenant:
        version, found = await self._store.company(company_id)
        return Tenant(id=company_id, state=found, version=version)

    async def run(
        self,
        stream: Stream[S, C, E],
        company_id: UUID,
        stream_id: UUID,
        form: Callable[[Tenant, S], Awaitable[Wanted[C]]],
        idempotency: IdempotencyClaim | None = None,
    ) -> Outcome[S, E]:
        """`form` is asked anew, with the newer states, whenever another writer was first."""
        for attempt in range(ATTEMPTS):
            # The stream first: what `form` then looks at is no older than what the append compares.
            stored = await self._store.stream(company_id, stream_id)
            tenant = await self.tenant(company_id)
            before = stream.read(company_id, stored.version, stored.doc)
            wanted = await form(tenant, before)
            decision = stream.decide(before, wanted.command)
            if not decision.events:
                if decision.refusal is not None:
                    raise Refused(decision.refusal)
                return Outcome(tenant=tenant, state=before, version=stored.version, events=())
            after = stream.fold(decision.events, before)
            append = await self._compose(
                stream, tenant, stream_id, stored.version, after, wanted, decision, idempotency
            )
            result = await self._store.append(append)
            if result.status is Status.CONFLICT:
                await asyncio.sleep(0.002 * attempt)
                continue
            demand_appended(result.status)
            return self._done(tenant, stored.version, after, decision, append, idempotency)
        raise Contended

    def _done(
        self,
        tenant: Tenant,
        version: int,
        after: S,
        decision: Decision[E],
        append: Append,
        idempotency: IdempotencyClaim | None,
    ) -> Outcome[S, E]:
        if idempotency is not None:
            idempotency.recorded = True
        if append.effects:
            self._doorbell.ring()
        if decision.refusal is not None:
            raise Refused(decision.refusal)
        return Outcome(tenant=tenant, state=after, version=version + len(decision.events), events=decision.events)

    async def _compose(
        self,
        stream: Stream[S, C, E],
        tenant: Tenant,
        stream_id: UUID,
        version: int,
        after: S,
        wanted: Wanted[C],
        decision: Decision[E],
        idempotency: IdempotencyClaim | None,
    ) -> Append:
        events, acting = decision.events, wanted.acting
        return Append(
            company_id=tenant.id,
            stream_id=stream_id,
            stream_kind=stream.kind,
            expected=version,
            decided_at=wanted.now,
            events=events,
            metadata=acting.metadata,
            keys=SealingKeys(
                actor=await self._vault.person_key(acting.actor_key) if acting.actor_key is not None else None,
                month=await self._vault.month_key(tenant.id, wanted.now) if acting.metadata.leaves_traces else None,
            ),
            state=stream.doc(after),
            company_version=tenant.version if stream_id != tenant.id else None,
            caller=acting.caller,
            endings=stream.endings(stream_id, events),
            credentials=wanted.credentials if decision.refusal is None else (),
            effects=stream.effects(events),
            alone=_alone(stream, events, idempotency),
        )


def _alone(stream: Stream[S, C, E], events: Sequence[E], idempotency: IdempotencyClaim | None) -> Alone | None:
    everyone, unused = stream.everyone(events), stream.unused_role(events)
    if everyone is None and unused is None and idempotency is None:
        return None
    return Alone(end_everyone=everyone, unused_role=unused, idempotency=idempotency)


def _company_read(company_id: UUID, version: int, doc: str | None) -> CompanyState:
    return company_state(company_id, version, doc) if doc is not None else CompanyState()


def _company_effects(events: Sequence[CompanyEvent]) -> tuple[NewEffect, ...]:
    return tuple(
        NewEffect(event=n, kind=kind, target="") for n, event in enumerate(events) for kind in decider.reactions(event)
    )


def _ended_for_everyone(events: Sequence[CompanyEvent]) -> EndEveryone | None:
    return next((ended for event in events if (ended := decider.ended_for_everyone(event)) is not None), None)


def _client_endings(client_id: UUID, events: Sequence[ClientEvent]) -> Endings:
    if not clients.ends_token(events):
        return Endings()
    return Endings(all_of=(EndAll(user_id=client_id, kinds=(CredentialKind.API_CLIENT,)),))


def _report_effects(events: Sequence[ReportEvent]) -> tuple[NewEffect, ...]:
    return tuple(
        NewEffect(event=n, kind=kind, target="") for n, event in enumerate(events) for kind in reports.reactions(event)
    )


COMPANY: Final[Stream[CompanyState, CompanyCommand, CompanyEvent]] = Stream(
    kind=StreamKind.COMPANY,
    decide=decider.decide,
    fold=state.fold,
    read=_company_read,
    doc=company_doc,
    endings=lambda stream_id, events: Endings(),
    effects=_company_effects,
    everyone=_ended_for_everyone,
    unused_role=decider.unused_role,
)

CLIENT: Final[Stream[ClientState, ClientCommand, ClientEvent]] = Stream(
    kind=StreamKind.CLIENT,
    decide=clients.decide,
    fold=clients.fold,
    read=lambda company_id, version, doc: client_state(doc) if doc is not None else ClientState(),
    doc=client_doc,
    endings=_client_endings,
)

REPORT: Final[Stream[ReportState, ReportCommand, ReportEvent]] = Stream(
    kind=StreamKind.REPORT,
    decide=reports.decide,
    fold=reports.fold,
    read=lambda company_id, version, doc: report_state(doc) if doc is not None else ReportState(),
    doc=report_doc,
    endings=lambda stream_id, events: Endings(),
    effects=_report_effects,
)
