"""`factorlog check`: does everything beside the log say what the log says?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import ValidationError

from events.credentials import CredentialKind
from events.projections.audit_trail import Row, months_destroyed, months_of, rows_of
from events.sealing import SealBroken
from events.store.port import RecordedEvent
from events.store.states import client_state, company_state, report_state, user_state
from events.user.state import UserState
from services.application.evidence import (
    Evidence,
    Finding,
    Findings,
    Problem,
    Progress,
    Snapshot,
    StoredCredential,
    StoredState,
    TrailPosition,
)
from services.application.refold import Refolded, refold, without_personal_part


async def check(evidence: Evidence, progress: Progress) -> list[Finding]:
    """Every company against its own log; an empty list: sound. Raises Unavailable, KeyUnavailable."""
    companies = await evidence.companies()
    total, done = sum(head for _, head in companies), 0
    found: list[Finding] = []
    for company_id, head in companies:
        start = done
        findings = Findings(company_id)
        async with evidence.snapshot(company_id) as snapshot:
            await _check_company(snapshot, findings, lambda n, start=start: progress(start + n, total))  # type: ignore[misc]
        found += findings.found
        done += head
        progress(done, total)
    return found


async def _check_company(snapshot: Snapshot, findings: Findings, seen: Callable[[int], None]) -> None:
    trail = _Trail(snapshot, findings, await snapshot.trail_position())

    async def look(batch: Sequence[RecordedEvent]) -> None:
        await trail.compare(batch)
        if batch:
            seen(batch[-1].position)

    folded = await refold(snapshot, findings, look)
    await trail.end()
    holders = await snapshot.key_holders()
    await compare_states(snapshot, folded, holders, findings)
    await _compare_credentials(snapshot, folded, findings)
    _compare_keys(folded, holders, findings)


async def compare_states(snapshot: Snapshot, folded: Refolded, holders: set[UUID], findings: Findings) -> set[UUID]:
    """The streams whose stored state is not what their entries make."""
    differing, missing = set(), folded.users.keys() - folded.unreadable
    async for stored in snapshot.user_states():
        missing -= {stored.stream_id}
        if not _is_same_user(stored, folded, holders, findings):
            differing.add(stored.stream_id)
    company_streams = {i for i in folded.versions if i not in folded.users} - folded.unreadable
    for stored in await snapshot.company_states():
        company_streams -= {stored.stream_id}
        if not _is_same_company(stored, folded, findings):
            differing.add(stored.stream_id)
    for stream_id in sorted(missing | company_streams):
        findings.add(Problem.STATE_MISSING, stream_id=stream_id)
    return differing | missing | company_streams


def _is_same_user(stored: StoredState, folded: Refolded, holders: set[UUID], findings: Findings) -> bool:
    user_id = stored.stream_id
    expected = folded.users.get(user_id)
    if user_id in folded.unreadable:
        return True
    if expected is None:
        findings.add(Problem.STATE_WITHOUT_HISTORY, stream_id=user_id)
        return True
    try:
        state: UserState | None = user_state(stored.doc)
    except ValidationError:
        state = None
    if state is not None and user_id not in holders:
        state, expected = without_personal_part(state), without_personal_part(expected)
    if state == expected and (stored.version, stored.authority) == (folded.versions[user_id], expected.authority):
        return True
    findings.add(Problem.STATE_DIFFERS, stream_id=user_id)
    return False


def _is_same_company(stored: StoredState, folded: Refolded, findings: Findings) -> bool:
    stream_id = stored.stream_id
    if stream_id in folded.unreadable:
        return True
    if stream_id not in folded.versions:
        findings.add(Problem.STATE_WITHOUT_HISTORY, stream_id=stream_id)
        return True
    same = stored.version == folded.versions[stream_id]
    try:
        if stream_id == findings.company_id:
            same = same and company_state(stream_id, stored.version, stored.doc) == folded.company
        elif stream_id in folded.clients:
            same = same and client_state(stored.doc) == folded.clients[stream_id]
        elif stream_id in folded.reports:
            same = same and report_state(stored.doc) == folded.reports[stream_id]
    except ValidationError:
        same = False
    if not same:
        findings.add(Problem.STATE_DIFFERS, stream_id=stream_id)
    return same


@dataclass(frozen=True, slots=True)
class _Live:
    """A credential that a state names."""

    kind: CredentialKind
    expires_at: datetime | None = None


def live_credentials(state: UserState) -> Iterator[tuple[UUID, _Live]]:
    """Everything that may exist beside the log for this user, but the password, which has no name in the state."""
    if state.key is not None:
        yield state.key.id, _Live(CredentialKind.KEY)
    if state.break_glass is not None:
        yield state.break_glass.id, _Live(CredentialKind.BREAK_GLASS, state.break_glass.expires_at)
    if state.pending is not None:
        yield state.pending.id, _Live(CredentialKind.PENDING_KEY, state.pending.expires_at)
    for code_id in state.recovery_codes:
        yield code_id, _Live(CredentialKind.RECOVERY_CODE)
    for session in state.sessions:
        yield session.id, _Live(CredentialKind.SESSION, session.expires_at)
    for sign_in in state.sign_ins:
        yield sign_in.id, _Live(CredentialKind.SIGN_IN, sign_in.expires_at)


async def _compare_credentials(snapshot: Snapshot, folded: Refolded, findings: Findings) -> None:
    unseen = (folded.users.keys() | folded.clients.keys()) - folded.unreadable
    rows: list[StoredCredential] = []
    async for row in snapshot.credentials():
        if rows and rows[0].user_id != row.user_id:
            unseen -= {rows[0].user_id}
            _compare_user(rows[0].user_id, rows, folded, snapshot.now, findings)
            rows = []
        rows.append(row)
    if rows:
        unseen -= {rows[0].user_id}
        _compare_user(rows[0].user_id, rows, folded, snapshot.now, findings)
    for user_id in unseen:
        _compare_user(user_id, [], folded, snapshot.now, findings)


def _compare_user(
    user_id: UUID, rows: Sequence[StoredCredential], folded: Refolded, now: datetime, findings: Findings
) -> None:
    if user_id in folded.unreadable:
        return
    if user_id in folded.clients:
        _compare_client(user_id, rows, folded, findings)
        return
    state = folded.users.get(user_id, UserState())
    live = {i: one for i, one in live_credentials(state) if i not in folded.ended}
    passwords = [row for row in rows if row.kind is CredentialKind.PASSWORD]
    others = {row.id: row for row in rows if row.kind is not CredentialKind.PASSWORD}
    if len(passwords) != int(state.has_password):
        problem = Problem.CREDENTIAL_MISSING if not passwords else Problem.CREDENTIAL_PLANTED
        findings.add(problem, stream_id=user_id, detail="password")
    for credential_id, row in others.items():
        expected = live.pop(credential_id, None)
        is_over = row.expires_at is not None and row.expires_at <= now
        if (expected is None and not is_over) or (expected is not None and expected.kind is not row.kind):
            findings.add(Problem.CREDENTIAL_PLANTED, stream_id=user_id, detail=f"{row.kind} {credential_id}")
    for credential_id, expected in live.items():
        if expected.expires_at is None or expected.expires_at > now:
            findings.add(Problem.CREDENTIAL_MISSING, stream_id=user_id, detail=f"{expected.kind} {credential_id}")
    key = others.get(state.key.id) if state.key is not None else None
    if state.key is not None and key is not None and (key.last_step or 0) < state.key.last_step:
        findings.add(Problem.TIME_STEP_LOWERED, stream_id=user_id)


def _compare_client(client_id: UUID, rows: Sequence[StoredCredential], folded: Refolded, findings: Findings) -> None:
    """One token, or none; an expired one may be there still."""
    wanted = folded.clients[client_id].is_live and client_id not in folded.ended
    tokens = [row for row in rows if row.kind is CredentialKind.API_CLIENT]
    if len(tokens) > int(wanted) or len(tokens) != len(rows):
        findings.add(Problem.CREDENTIAL_PLANTED, stream_id=client_id, detail="api_client")
    if wanted and not tokens and folded.clients[client_id].expires_at is None:
        findings.add(Problem.CREDENTIAL_MISSING, stream_id=client_id, detail="api_client")


def _compare_keys(folded: Refolded, holders: set[UUID], findings: Findings) -> None:
    for user_id, state in folded.users.items():
        if state.erased and user_id in holders:
            findings.add(Problem.DATA_KEY_LEFT, stream_id=user_id)
        if not state.erased and user_id not in holders and user_id not in folded.unreadable:
            findings.add(Problem.DATA_KEY_MISSING, stream_id=user_id)


class _Trail:
    """The audit trail as it stands, against the rows that the entries make."""

    def __init__(self, snapshot: Snapshot, findings: Findings, trail: TrailPosition) -> None:
        self._snapshot = snapshot
        self._findings = findings
        self._trail = trail
        self._last_entry = 0
        self._destroyed: dict[str, int] = {}

    async def compare(self, batch: Sequence[RecordedEvent]) -> None:
        if not batch:
            return
        self._last_entry = batch[-1].position
        self._destroyed.update((month, batch[-1].position) for month in months_destroyed(batch))
        expected = {row.position: row for row in self._expected(batch)}
        lagging = {recorded.position for recorded in batch if self._trail.destroyed_later & months_of(recorded)}
        first, last = batch[0].position, min(batch[-1].position, self._trail.position)
        if first > last:
            return
        stored = {row.position: row for row in await self._snapshot.trail(first - 1, last)}
        for position, row in expected.items():
            if position <= last and not self._is_same(stored.pop(position, None), row, may_lag=position in lagging):
                self._findings.add(Problem.TRAIL_DIFFERS, position)
        for position in stored:
            self._findings.add(Problem.TRAIL_DIFFERS, position)

    async def end(self) -> None:
        for month in self._destroyed.keys() & await self._snapshot.key_months():
            self._findings.add(Problem.DATA_KEY_LEFT, self._destroyed[month], detail=month)
        behind = await self._snapshot.trail_behind(min(self._trail.position, self._last_entry))
        if self._trail.position > self._last_entry:
            # It has read what is not there any more.
            self._findings.add(Problem.TRAIL_DIFFERS, self._last_entry + 1, detail="behind the log's end")
        elif behind is not None:
            self._findings.add(Problem.TRAIL_DIFFERS, behind, detail="behind the trail's end")
        if self._trail.stopped is not None:
            self._findings.add(Problem.TRAIL_STOPPED, self._trail.position + 1, detail=self._trail.stopped)

    def _expected(self, batch: Sequence[RecordedEvent]) -> list[Row]:
        try:
            return rows_of(batch, self._snapshot.keyring)[0]
        except SealBroken:
            return [row for recorded in batch if (row := self._expected_row(recorded)) is not None]

    def _expected_row(self, recorded: RecordedEvent) -> Row | None:
        try:
            return rows_of([recorded], self._snapshot.keyring)[0][0]
        except SealBroken:
            self._findings.add(Problem.BROKEN_SEAL, recorded.position, stream_id=recorded.stream_id)
            return None

    def _is_same(self, stored: Row | None, expected: Row, *, may_lag: bool) -> bool:
        if stored is None:
            return False
        if may_lag or self._trail.erased_later & {stored.subject_id, stored.actor_id}:
            # Its end is a fact that the trail has not reached; what is personal goes with it.
            return _blank(stored) == _blank(expected)
        return _comparable(stored) == _comparable(expected)


def _blank(row: Row) -> Row:
    return row._replace(ip=None, user_agent=None, reason=None, words=None)


def _comparable(row: Row) -> tuple[object, ...]:
    return (*row._replace(words=None), frozenset(row.words.split(" ")) if row.words is not None else None)
