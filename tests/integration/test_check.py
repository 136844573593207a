"""`check` finds what is not as the log says; `rebuild` mends what can be made anew."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import pytest
import pytest_asyncio

from services.adapters.evidence import PostgresEvidence
from services.application.audit_check import check
from services.application.evidence import Finding, Problem
from services.application.rebuild import RebuildReport, rebuild
from tests.support.database import Pool
from tests.support.service import Person, Service
from tests.workers.support import Worker, reset_by


@dataclass
class World:
    """A company with a past, and everything to break it with."""

    service: Service
    worker: Worker
    owner: Pool
    company: UUID
    anna: Person
    uta: Person

    @property
    def evidence(self) -> PostgresEvidence:
        return PostgresEvidence(self.service.parts.pool, self.service.parts.wrapper)

    async def check(self) -> list[Finding]:
        return await check(self.evidence, lambda done, total: None)

    async def problems(self) -> set[Problem]:
        return {found.problem for found in await self.check()}

    async def rebuild(self) -> RebuildReport:
        return await rebuild(self.evidence, lambda done, total: None)

    async def execute(self, statement: str, *values: object) -> None:
        """As the owner, past every guard."""
        await self.owner.execute("ALTER TABLE event DISABLE TRIGGER event_is_append_only")
        await self.owner.execute(statement, *values)

    async def position_of(self, name: str) -> int:
        found = await self.owner.fetchval(
            "SELECT min(position) FROM event WHERE company_id = $1 AND type = $2", self.company, name
        )
        assert isinstance(found, int)
        return found


@pytest_asyncio.fixture
async def world(service: Service, owner_pool: Pool) -> AsyncIterator[World]:
    worker = Worker(service.parts, service.parts.settings.data_dir)
    company = await service.company()
    anna = await service.person(company, "anna.admin", "administrator", on=True, email="anna@acme.example")
    uta = await service.person(company, "uta.user", on=True, email="uta@acme.example")
    udo = await service.person(company, "udo.user")
    gone = await service.person(company, "gone.user", on=True, email="gone@acme.example")
    await service.start(udo, "a wrong password")
    await service.pending(gone)
    await reset_by(service, anna, uta, "lost phone")
    await service.call("POST", "/v1/sign-ins", json={"login": "udo.user", "password": udo.password})
    token = await service.fresh_sign_in(anna)
    assert (await service.call("DELETE", f"/v1/users/{gone.user_id}", token)).status == 204
    await service.company("Beta AG")
    await worker.drain()
    await worker.project()
    yield World(service, worker, owner_pool, company, anna, uta)


async def test_what_nobody_touched_is_sound(world: World) -> None:
    assert await world.check() == []
    done = await world.rebuild()
    assert (done.rows, done.states, done.left) == (0, 0, [])
    assert await world.check() == []


async def test_it_is_sound_in_the_middle_of_things(world: World) -> None:
    """With facts that the trail has not reached, an erasure among them."""
    token = await world.service.fresh_sign_in(world.anna)
    assert (await world.service.call("DELETE", f"/v1/users/{world.uta.user_id}", token)).status == 204
    await world.service.start(world.anna)
    assert await world.check() == []


async def test_what_has_expired_and_was_swept_is_not_missing(world: World) -> None:
    await world.service.start(world.anna)
    await world.execute("UPDATE credential SET expires_at = now() - interval '2 hours' WHERE kind = 'sign_in'")
    assert Problem.CREDENTIAL_PLANTED not in await world.problems()


async def test_progress_reaches_the_whole(world: World) -> None:
    seen: list[tuple[int, int]] = []
    await check(world.evidence, lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] > 0
    assert sorted(seen) == seen
    seen.clear()
    await rebuild(world.evidence, lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1]
    assert sorted(seen) == seen


async def test_a_deleted_entry_is_named_by_its_position(world: World) -> None:
    position = await world.position_of("KeyReset")
    await world.execute("DELETE FROM event WHERE company_id = $1 AND position = $2", world.company, position)
    found = await world.check()
    assert (Problem.MISSING_ENTRY, position) in {(f.problem, f.position) for f in found}
    assert {f.company_id for f in found} == {world.company}


async def test_a_cut_tail_is_found(world: World) -> None:
    head = await world.owner.fetchval("SELECT max(position) FROM event WHERE company_id = $1", world.company)
    await world.execute("DELETE FROM event WHERE company_id = $1 AND position = $2", world.company, head)
    found = await world.check()
    assert (Problem.HEAD_DIFFERS, head) in {(f.problem, f.position) for f in found}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE event SET type = 'SignedOut' WHERE company_id = $1 AND position = $2", Problem.UNREADABLE_ENTRY),
        ("UPDATE event SET type = 'FromTheFuture' WHERE company_id = $1 AND position = $2", Problem.UNREADABLE_ENTRY),
        (
            "UPDATE event SET stream_id = gen_random_uuid() WHERE company_id = $1 AND position = $2",
            Problem.COLUMNS_DIFFER,
        ),
        ("UPDATE event SET version = 4711 WHERE company_id = $1 AND position = $2", Problem.VERSIONS_NOT_DENSE),
        ("UPDATE event SET entry = '{}' WHERE company_id = $1 AND position = $2", Problem.UNREADABLE_ENTRY),
    ],
)
async def test_a_changed_entry_is_found(world: World, change: str, problem: Problem) -> None:
    position = await world.position_of("KeyReset")
    await world.execute(change, world.company, position)
    assert (problem, position) in {(f.problem, f.position) for f in await world.check()}


async def test_a_swapped_box_is_a_broken_seal(world: World) -> None:
    rows = await world.owner.fetch(
        "SELECT position, entry FROM event WHERE company_id = $1 AND type = 'SignedIn' ORDER BY position LIMIT 2",
        world.company,
    )
    first, second = (json.loads(row["entry"]) for row in rows)
    second["sealed"] = first["sealed"]
    await world.execute(
        "UPDATE event SET entry = $3 WHERE company_id = $1 AND position = $2",
        world.company,
        rows[1]["position"],
        json.dumps(second, separators=(",", ":")).encode(),
    )
    assert (Problem.BROKEN_SEAL, rows[1]["position"]) in {(f.problem, f.position) for f in await world.check()}


@pytest.mark.parametrize(
    "change",
    [
        'UPDATE user_state SET doc = doc || \'{"role": "administrator"}\' WHERE stream_id = $1',
        "UPDATE user_state SET doc = doc - 'login' WHERE stream_id = $1",
        "UPDATE user_state SET doc = '{\"what\": 1}' WHERE stream_id = $1",
        "UPDATE user_state SET version = version + 1 WHERE stream_id = $1",
        "UPDATE user_state SET authority = 0 WHERE stream_id = $1",
        "DELETE FROM user_state WHERE stream_id = $1",
    ],
)
async def test_a_changed_state_is_found_and_made_anew(world: World, change: str) -> None:
    await world.execute(change, world.uta.user_id)
    found = await world.check()
    assert {f.problem for f in found} <= {Problem.STATE_DIFFERS, Problem.STATE_MISSING, Problem.TRAIL_DIFFERS}
    assert world.uta.user_id in {f.stream_id for f in found}
    done = await world.rebuild()
    assert (done.states, done.left) == (1, [])
    assert await world.check() == []


async def test_a_changed_company_state_is_found_and_made_anew(world: World) -> None:
    await world.execute('UPDATE company_state SET doc = doc || \'{"name": "X"}\' WHERE stream_id = $1', world.company)
    assert await world.problems() == {Problem.STATE_DIFFERS}
    await world.rebuild()
    await world.execute("UPDATE company_state SET version = version + 1 WHERE stream_id <> $1", world.company)
    assert await world.problems() == {Problem.STATE_DIFFERS}
    assert (await world.rebuild()).left == []
    assert await world.check() == []


async def test_a_state_out_of_nowhere_is_found(world: World) -> None:
    await world.execute(
        "INSERT INTO user_state SELECT company_id, gen_random_uuid(), version, schema, authority, doc FROM user_state"
        " WHERE stream_id = $1",
        world.anna.user_id,
    )
    assert Problem.STATE_WITHOUT_HISTORY in await world.problems()
    assert Problem.STATE_WITHOUT_HISTORY in {f.problem for f in (await world.rebuild()).left}


_PLANT = """
    INSERT INTO credential (company_id, id, user_id, kind, secret, expires_at, attributes)
    SELECT company_id, gen_random_uuid(), stream_id, $2, '\\x00', NULL, '{}' FROM user_state WHERE stream_id = $1
"""


@pytest.mark.parametrize("kind", ["key", "pending_key", "recovery_code", "session", "sign_in", "password"])
async def test_a_planted_credential_is_found(world: World, kind: str) -> None:
    await world.execute(_PLANT, world.anna.user_id, kind)
    (found,) = await world.check()
    assert (found.problem, found.stream_id) == (Problem.CREDENTIAL_PLANTED, world.anna.user_id)
    assert kind in found.detail


@pytest.mark.parametrize("kind", ["key", "recovery_code", "session", "password"])
async def test_a_missing_credential_is_found(world: World, kind: str) -> None:
    await world.execute("DELETE FROM credential WHERE user_id = $1 AND kind = $2", world.anna.user_id, kind)
    found = await world.check()
    assert {(f.problem, f.stream_id) for f in found} == {(Problem.CREDENTIAL_MISSING, world.anna.user_id)}


async def test_a_key_row_moved_to_somebody_else_is_found_twice(world: World) -> None:
    await world.execute(
        "UPDATE credential SET user_id = $2 WHERE user_id = $1 AND kind = 'key'", world.anna.user_id, world.uta.user_id
    )
    assert await world.problems() == {Problem.CREDENTIAL_MISSING, Problem.CREDENTIAL_PLANTED}


async def test_a_lowered_time_step_is_found(world: World) -> None:
    await world.execute("UPDATE credential SET last_step = last_step - 1 WHERE kind = 'key'")
    assert await world.problems() == {Problem.TIME_STEP_LOWERED}


async def test_a_lost_data_key_is_found(world: World) -> None:
    await world.execute("DELETE FROM person_key WHERE user_id = $1", world.uta.user_id)
    assert Problem.DATA_KEY_MISSING in await world.problems()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_trail_1 SET reason = 'another' WHERE company_id = $1 AND type = 'KeyReset'",
        "UPDATE audit_trail_1 SET words = 'another' WHERE company_id = $1 AND type = 'KeyReset'",
        "UPDATE audit_trail_1 SET actor_id = NULL WHERE company_id = $1 AND type = 'KeyReset'",
        "UPDATE audit_trail_1 SET ip = '192.0.2.99' WHERE company_id = $1 AND type = 'UserErased'",
        "DELETE FROM audit_trail_1 WHERE company_id = $1 AND type = 'KeyReset'",
        "INSERT INTO audit_trail_1 SELECT company_id, position + 1000000, type, at, subject_id, actor_id, actor_kind"
        " FROM audit_trail_1 WHERE company_id = $1 AND type = 'KeyReset'",
    ],
)
async def test_a_changed_trail_is_found_and_mended(world: World, change: str) -> None:
    await world.execute(change, world.company)
    assert await world.problems() == {Problem.TRAIL_DIFFERS}
    assert (await world.rebuild()).left == []
    assert await world.check() == []


async def test_read_models_that_were_dropped_come_back_the_same(world: World) -> None:
    everything = "SELECT * FROM audit_trail_1 ORDER BY company_id, position"
    before = await world.owner.fetch(everything)
    states = await world.owner.fetch("SELECT * FROM user_state ORDER BY company_id, stream_id")
    for table in ("audit_trail_1", "projection", "user_state", "company_state"):
        await world.execute(f"TRUNCATE {table}")
    done = await world.rebuild()
    assert done.left == []
    assert await world.owner.fetch(everything) == before
    assert await world.owner.fetch("SELECT * FROM user_state ORDER BY company_id, stream_id") == states
    assert await world.check() == []


async def test_a_trail_that_stopped_is_named(world: World) -> None:
    await world.execute("UPDATE projection SET stopped = 'unknown' WHERE company_id = $1", world.company)
    (found,) = await world.check()
    assert found.problem is Problem.TRAIL_STOPPED
