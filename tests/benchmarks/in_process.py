"""Appends, replay and projection, straight on the store."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final
from uuid import UUID

from events.codec import SealingKeys, decode
from events.envelope import Actor, ActorKind, Metadata, StreamKind, Traces
from events.projections.audit_trail import NAME
from events.projections.runner import AuditTrailRunner
from events.store.port import Append, StateDoc, Status
from events.store.states import user_doc
from events.user.events import SignInStarted, Stage
from events.user.state import Key, UserState
from services.bootstrap import Runtime
from tests.benchmarks.accounts import prepare
from tests.benchmarks.figures import Figure, Sample, Target, joined
from tests.benchmarks.floors import INSERT_EVENT
from tests.benchmarks.meter import metered, repeated
from tests.benchmarks.over_http import CALLERS
from tests.benchmarks.place import BenchmarkFailed, Place
from workers.projector import Projector

_PAGE: Final = 1000
_REFERENCE: Final = 6_300.0  # single-row transactions a second of the machine that the appends' targets were set on


class Appender:
    """Callers that append one fact after another, each on streams of its own."""

    def __init__(self, parts: Runtime, companies: list[UUID], *, traces: bool) -> None:
        self._parts = parts
        self._companies = companies
        self._traces = Traces(ip="127.0.0.1", user_agent="Mozilla/5.0 (X11; Linux x86_64)") if traces else Traces()
        self._state = _state(parts)
        self._sealed = traces
        self._streams: dict[tuple[int, UUID], tuple[UUID, int]] = {}

    async def append(self, caller: int, number: int) -> None:
        company_id = self._companies[(caller + number) % len(self._companies)]
        stream_id, version = self._streams.get((caller, company_id)) or (self._parts.entropy.uuid(), 0)
        result = await self._parts.store.append(await self._command(company_id, stream_id, version))
        if result.status is not Status.APPENDED:
            raise BenchmarkFailed(f"an append ended as {result.status}")
        self._streams[(caller, company_id)] = stream_id, version + 1

    async def _command(self, company_id: UUID, stream_id: UUID, version: int) -> Append:
        parts, now = self._parts, self._parts.clock.now()
        return Append(
            company_id=company_id,
            stream_id=stream_id,
            stream_kind=StreamKind.USER,
            expected=version,
            decided_at=now,
            events=(SignInStarted(sign_in_id=stream_id, stage=Stage.CODE, expires_at=now + timedelta(minutes=5)),),
            metadata=Metadata(
                actor=Actor(kind=ActorKind.USER, id=stream_id, company_id=company_id),
                request_id=str(stream_id),
                traces=self._traces,
            ),
            keys=SealingKeys(month=await parts.vault.month_key(company_id, now)) if self._sealed else SealingKeys(),
            state=self._state,
        )


def _state(parts: Runtime) -> StateDoc:
    now, entropy = parts.clock.now(), parts.entropy
    key = Key(id=entropy.uuid(), generation=1, enrolled_at=now, last_used_at=now, last_step=1)
    return user_doc(UserState(exists=True, login="udo.user", created_at=now, has_password=True, authority=1, key=key))


async def appends(place: Place) -> AsyncIterator[Figure]:
    """A fact, the state and the head, beside single-row inserts; the last line also seals where it came from."""
    targets = {(1, 32): 8_000.0, (50, 32): 4_500.0}
    for companies in (1, 50):
        ids = [await place.parts.console.create_company(f"append {n}") for n in range(companies)]
        await place.settle()
        plain = Appender(place.parts, ids, traces=False)
        for callers in CALLERS:
            ours, theirs = await _beside_inserts(place, plain, callers)
            target = targets.get((companies, callers))
            yield _append_figure(
                _named(companies, callers),
                ours,
                theirs,
                Target(value=target, reference=_REFERENCE) if target is not None else None,
            )
        sealing = Appender(place.parts, ids, traces=True)
        yield _append_figure(
            f"{_named(companies, CALLERS[-1])}, traces sealed",
            *await _beside_inserts(place, sealing, CALLERS[-1]),
            None,
        )


async def _beside_inserts(place: Place, appender: Appender, callers: int) -> tuple[Sample, Sample]:
    ours, theirs = [], []
    pool, entry, account_id = place.parts.pool, b"x" * 450, place.parts.entropy.uuid()

    async def insert(caller: int, number: int) -> None:
        await pool.execute(INSERT_EVENT, account_id, "SignInStarted", entry)

    for _ in range(place.rounds):
        seconds = place.seconds / place.rounds
        ours.append(await repeated(place, appender.append, callers, seconds))
        theirs.append(await repeated(place, insert, callers, seconds))
    return joined(ours), joined(theirs)


def _append_figure(name: str, ours: Sample, theirs: Sample, target: Target | None) -> Figure:
    return Figure(
        group="Appends", name=name, product=ours, floor_name="single-row inserts", floor=theirs, target=target
    )


async def replay(place: Place) -> AsyncIterator[Figure]:
    """Pages of a company's log, first as bytes, then as facts."""
    company_id, facts = await _full_log(place)
    raw = await _replayed(place, company_id, facts, decoded=False)
    yield Figure(group="Replay", name=f"{facts} rows, raw", product=raw)
    yield Figure(
        group="Replay",
        name=f"{facts} events, decoded",
        product=await _replayed(place, company_id, facts, decoded=True),
        floor_name="raw",
        floor=raw,
        target=Target(value=60_000.0),
    )


async def _replayed(place: Place, company_id: UUID, facts: int, *, decoded: bool) -> Sample:
    rounds = []
    for _ in range(place.rounds):
        with metered(place) as meter:
            after = 0
            while after < facts:
                page = await place.parts.store.events(company_id, after, min(_PAGE, facts - after))
                after = page[-1].position
                if decoded:
                    for entry in page:
                        decode(entry.type, entry.entry)
        rounds.append(meter.sample(facts))
    return joined(rounds)


async def projection(place: Place) -> AsyncIterator[Figure]:
    """The audit trail from nothing: one large company, then everything else that this run left behind."""
    company_id, _ = await _full_log(place)
    pool, wrapper = place.parts.pool, place.parts.wrapper
    head = await pool.fetchval("SELECT position FROM company_log WHERE company_id = $1", company_id)
    await place.settle()
    with metered(place) as meter:
        moved = await AuditTrailRunner(pool, wrapper.unwrap).catch_up(company_id, 0, head)
    if moved != head:
        raise BenchmarkFailed(f"the projector moved {moved} of {head} facts")
    yield Figure(
        group="Projector", name=f"1 company, {head} events", product=meter.sample(moved), target=Target(value=20_000.0)
    )
    with metered(place) as meter:
        moved = await Projector(pool, wrapper).project()
    stopped = await pool.fetchval("SELECT count(*) FROM projection WHERE name = $1 AND stopped IS NOT NULL", NAME)
    if stopped:
        raise BenchmarkFailed(f"{stopped} projections stopped")
    if moved:
        yield Figure(group="Projector", name=f"the other companies, {moved} events", product=meter.sample(moved))


async def _full_log(place: Place) -> tuple[UUID, int]:
    """The company with the longest log; made here unless another measurement left it."""
    wanted = 10_000 if place.quick else 100_000
    row = await _longest(place)
    if row is None or row[1] < wanted:
        await prepare(place, "replay", companies=1, count=wanted // 5, session=False)
        row = await _longest(place)
    assert row is not None
    return row[0], wanted


async def _longest(place: Place) -> tuple[UUID, int] | None:
    found = await place.parts.pool.fetchrow(
        "SELECT l.company_id, l.position FROM company_log AS l "
        "LEFT JOIN company_state AS c ON c.company_id = l.company_id AND c.stream_id = l.company_id "
        "WHERE c.doc ->> 'name' NOT LIKE 'append%' ORDER BY l.position DESC LIMIT 1"
    )
    return (found[0], found[1]) if found else None


def _named(companies: int, callers: int) -> str:
    return f"{companies} compan{'y' if companies == 1 else 'ies'}, {callers} caller{'s' if callers > 1 else ''}"
