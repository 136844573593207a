"""The audit trail: every fact once, nothing skipped, nothing of who was erased."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.adapters.read_models import PostgresAuditTrail
from services.application.audit import AuditFilters, AuditRow
from tests.support.database import Pool
from tests.support.service import Person, Service
from tests.workers.support import Worker, reset_by

# All of a company's rows, as they stand.
ROWS = """
    SELECT position, type, at, subject_id, actor_id, actor_kind, ip, user_agent, reason, words::text
    FROM audit_trail_1 WHERE company_id = $1 ORDER BY position
"""


async def _acme(service: Service) -> tuple[UUID, Person, Person]:
    company = await service.company()
    anna = await service.person(company, "anna.admin", "administrator", on=True, email="anna@acme.example")
    uta = await service.person(company, "uta.user", on=True, email="uta@acme.example")
    return company, anna, uta


async def _trail(worker: Worker, company: UUID, **wanted: Any) -> list[AuditRow]:
    trail = PostgresAuditTrail(worker.parts.pool)
    return list(await trail.page(company, AuditFilters(**wanted), 200, None))


async def _replayed(owner: Pool, worker: Worker, company: UUID) -> list[Any]:
    """The rows of a trail that begins anew."""
    await owner.execute("DELETE FROM projection WHERE company_id = $1", company)
    await owner.execute("DELETE FROM audit_trail_1 WHERE company_id = $1", company)
    await Worker(worker.parts, worker.folder).project()
    return list(await owner.fetch(ROWS, company))


async def test_every_fact_is_a_row_with_who_whom_where_and_why(service: Service, worker: Worker) -> None:
    company, anna, uta = await _acme(service)
    await reset_by(service, anna, uta, reason="lost the phone")
    await worker.drain()
    await worker.project()
    rows = await _trail(worker, company)
    assert [row.type for row in reversed(rows)] == await service.event_types(company)
    reset = next(row for row in rows if row.type == "KeyReset")
    assert (reset.actor_kind, reset.actor_id, reset.actor_label) == ("user", anna.user_id, "anna.admin")
    assert (reset.subject_id, reset.subject_label) == (uta.user_id, "uta.user")
    assert reset.reason == "lost the phone"
    assert reset.ip == "127.0.0.1"
    assert reset.user_agent is not None
    assert reset.details["by"] == "administrator"
    told = next(row for row in rows if row.type == "SessionsRevoked")
    assert (told.subject_id, told.actor_kind) == (uta.user_id, "system")


async def test_filters_and_words(service: Service, worker: Worker) -> None:
    company, anna, uta = await _acme(service)
    await reset_by(service, anna, uta, reason="Lost the PHONE, yesterday; it's gone \\ & | ! ('")
    await worker.project()
    everything = await _trail(worker, company)
    at = next(row.at for row in everything if row.type == "KeyReset")

    async def types(**wanted: Any) -> set[str]:
        return {row.type for row in await _trail(worker, company, **wanted)}

    assert await types(type="KeyReset") == {"KeyReset"}
    assert {row.subject_id for row in await _trail(worker, company, user_id=uta.user_id)} == {uta.user_id}
    assert {row.actor_id for row in await _trail(worker, company, actor_id=anna.user_id)} == {anna.user_id}
    assert all(row.at >= at for row in await _trail(worker, company, from_at=at))
    assert "KeyReset" in await types(from_at=at)
    assert "KeyReset" not in await types(to_at=at)
    assert "KeyReset" in await types(to_at=at + timedelta(microseconds=1))
    assert "KeyReset" in await types(ip="127.0.0.1")
    assert await types(ip="127.0.0.2") == set()
    for q in (
        "phone yester",
        "anna keyreset",
        "reset uta.us lost",
        "admin phone",
        "127.0.0 phone",
        "PHONE,",
        "it's | !lost",
    ):
        assert await types(q=q) == {"KeyReset"}, q
    for q in ("hone", "phone | tomorrow", "phone & tomorrow", "a:*", "\\", "phone'|'anna", "':*"):
        assert await types(q=q) == set(), q


async def test_pages_follow_each_other_without_gap_or_twin(service: Service, worker: Worker) -> None:
    company, _, uta = await _acme(service)
    await worker.project()
    trail = PostgresAuditTrail(worker.parts.pool)
    for filters in (AuditFilters(), AuditFilters(user_id=uta.user_id), AuditFilters(actor_id=uta.user_id)):
        seen: list[int] = []
        before: int | None = None
        while page := await trail.page(company, filters, 3, before):
            seen += [row.position for row in page]
            before = page[-1].position
        assert seen == [row.position for row in await trail.page(company, filters, 200, None)]
        assert seen == sorted(set(seen), reverse=True)


async def test_companies_do_not_see_each_other(service: Service, worker: Worker) -> None:
    company, _, uta = await _acme(service)
    beta = await service.company("Beta AG")
    await service.person(beta, "bea.admin", "administrator")
    await worker.project()
    assert await _trail(worker, beta, user_id=uta.user_id) == []
    assert await _trail(worker, beta, q="uta.user") == []
    assert await _trail(worker, company, q="bea.admin") == []


async def test_two_projectors_at_once_write_each_row_once(service: Service, worker: Worker) -> None:
    company, _, _ = await _acme(service)
    others = [Worker(service.parts, worker.folder) for _ in range(3)]
    await asyncio.gather(*(w.project() for w in (worker, *others)))
    await worker.project()
    assert len(await _trail(worker, company)) == len(await service.events(company))


async def test_an_unknown_event_stops_its_company_and_no_other(
    service: Service, worker: Worker, owner_pool: Pool
) -> None:
    company, _, _ = await _acme(service)
    beta = await service.company("Beta AG")
    length = len(await service.events(company))
    await owner_pool.execute(
        "INSERT INTO event SELECT company_id, $2, gen_random_uuid(), 1, 'FromTheFuture', '{}' FROM company_log"
        " WHERE company_id = $1",
        company,
        length + 1,
    )
    await owner_pool.execute("UPDATE company_log SET position = $2 WHERE company_id = $1", company, length + 1)
    await worker.project()
    row = await owner_pool.fetchrow("SELECT * FROM projection WHERE company_id = $1", company)
    assert row is not None
    assert row["position"] == length
    assert "FromTheFuture" in row["stopped"]
    assert len(await _trail(worker, company)) == length
    assert len(await _trail(worker, beta)) == 1

    bea = await service.person(beta, "bea.admin", "administrator")
    assert await worker.project() > 0
    assert (await _trail(worker, beta, user_id=bea.user_id))[0].type == "UserCreated"


@pytest.mark.parametrize("missing", ["middle", "end"])
async def test_a_gap_stops_the_trail_before_it(
    service: Service, worker: Worker, owner_pool: Pool, missing: str
) -> None:
    company, _, _ = await _acme(service)
    length = len(await service.events(company))
    position = length if missing == "end" else length // 2
    await owner_pool.execute("ALTER TABLE event DISABLE TRIGGER event_is_append_only")
    await owner_pool.execute("DELETE FROM event WHERE company_id = $1 AND position = $2", company, position)
    await worker.project()
    row = await owner_pool.fetchrow("SELECT * FROM projection WHERE company_id = $1", company)
    assert row is not None
    assert row["position"] == position - 1
    assert "missing" in row["stopped"]


async def test_a_stopped_trail_goes_on_with_a_program_that_can_read_it(
    service: Service, worker: Worker, owner_pool: Pool
) -> None:
    company, _, _ = await _acme(service)
    await owner_pool.execute(
        "INSERT INTO projection (company_id, name, position, stopped) VALUES ($1, 'audit_trail_1', 0, 'unknown')",
        company,
    )
    await worker.project()
    assert await owner_pool.fetchval("SELECT stopped FROM projection WHERE company_id = $1", company) is None
    assert len(await _trail(worker, company)) == len(await service.events(company))


async def test_of_the_erased_nothing_stays_and_a_replay_gives_the_same(
    service: Service, worker: Worker, owner_pool: Pool
) -> None:
    company, anna, uta = await _acme(service)
    await reset_by(service, anna, uta, reason="lost the phone")
    await worker.drain()
    await worker.project()
    assert await _trail(worker, company, q="uta.user")
    token = await service.fresh_sign_in(anna)
    assert (await service.call("DELETE", f"/v1/users/{uta.user_id}", token)).status == 204
    await worker.drain()
    await worker.project()

    about = await _trail(worker, company, user_id=uta.user_id)
    assert len(about) > 5
    assert all((r.ip, r.user_agent, r.reason, r.subject_label) == (None,) * 4 for r in about)
    assert await _trail(worker, company, q="uta.user") == []
    assert await _trail(worker, company, q="phone") == []
    assert await _trail(worker, company, q="anna.admin")
    live = list(await owner_pool.fetch(ROWS, company))
    assert await _replayed(owner_pool, worker, company) == live


async def test_an_erased_member_of_the_provider_is_gone_from_customers_trails_too(
    service: Service, worker: Worker, owner_pool: Pool
) -> None:
    provider = await service.company("Provider", provider=True)
    olga = await service.person(provider, "olga.operator", "operator", on=True)
    otto = await service.person(provider, "otto.operator", "operator", on=True)
    acme, _, uta = await _acme(service)
    await _act_as_provider(service, otto, acme, uta)
    await worker.project()
    (reset,) = await _trail(worker, acme, q="otto.operator")
    assert (reset.type, reset.actor_kind, reset.actor_label) == ("TwoFactorUnlocked", "provider", "otto.operator")

    token = await service.fresh_sign_in(olga)
    assert (await service.call("DELETE", f"/v1/users/{otto.user_id}", token)).status == 204
    await worker.project()
    assert await _trail(worker, acme, q="otto.operator") == []
    (reset,) = await _trail(worker, acme, actor_id=otto.user_id)
    assert (reset.ip, reset.actor_label) == (None, None)
    live = list(await owner_pool.fetch(ROWS, acme))
    assert await _replayed(owner_pool, worker, acme) == live


async def _act_as_provider(service: Service, operator: Person, company: UUID, user: Person) -> None:
    """Appended by hand: the provider's paths come later."""
    from events.codec import SealingKeys
    from events.envelope import Actor, ActorKind, Metadata, StreamKind, Traces
    from events.store.port import Append, Status
    from events.store.states import user_doc
    from events.user.events import TwoFactorUnlocked

    parts = service.parts
    stored = await parts.store.user(company, user.user_id)
    acting = await parts.store.user(operator.company_id, operator.user_id)
    assert stored is not None
    assert acting is not None
    assert stored.person_key is not None
    assert acting.person_key is not None
    result = await parts.store.append(
        Append(
            company_id=company,
            stream_id=user.user_id,
            stream_kind=StreamKind.USER,
            expected=stored.version,
            decided_at=service.clock.now(),
            events=(TwoFactorUnlocked(reason="asked by phone"),),
            metadata=Metadata(
                actor=Actor(kind=ActorKind.PROVIDER, id=operator.user_id, company_id=operator.company_id),
                request_id="r",
                traces=Traces(ip="198.51.100.7"),
                actor_label=operator.login,
            ),
            keys=SealingKeys(
                subject=await parts.wrapper.unwrap(stored.person_key),
                subject_id=user.user_id,
                actor=await parts.wrapper.unwrap(acting.person_key),
                month=await parts.vault.month_key(company, service.clock.now()),
            ),
            state=user_doc(stored.state),
        )
    )
    assert result.status is Status.APPENDED


# Sign-ins by the hour.

COUNTED = """
    SELECT date_trunc('hour', at, 'UTC') AS hour, type <> 'SignedIn' AS refused, count(*) AS events
    FROM audit_trail_1 WHERE company_id = $1
        AND type = ANY ('{SignedIn, PasswordRejected, CodeRejected, SignInRefused}')
    GROUP BY 1, 2 ORDER BY 1, 2
"""
HOURS = "SELECT hour, refused, events FROM sign_in_hour WHERE company_id = $1 AND events <> 0 ORDER BY 1, 2"


async def _busy(service: Service, anna: Person, uta: Person) -> None:
    """Two people over three hours; a wrong password, a wrong code, and codes that are right."""
    for _ in range(3):
        await service.call("POST", "/v1/sign-ins", None, {"login": uta.login, "password": "wrong password"})
        await service.give(await service.pending(anna), service.wrong_code(anna))
        await service.fresh_sign_in(uta)
        await service.fresh_sign_in(anna)
        service.clock.advance(minutes=67)


async def test_sign_ins_are_counted_by_the_hour_as_they_stand_in_the_trail(
    service: Service, worker: Worker, owner_pool: Pool
) -> None:
    company, anna, uta = await _acme(service)
    other = await service.person(await service.company("Beta AG"), "bea.beta", on=True)
    await _busy(service, anna, uta)
    await service.fresh_sign_in(other)
    await worker.project()
    expected = await owner_pool.fetch(COUNTED, company)
    assert len({row["hour"] for row in expected}) >= 3
    assert {row["refused"] for row in expected} == {True, False}
    assert await owner_pool.fetch(HOURS, company) == expected
    trail = PostgresAuditTrail(worker.parts.pool)
    found = await trail.sign_in_hours(company, expected[0]["hour"])
    assert [(one.hour, one.refused, one.events) for one in found] == [tuple(row) for row in expected]
    assert len(await trail.sign_in_hours(company, expected[0]["hour"] + timedelta(seconds=1))) < len(expected)


async def test_the_count_of_sign_ins_follows_whatever_is_done_to_the_trail(
    service: Service, worker: Worker, owner_pool: Pool
) -> None:
    company, anna, uta = await _acme(service)
    await _busy(service, anna, uta)
    await worker.project()
    before = await owner_pool.fetch(HOURS, company)
    await owner_pool.execute("DELETE FROM audit_trail_1 WHERE company_id = $1 AND position % 3 = 0", company)
    assert await owner_pool.fetch(HOURS, company) == await owner_pool.fetch(COUNTED, company) != before
    await _replayed(owner_pool, worker, company)
    assert await owner_pool.fetch(HOURS, company) == before
