"""A seeded past stands in the log as if it had happened: sound, complete, with its consequences, and mailing nobody."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

import asyncpg
import pytest
import pytest_asyncio

from events.codec import decode
from events.company.decider import reactions as company_reactions
from events.company.policy import Policy
from events.facts import is_company_fact, is_user_fact
from events.store.port import Append, Appended
from events.user.events import SignInStarted
from events.user.reactions import reactions
from events.user.state import UserState
from services.adapters.bulk_append import PostgresBulkAppend
from services.adapters.evidence import PostgresEvidence
from services.adapters.system import SystemClock
from services.application.audit_check import check
from services.application.console import Console
from services.application.errors import Contended, Refused
from services.application.seeding.clock import StoryClock
from services.application.seeding.draws import Draw
from services.application.seeding.people import EVERY_FATE_FROM, Draft, draft_of
from services.application.seeding.seeder import Plan, Seeded, Seeder
from services.application.seeding.writer import BulkAppend
from services.bootstrap import Runtime, rules_of, runtime
from tests.support.database import Connection, Database, Pool
from tests.support.dump import full_dump
from tests.support.service import Service, cheap_passwords, settings_for
from tests.support.soundness import flaws
from tests.workers.support import Worker
from workers.expiry import Expiry

DAYS: Final = 40
DRAFT: Final = draft_of("Nordlicht Logistik GmbH", "de", "abc123")


@dataclass
class Ground:
    """A seeder on the database and the key of a running service."""

    database: Database
    parts: Runtime
    seeder: Seeder
    until: datetime

    async def seed(self, draft: Draft = DRAFT, *, after: Any = None, users: int = EVERY_FATE_FROM) -> Seeded:
        """`after` sees the number of facts and the event that stops it."""
        stop = asyncio.Event()
        plan = Plan(
            draft=draft,
            users=users,
            begins=self.until - timedelta(days=DAYS),
            until=self.until,
            draw=Draw(draft.name),
            hash_of_nobody=b"$argon2id$nobody",
        )
        return await self.seeder.seed(plan, lambda facts, told: after(facts, stop) if after else None, stop)

    async def findings(self) -> list[Any]:
        return await check(PostgresEvidence(self.parts.pool, self.parts.wrapper), lambda done, total: None)

    async def flaws(self) -> list[str]:
        connection: Connection = await asyncpg.connect(self.database.owner_url)
        try:
            return await flaws(connection, self.parts.settings.key_path)
        finally:
            await connection.close()

    async def entries(self, company_id: UUID) -> list[dict[str, Any]]:
        return [json.loads(e.entry) for e in await self.parts.store.events(company_id, 0, 100_000)]


def bulk_of(parts: Runtime) -> PostgresBulkAppend:
    return PostgresBulkAppend(parts.pool, parts.entropy.bytes)


def seeder_of(parts: Runtime, bulk: BulkAppend) -> Seeder:
    assert isinstance(parts.clock, StoryClock)
    limits = rules_of(parts.settings).limits
    return Seeder(parts.vault, parts.clock, parts.entropy, limits, bulk)


def expiry_of(parts: Runtime) -> Expiry:
    return Expiry(parts.pool, parts.store, parts.application.executor, SystemClock())


@pytest_asyncio.fixture
async def ground(database: Database, tmp_path: Path) -> AsyncIterator[Ground]:
    async with runtime(settings_for(database, tmp_path), StoryClock(), cheap_passwords()) as parts:
        yield Ground(database, parts, seeder_of(parts, bulk_of(parts)), datetime.now(UTC) - timedelta(minutes=2))


async def test_it_is_sound_by_both_looks_at_it(ground: Ground) -> None:
    seeded = await ground.seed()
    assert seeded.finished
    assert seeded.facts > 800
    assert await ground.findings() == []
    assert await ground.flaws() == []


async def test_every_fact_stands_where_the_story_put_it(ground: Ground) -> None:
    seeded = await ground.seed()
    entries = await ground.entries(seeded.company_id)
    assert [entry["position"] for entry in entries] == list(range(1, seeded.facts + 1))
    at = [datetime.fromisoformat(entry["at"]) for entry in entries]
    assert at == sorted(set(at))
    assert ground.until - timedelta(days=DAYS) <= at[0]
    assert at[-1] < ground.until + timedelta(seconds=10)
    # A fact names its own moment, and stands in the log within a minute of it.
    for entry, stands_at in zip(entries, at, strict=True):
        for name in ("signed_in_at", "enabled_at", "rejected_at", "reset_at", "created_at", "changed_at"):
            if name in entry["data"]:
                happened = datetime.fromisoformat(entry["data"][name])
                assert timedelta(0) <= stands_at - happened < timedelta(minutes=1)


async def test_what_is_stored_of_a_user_is_what_the_story_ended_with(ground: Ground) -> None:
    seeded = await ground.seed()
    for person in seeded.people:
        stored = await ground.parts.store.user(seeded.company_id, person.user_id)
        assert stored is not None
        assert stored.state == person.state
    assert (await ground.parts.store.company(seeded.company_id))[1].rules == seeded.rules


async def test_every_effect_has_its_outcome_with_the_right_cause_and_no_row_that_a_worker_would_take(
    ground: Ground, owner_pool: Pool
) -> None:
    seeded = await ground.seed()
    entries = await ground.entries(seeded.company_id)
    causes = {entry["position"]: entry for entry in entries}
    outcomes = [entry for entry in entries if entry["stream_kind"] == "effect"]
    kinds = {"SessionsRevoked": ["revoke_sessions"], "PersonForgotten": ["forget_person"]}
    for outcome in outcomes:
        cause = causes[outcome["data"]["cause_position"]]
        assert outcome["causation_id"] == cause["id"]
        assert outcome["request_id"] == cause["request_id"]
        assert outcome["actor"]["kind"] == "system"
        target = cause["stream_id"] if cause["stream_kind"] == "user" else ""
        assert outcome["data"].get("user_id", "") == target
        assert outcome["data"].get("cause", cause["type"]) == cause["type"]
        possible = kinds.get(outcome["type"], ["notify_user", "notify_administrators"])
        streams = [f"{cause['position']}/{kind}/{target}" for kind in possible]
        assert UUID(outcome["stream_id"]) in [uuid5(seeded.company_id, stream) for stream in streams]
        took = timedelta(milliseconds=outcome["data"].get("milliseconds_to_effect", 0))
        assert took < _at(outcome) - _at(cause) + timedelta(milliseconds=1) < timedelta(seconds=30)
    types = {outcome["type"] for outcome in outcomes}
    assert {"SessionsRevoked", "NotificationSent", "AdministratorsNotified"} <= types
    stored = await ground.parts.store.events(seeded.company_id, 0, seeded.facts)
    facts = [decode(event.type, event.entry).data for event in stored]
    called_for = [kind for fact in facts if is_user_fact(fact) for kind in reactions(fact)]
    called_for += [kind for fact in facts if is_company_fact(fact) for kind in company_reactions(fact)]
    assert len(outcomes) == len(called_for)
    assert await owner_pool.fetchval("SELECT count(*) FROM effect") == 0


async def test_a_worker_that_comes_later_mails_nobody_and_brings_the_trail_to_the_end(
    ground: Ground, owner_pool: Pool, tmp_path: Path
) -> None:
    seeded = await ground.seed()
    worker = Worker(ground.parts, tmp_path)
    assert await worker.drain() == 0
    assert await owner_pool.fetchval("SELECT count(*) FROM event WHERE type = 'UserExpired'")
    assert await expiry_of(ground.parts).expire() == 0
    assert await worker.project() == seeded.facts
    assert worker.mails() == []
    rows = await owner_pool.fetchval("SELECT count(*) FROM audit_trail_1 WHERE company_id = $1", seeded.company_id)
    assert rows == seeded.facts
    read = await owner_pool.fetch("SELECT ip, user_agent, reason FROM audit_trail_1 WHERE type = 'KeyReset'")
    assert all(row["ip"] and row["user_agent"] for row in read)
    assert any(row["reason"] for row in read)
    assert await ground.findings() == []


async def test_refused_passwords_addresses_and_months_stand_where_everything_else_puts_them(
    ground: Ground, owner_pool: Pool
) -> None:
    seeded = await ground.seed()
    entries = await ground.entries(seeded.company_id)
    refused = [entry for entry in entries if entry["type"] == "PasswordRejected"]
    assert refused
    for entry in refused:
        assert UUID(entry["stream_id"]) == uuid5(seeded.company_id, "sign_ins")
        assert (entry["stream_kind"], entry["actor"]["kind"]) == ("sign_ins", "anonymous")
    addresses = await owner_pool.fetch("SELECT user_id FROM known_address WHERE company_id = $1", seeded.company_id)
    signed_in = {UUID(entry["stream_id"]) for entry in entries if entry["type"] == "SignedIn"}
    assert {row["user_id"] for row in addresses} == signed_in - {p.user_id for p in seeded.people if p.state.erased}
    months = {entry["at"][:7] for entry in entries if "traces" in entry["sealed"]}
    assert {entry["sealed"]["traces"]["month"] for entry in entries if "traces" in entry["sealed"]} == months
    keys = await owner_pool.fetch("SELECT month FROM trace_key WHERE company_id = $1", seeded.company_id)
    assert months <= {row["month"] for row in keys}


async def test_other_companies_stay_as_they_are_byte_for_byte(
    service: Service, ground: Ground, database: Database
) -> None:
    acme = await service.company()
    await service.person(acme, "uta.user", on=True)
    before = (await full_dump(database)).tables
    seeded = await ground.seed()
    after = (await full_dump(database)).tables
    for table, rows in before.items():
        assert not [row for row in rows if row not in after[table]], table
    foreign = [row for table in after for row in after[table] if row not in before[table] and acme.bytes in row]
    assert foreign == []
    assert seeded.company_id != acme


async def test_a_seed_that_is_stopped_leaves_a_sound_company(ground: Ground) -> None:
    def stop_soon(facts: int, stop: asyncio.Event) -> None:
        if facts > 500:
            stop.set()

    seeded = await ground.seed(after=stop_soon)
    assert not seeded.finished
    assert len(await ground.entries(seeded.company_id)) == seeded.facts
    assert await ground.findings() == []
    assert await ground.flaws() == []


@dataclass
class Intruded:
    """A bulk append before whose fifth call somebody else writes to the company."""

    bulk: BulkAppend
    console: Console
    calls: int = 0

    async def append(self, commands: Sequence[tuple[Append, Sequence[UUID]]]) -> list[Appended]:
        self.calls += 1
        if self.calls == 5:
            await self.console.change_policy(commands[0][0].company_id, Policy(requirement="required"))
        return await self.bulk.append(commands)


async def test_it_gives_up_when_somebody_else_writes_to_its_company(ground: Ground) -> None:
    seeder = seeder_of(ground.parts, Intruded(bulk_of(ground.parts), ground.parts.console))
    with pytest.raises(Contended):
        await replace(ground, seeder=seeder).seed()
    assert await ground.findings() == []


async def test_a_login_that_somebody_has_is_refused(ground: Ground) -> None:
    await ground.seed(users=1)
    with pytest.raises(Refused) as refused:
        await ground.seed(users=1)
    assert str(refused.value.refusal) == "login_taken"
    assert await ground.findings() == []


async def test_sessions_that_are_alive_have_rows_and_those_that_are_over_have_none(
    ground: Ground, owner_pool: Pool
) -> None:
    seeded = await ground.seed(users=60)
    rows = await owner_pool.fetch("SELECT id, expires_at FROM credential WHERE kind = 'session'")
    states: list[UserState] = [person.state for person in seeded.people]
    alive = {s.id for state in states for s in state.sessions if s.expires_at > ground.until}
    assert {row["id"] for row in rows} == alive
    facts = await owner_pool.fetchval("SELECT count(*) FROM event WHERE type = $1", SignInStarted.__name__)
    assert facts > 500


def _at(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["at"])
