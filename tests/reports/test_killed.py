"""A worker that dies in the middle of a report costs time and nothing else."""

from datetime import timedelta

import pytest

from events.codec import decode
from events.company.reports import ReportReady
from events.effects import EffectKind
from tests.reports.ordering import Orders
from tests.support.scene import Scene, scene_of
from tests.support.service import Service
from workers.effects.build_report import BuildReport, LeaseLost
from workers.effects.drain import MAX_ATTEMPTS
from workers.queue import LEASE, EffectQueue


async def _ordered(scene: Scene) -> tuple[Orders, str]:
    """With nobody who builds it yet."""
    orders = Orders(scene.service, await scene.fresh("axel"))
    await orders.ordered("api_clients")
    return orders, str((await orders.order("coverage")).json["id"])


async def test_who_dies_before_the_file_is_stored_is_followed_by_another(service: Service) -> None:
    scene = await scene_of(service, "axel", "udo")
    orders, report = await _ordered(scene)
    parts = service.parts
    queue = EffectQueue(parts.pool, parts.store, parts.clock)
    (effect,) = await queue.claim(EffectKind.BUILD_REPORT, 1)
    assert (await orders.read(report))["status"] == "running"
    assert await orders.worker.build() == 0  # the lease is somebody's
    service.clock.advance(seconds=LEASE.total_seconds() + 1)
    assert await orders.worker.build() == 1
    assert (await orders.read(report))["status"] == "ready"
    assert not await queue.renew(effect)


async def test_who_dies_between_file_and_fact_leaves_what_the_next_one_makes_again(service: Service) -> None:
    scene = await scene_of(service, "axel", "udo")
    orders, report = await _ordered(scene)
    parts = service.parts
    queue = EffectQueue(parts.pool, parts.store, parts.clock)
    await orders.worker.seal()
    (effect,) = await queue.claim(EffectKind.BUILD_REPORT, 1)
    handler = BuildReport(parts.builder, parts.shelf, queue, parts.clock)
    cause = decode(effect.type, effect.entry)
    outcome = await handler.perform(effect, cause)
    stored = await parts.shelf.content(effect.company_id, cause.stream_id)
    assert (await orders.file(report)).code == "conflict"
    service.clock.advance(seconds=LEASE.total_seconds() + 1)
    assert await orders.worker.build() == 1
    assert not await queue.settle(effect, cause, outcome)
    assert (await orders.file(report)).raw == stored
    ready = [e["data"] for e in await service.events(effect.company_id) if e["type"] == "ReportReady"]
    assert isinstance(outcome.event, ReportReady)
    assert [one["digest"] for one in ready if one["report_id"] == report] == [outcome.event.digest]


async def test_who_lost_the_lease_stops(service: Service) -> None:
    scene = await scene_of(service, "axel", "udo")
    orders, report = await _ordered(scene)
    parts = service.parts
    queue = EffectQueue(parts.pool, parts.store, parts.clock)
    await orders.worker.seal()
    (effect,) = await queue.claim(EffectKind.BUILD_REPORT, 1)
    service.clock.advance(seconds=LEASE.total_seconds() + 1)
    await queue.claim(EffectKind.BUILD_REPORT, 1)
    handler = BuildReport(parts.builder, parts.shelf, queue, parts.clock)
    with pytest.raises(LeaseLost):
        await handler.perform(effect, decode(effect.type, effect.entry))
    assert (await orders.read(report))["status"] == "running"


async def test_what_cannot_be_built_fails_for_all_to_see(service: Service) -> None:
    scene = await scene_of(service, "axel", "udo")
    orders = Orders(service, await scene.fresh("axel"))
    report = (await orders.order("coverage")).json["id"]
    # No checkpoint comes: nobody seals.
    for _ in range(MAX_ATTEMPTS):
        assert await orders.worker.reports.drain() == 1
        service.clock.advance(seconds=timedelta(hours=2).total_seconds())
    assert await orders.worker.reports.drain() == 0
    token = await scene.fresh("axel")
    found = await service.call("GET", f"/v1/reports/{report}", token)
    assert found.json["status"] == "failed"
    assert "ReportFailed" in await service.event_types(scene.companies["acme"])


async def test_who_stored_a_file_before_an_erasure_does_not_call_it_ready_after_it(service: Service) -> None:
    scene = await scene_of(service, "axel", "udo", "anna")
    orders, report = await _ordered(scene)
    parts = service.parts
    queue = EffectQueue(parts.pool, parts.store, parts.clock)
    await orders.worker.seal()
    (effect,) = await queue.claim(EffectKind.BUILD_REPORT, 1)
    cause = decode(effect.type, effect.entry)
    handler = BuildReport(parts.builder, parts.shelf, queue, parts.clock)
    outcome = await handler.perform(effect, cause)
    assert (await service.call("DELETE", scene.path("udo"), await scene.fresh("anna"))).status == 204
    assert await parts.shelf.content(effect.company_id, cause.stream_id) is None
    assert not await queue.settle(effect, cause, outcome)
    assert await orders.worker.build() == 2  # this one, and the one that was ready before
    assert b"udo.acme" not in (await orders.file(report)).raw
