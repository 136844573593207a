"""A-09: addresses and programs are kept for twelve months at least, then unreadable, with a marker in the log."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from events.codec import decode, open_traces
from events.envelope import month_of
from events.projections.keyring import Keyring
from events.store.port import RecordedEvent
from services.adapters.evidence import PostgresEvidence
from services.adapters.read_models import PostgresAuditTrail
from services.application.audit import AuditFilters, AuditRow
from services.application.audit_check import check
from services.application.evidence import Finding, Problem
from services.application.rebuild import rebuild
from services.application.retention import kept_from
from tests.support.database import Pool
from tests.support.scene import REASON, Scene, scene_of
from tests.support.service import Another, Service
from tests.workers.support import Worker
from workers.old_traces import OldTraces

MONTH = 31.0  # days, so that each step is another month


def old_traces(service: Service) -> OldTraces:
    return OldTraces(service.parts.pool, service.parts.retention)


async def rows_of(service: Service, company: UUID, **asked: Any) -> list[AuditRow]:
    return list(await PostgresAuditTrail(service.parts.pool).page(company, AuditFilters(**asked), 10_000, None))


async def findings(service: Service) -> list[Finding]:
    evidence = PostgresEvidence(service.parts.pool, service.parts.wrapper)
    return await check(evidence, lambda done, total: None)


async def log_of(service: Service, company: UUID) -> list[RecordedEvent]:
    return [decode(raw.type, raw.entry) for raw in await service.parts.store.events(company, 0, 100_000)]


async def readable(service: Service, company: UUID) -> set[int]:
    """Positions whose traces open with the keys that there are."""
    log, keyring = await log_of(service, company), Keyring(company, service.parts.wrapper.unwrap)
    await keyring.load(service.parts.pool, log)
    found = set()
    for event in log:
        box = event.sealed.traces
        if box is not None and box.month is not None:
            person = keyring.member(box.person).key if box.person is not None else None
            if open_traces(event, keyring.month(box.month), person):
                found.add(event.position)
    return found


async def a_past(service: Service) -> Scene:
    """Acts with an address in the log, then thirteen months and another act."""
    scene = await scene_of(service, "anna", "udo", "bea")
    await scene.act(await scene.fresh("anna"), "udo", "reset", REASON)
    return scene


@pytest.mark.parametrize(
    ("now", "months", "oldest"),
    [
        ("2026-12-31", 12, "2025-12"),
        ("2027-01-01", 12, "2026-01"),
        ("2026-02-28", 24, "2024-02"),
        ("2026-03-01", 15, "2024-12"),
    ],
)
def test_a_month_stays_until_its_last_day_is_that_old(now: str, months: int, oldest: str) -> None:
    assert kept_from(datetime.fromisoformat(now).replace(tzinfo=UTC), months) == oldest


async def test_nothing_goes_before_its_time(service: Service, worker: Worker) -> None:
    scene = await a_past(service)
    first = month_of(service.clock.now())
    while kept_from(service.clock.now() + timedelta(days=1), 12) <= first:
        service.clock.advance(days=1)
    assert await old_traces(service).destroy() == 0
    await worker.project()
    assert all(row.ip for row in await rows_of(service, scene.companies["acme"], type="KeyReset"))


async def test_after_thirteen_months_old_traces_are_gone_everywhere_and_a_marker_says_so(
    service: Service, worker: Worker
) -> None:
    scene = await a_past(service)
    company, month = scene.companies["acme"], month_of(service.clock.now())
    await worker.project()
    before = await rows_of(service, company)
    assert await rows_of(service, company, ip="127.0.0.1") != []
    service.clock.advance(days=13 * MONTH)
    await scene.fresh("anna")
    await worker.project()

    assert await old_traces(service).destroy() == 2
    assert await findings(service) == [], "the trail has not reached the marker yet"
    await worker.project()
    assert await findings(service) == []

    after = {row.position: row for row in await rows_of(service, company)}
    for row in before:
        was = after.pop(row.position)
        assert (was.ip, was.user_agent) == (None, None)
        assert (was.type, was.reason, was.subject_label) == (row.type, row.reason, row.subject_label)
    assert await readable(service, company) == {p for p, row in after.items() if row.ip} != set()
    found = await rows_of(service, company, ip="127.0.0.1") + await rows_of(service, company, q="127.0.0")
    assert {row.position for row in found} <= after.keys()
    (marker,) = await rows_of(service, company, type="TracesDestroyed")
    assert (marker.details["month"], marker.actor_kind) == (month, "system")
    assert await old_traces(service).destroy() == 0


async def test_a_rebuilt_trail_is_the_same(service: Service, worker: Worker, owner_pool: Pool) -> None:
    scene = await a_past(service)
    company = scene.companies["acme"]
    await worker.project()
    service.clock.advance(days=13 * MONTH)
    await scene.fresh("anna")
    await old_traces(service).destroy()
    await worker.project()
    rows = await rows_of(service, company)
    report = await rebuild(PostgresEvidence(service.parts.pool, service.parts.wrapper), lambda done, total: None)
    assert await rows_of(service, company) == rows, report
    await owner_pool.execute("DELETE FROM projection")
    await owner_pool.execute("DELETE FROM audit_trail_1")
    await worker.project()
    assert await rows_of(service, company) == rows
    assert await findings(service) == []


async def test_a_trail_that_was_behind_holds_nothing_of_the_old_month_either(service: Service, worker: Worker) -> None:
    scene = await a_past(service)
    service.clock.advance(days=13 * MONTH)
    await old_traces(service).destroy()
    await worker.project()
    assert await rows_of(service, scene.companies["acme"], ip="127.0.0.1") == []
    assert await findings(service) == []


async def test_two_workers_leave_one_marker(service: Service, another: Another) -> None:
    scene = await a_past(service)
    service.clock.advance(days=13 * MONTH)
    other = await another()
    await asyncio.gather(*(old_traces(one).destroy() for one in (service, other, service)))
    types = await service.event_types(scene.companies["acme"])
    assert types.count("TracesDestroyed") == 1


async def test_an_idle_company_makes_no_key_by_losing_one(service: Service, app_pool: Pool) -> None:
    scene = await a_past(service)
    service.clock.advance(days=13 * MONTH)
    await old_traces(service).destroy()
    keys = await app_pool.fetch("SELECT month FROM trace_key WHERE company_id = $1", scene.companies["acme"])
    assert keys == []


async def test_a_late_append_finds_no_key_and_leaves_no_traces(
    service: Service, worker: Worker, another: Another
) -> None:
    scene = await a_past(service)
    company = scene.companies["acme"]
    service.clock.advance(days=13 * MONTH)
    await old_traces(service).destroy()
    service.clock.advance(days=-13 * MONTH)
    late = await another()
    assert (await late.start(scene["udo"], "wrong")).status == 401
    last = (await log_of(service, company))[-1]
    assert (last.type, last.sealed.traces) == ("PasswordRejected", None)
    await worker.project()
    assert await findings(service) == []


async def test_a_key_that_came_back_is_found(service: Service, worker: Worker, owner_pool: Pool) -> None:
    scene = await a_past(service)
    kept = "SELECT * FROM trace_key WHERE company_id = $1"
    records = [tuple(row) for row in await owner_pool.fetch(kept, scene.companies["acme"])]
    service.clock.advance(days=13 * MONTH)
    await old_traces(service).destroy()
    await worker.project()
    await owner_pool.copy_records_to_table("trace_key", records=records)
    assert Problem.DATA_KEY_LEFT in {found.problem for found in await findings(service)}


async def test_the_application_takes_no_key_but_by_a_marker(app_pool: Pool) -> None:
    for statement in (
        "DELETE FROM trace_key",
        "DELETE FROM destroyed_month",
        "INSERT INTO destroyed_month VALUES ($1)",
    ):
        with pytest.raises(Exception, match="permission denied"):
            await app_pool.execute(statement.replace("($1)", "(gen_random_uuid(), '2026-03')"))
