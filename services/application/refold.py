"""All states of a company once more, from its entries alone."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from events.catalogue import Event
from events.codec import UndecodableEntry, decode, personal_part
from events.company import clients, reports
from events.company.clients import ClientState
from events.company.decider import ended_for_everyone
from events.company.events import CompanyEvent
from events.company.reports import ReportState
from events.company.state import CompanyState
from events.company.state import evolve as evolve_company
from events.credentials import CredentialKind
from events.envelope import StreamKind
from events.facts import is_client_fact, is_company_fact, is_report_fact, is_user_fact
from events.sealing import SealBroken
from events.store.port import RawEvent, RecordedEvent, StateDoc
from events.store.states import client_doc, company_doc, report_doc, user_doc
from events.user.events import TrustedNetworksChanged, UserChanged, UserCreated
from events.user.evolve import evolve
from events.user.state import UserState
from services.application.evidence import Findings, Problem, Restored, Snapshot, StoredEntry

BATCH: Final = 1000

Look: TypeAlias = Callable[[Sequence[RecordedEvent]], Awaitable[None]]


@dataclass(slots=True)
class Refolded:
    """States by stream; `unreadable` streams have an entry that cannot be read, and no state to compare with.

    `ended`: what facts about the whole company ended; users' own facts tell it later, when a worker has come round.
    """

    users: dict[UUID, UserState] = field(default_factory=dict)
    company: CompanyState = field(default_factory=CompanyState)
    clients: dict[UUID, ClientState] = field(default_factory=dict)
    reports: dict[UUID, ReportState] = field(default_factory=dict)
    ended: set[UUID] = field(default_factory=set)
    versions: dict[UUID, int] = field(default_factory=dict)  # of the streams that have a state
    unreadable: set[UUID] = field(default_factory=set)


async def refold(snapshot: Snapshot, findings: Findings, look: Look) -> Refolded:
    """Fold every entry in order; `look` sees each batch with its keys on the keyring. Raises KeyUnavailable."""
    folded, reader, after = Refolded(), _Reader(findings), 0
    while entries := await snapshot.entries(after, BATCH):
        batch = reader.read(entries, folded)
        await snapshot.load_keys(batch)
        for recorded in batch:
            _fold(recorded, folded, snapshot, findings)
        await look(batch)
        after = entries[-1].position
    if after != snapshot.head:
        findings.add(Problem.HEAD_DIFFERS, after + 1, detail=f"the head is {snapshot.head}, the last entry {after}")
    for stream_id, position in await snapshot.out_of_order():
        findings.add(Problem.VERSIONS_NOT_DENSE, position, stream_id=stream_id)
    return folded


def restored(raw: Sequence[RawEvent], key: bytes | None) -> Restored | None:
    """The state that one whole stream makes; None for streams without one, and when an entry cannot be read."""
    user, company, client, state = UserState(), CompanyState(), ClientState(), None
    for event in raw:
        try:
            recorded = decode(event.type, event.entry)
            fact = with_personal_part(recorded, key)
        except (UndecodableEntry, SealBroken):
            return None
        if recorded.stream_kind is StreamKind.USER and is_user_fact(fact):
            user = evolve(user, fact)
            state = Restored(recorded.version, user_doc(user), is_company=False)
        elif recorded.stream_kind is StreamKind.COMPANY and is_company_fact(fact):
            company = evolve_company(company, fact)
            state = Restored(recorded.version, company_doc(company), is_company=True)
        elif recorded.stream_kind is StreamKind.CLIENT and is_client_fact(fact):
            client = clients.evolve(client, fact)
            state = Restored(recorded.version, client_doc(client), is_company=True)
        elif recorded.stream_kind is StreamKind.REPORT and is_report_fact(fact):
            state = Restored(recorded.version, report_doc(reports.fold([fact])), is_company=True)
        elif recorded.stream_kind is StreamKind.SIGN_INS:
            state = Restored(recorded.version, StateDoc(doc="{}", schema=1), is_company=True)
    return state


def with_personal_part(recorded: RecordedEvent, key: bytes | None) -> Event:
    """The fact as the fold needs it: only these have a personal field that a state keeps."""
    if isinstance(recorded.data, UserCreated | UserChanged | TrustedNetworksChanged):
        return personal_part(recorded, key)
    return recorded.data


def without_personal_part(state: UserState) -> UserState:
    """What can be compared when the person's key is gone."""
    return replace(state, login="", email=None, networks=())


class _Reader:
    """Reads entries in order and says what is wrong with them."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._last = 0
        self._at: datetime | None = None

    def read(self, entries: Sequence[StoredEntry], folded: Refolded) -> list[RecordedEvent]:
        batch = []
        for entry in entries:
            if entry.position != self._last + 1:
                self._findings.add(Problem.MISSING_ENTRY, self._last + 1, detail=f"up to {entry.position - 1}")
            self._last = entry.position
            try:
                recorded = decode(entry.type, entry.entry)
            except UndecodableEntry as error:
                self._findings.add(
                    Problem.UNREADABLE_ENTRY, entry.position, stream_id=entry.stream_id, detail=str(error)
                )
                folded.unreadable.add(entry.stream_id)
                continue
            self._compare(entry, recorded)
            batch.append(recorded)
        return batch

    def _compare(self, entry: StoredEntry, recorded: RecordedEvent) -> None:
        columns = (entry.position, entry.stream_id, entry.version, self._findings.company_id)
        if columns != (recorded.position, recorded.stream_id, recorded.version, recorded.company_id):
            self._findings.add(Problem.COLUMNS_DIFFER, entry.position, stream_id=entry.stream_id)
        if self._at is not None and recorded.at <= self._at:
            self._findings.add(Problem.TIME_GOES_BACK, entry.position)
        self._at = recorded.at


def _fold(recorded: RecordedEvent, folded: Refolded, snapshot: Snapshot, findings: Findings) -> None:
    if recorded.stream_kind is StreamKind.EFFECT:
        return
    stream_id = recorded.stream_id
    folded.versions[stream_id] = recorded.version
    try:
        fact = with_personal_part(recorded, snapshot.keyring.member(stream_id).key)
    except SealBroken:
        findings.add(Problem.BROKEN_SEAL, recorded.position, stream_id=stream_id)
        folded.unreadable.add(stream_id)
        return
    if recorded.stream_kind is StreamKind.USER and is_user_fact(fact):
        folded.users[stream_id] = evolve(folded.users.get(stream_id, UserState()), fact)
    elif recorded.stream_kind is StreamKind.COMPANY and is_company_fact(fact):
        _end_for_everyone(folded, fact)
        folded.company = evolve_company(folded.company, fact)
    elif recorded.stream_kind is StreamKind.CLIENT and is_client_fact(fact):
        folded.clients[stream_id] = clients.evolve(folded.clients.get(stream_id, ClientState()), fact)
        if clients.gives_token(fact):
            folded.ended.discard(stream_id)
    elif recorded.stream_kind is StreamKind.REPORT and is_report_fact(fact):
        folded.reports[stream_id] = reports.fold([fact])


def _end_for_everyone(folded: Refolded, fact: CompanyEvent) -> None:
    everyone = ended_for_everyone(fact)
    if everyone is None:
        return
    for user in folded.users.values():
        if everyone.role in (None, user.role):
            begun = (*(s.id for s in user.sessions), *(s.id for s in user.sign_ins))
            pending = (user.pending.id,) if user.pending is not None else ()
            folded.ended.update(i for i in (*begun, *pending) if i != everyone.keep)
            if CredentialKind.RECOVERY_CODE in everyone.kinds:
                folded.ended.update(user.recovery_codes)
            if user.break_glass is not None and CredentialKind.BREAK_GLASS in everyone.kinds:
                folded.ended.add(user.break_glass.id)
    if CredentialKind.API_CLIENT in everyone.kinds:
        folded.ended.update(folded.clients)
