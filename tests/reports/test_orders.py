"""Who may order and fetch reports, what cannot be ordered, and what becomes of an order."""

from datetime import timedelta
from uuid import uuid4

import pytest

from events.company.scopes import Scope
from services.application.reports.orders import MOST_OPEN
from tests.reports.ordering import FORMATS, KINDS, Orders
from tests.support.scene import Scene, scene_of
from tests.support.service import Service


async def _orders(scene: Scene, name: str, prefix: str = "/v1") -> Orders:
    return Orders(scene.service, await scene.fresh(name), prefix)


@pytest.mark.parametrize("kind", KINDS)
async def test_an_order_is_accepted_built_and_listed(service: Service, kind: str) -> None:
    scene = await scene_of(service, "axel", "udo")
    orders = await _orders(scene, "axel")
    made = await orders.order(kind)
    assert made.status == 202, made
    assert (made.json["status"], made.json["kind"], made.json["position"]) == ("queued", kind, None)
    assert (await orders.file(made.json["id"])).code == "conflict"
    await orders.worker.build()
    found = await orders.read(made.json["id"])
    assert found["status"] == "ready"
    assert found["progress"]["done"] == found["progress"]["total"] == found["position"] > 0
    assert found["requested_by"] == {"kind": "user", "id": str(scene["axel"].user_id)}
    listed = await service.call("GET", "/v1/reports", orders.token)
    assert [one["id"] for one in listed.json["items"]] == [made.json["id"]]
    fetched = await orders.file(made.json["id"])
    assert fetched.headers["Content-Type"] == "application/jsonl"
    assert fetched.headers["Cache-Control"] == "no-store"
    assert (await service.event_types(scene.companies["acme"]))[-2:] == ["ReportRequested", "ReportReady"]


async def test_the_list_goes_on_behind_its_cursor_newest_first(service: Service) -> None:
    scene = await scene_of(service, "axel")
    orders = await _orders(scene, "axel")
    ids = [(await orders.order("coverage")).json["id"] for _ in range(3)]
    first = await service.call("GET", "/v1/reports?limit=2", orders.token)
    rest = await service.call("GET", f"/v1/reports?limit=2&cursor={first.json['next_cursor']}", orders.token)
    assert [one["id"] for one in first.json["items"] + rest.json["items"]] == ids[::-1]
    assert rest.json["next_cursor"] is None


async def test_what_no_report_can_be_about_is_refused_and_leaves_nothing(service: Service) -> None:
    scene = await scene_of(service, "axel")
    orders = await _orders(scene, "axel")
    now, before = service.clock.now(), await service.event_types(scene.companies["acme"])
    later, earlier = (now + timedelta(seconds=1)).isoformat(), (now - timedelta(days=9)).isoformat()
    for body in (
        {"kind": "coverage", "as_of": later},
        {"kind": "coverage", "as_of": str((now + timedelta(days=1)).date())},
        {"kind": "failed_attempts", "to": later},
        {"kind": "coverage", "as_of": "9999-12-31"},
        {"kind": "coverage", "as_of": "2026-02-30"},
        {"kind": "coverage", "as_of": "yesterday"},
        {"kind": "coverage", "as_of": 7},
        {"kind": "coverage", "from": earlier},
        {"kind": "api_clients", "to": earlier},
        {"kind": "failed_attempts", "to": earlier, "as_of": earlier},
        {"kind": "failed_attempts", "from": now.isoformat(), "to": earlier},
        {"kind": "everything"},
        {"kind": None},
        {},
        {"kind": "coverage", "more": 1},
    ):
        refused = await service.call("POST", "/v1/reports", orders.token, body)
        assert (refused.status, refused.code) == (422, "validation_failed"), body
        assert b"yesterday" not in refused.raw
    assert await service.event_types(scene.companies["acme"]) == before


async def test_a_report_before_the_first_entry_is_empty(service: Service) -> None:
    scene = await scene_of(service, "axel")
    lines = await (await _orders(scene, "axel")).lines("coverage", as_of="2001-01-01")
    assert (lines.header["position"], lines.header["company"], lines.rows, lines.entries) == (0, "", [], {})


async def test_today_is_a_day_that_is_not_over(service: Service) -> None:
    scene = await scene_of(service, "axel", "udo")
    today = str(service.clock.now().date())
    lines = await (await _orders(scene, "axel")).lines("coverage", as_of=today)
    assert len(lines.rows) == 2


async def test_only_those_with_the_right_see_or_order_reports(service: Service) -> None:
    scene = await scene_of(service)
    orders = await _orders(scene, "anna")
    report = await orders.ordered("coverage")
    for name in ("udo", "hedy"):
        stranger = await _orders(scene, name)
        assert (await stranger.order("coverage")).code == "forbidden"
        assert (await stranger.file(report)).code == "forbidden"
        assert (await service.call("GET", "/v1/reports", stranger.token)).code == "forbidden"
    for name in ("axel", "sven", "anna"):
        assert (await (await _orders(scene, name)).file(report)).status == 200


async def test_another_companys_reports_do_not_exist(service: Service) -> None:
    scene = await scene_of(service)
    report = await (await _orders(scene, "anna")).ordered("coverage")
    bea = await _orders(scene, "bea")
    for rest in (report, f"{report}/file", str(uuid4()), "not-an-id"):
        assert (await service.call("GET", f"/v1/reports/{rest}", bea.token)).code == "not_found"
    assert (await service.call("GET", "/v1/reports", bea.token)).json["items"] == []
    # Nor does anything that is no report, though it has a stream.
    client = await scene.client("anna", Scope.REPORTS_READ)
    assert (await service.call("GET", f"/v1/reports/{client.id}", (await _orders(scene, "anna")).token)).status == 404


async def test_the_provider_reports_on_a_company_and_the_company_sees_it(service: Service) -> None:
    scene = await scene_of(service)
    acme = scene.companies["acme"]
    for name in ("otto", "paula"):
        orders = await _orders(scene, name, f"/v1/companies/{acme}")
        lines = await orders.lines("coverage")
        assert lines.header["company_id"] == str(acme)
        asked = [e for e in await service.events(acme) if e["type"] == "ReportRequested"][-1]
        assert (asked["actor"]["kind"], asked["actor"]["id"]) == ("provider", str(scene[name].user_id))
    anna = await _orders(scene, "anna", f"/v1/companies/{scene.companies['beta']}")
    assert (await anna.order("coverage")).code == "forbidden"


async def test_programs_need_the_scope(service: Service) -> None:
    scene = await scene_of(service, "anna")
    reader, writer = await scene.client("anna", Scope.REPORTS_READ), await scene.client("anna", Scope.REPORTS_WRITE)
    assert (await service.call("POST", "/v1/reports", reader.token, {"kind": "coverage"})).code == "forbidden"
    made = await service.call("POST", "/v1/reports", writer.token, {"kind": "coverage"})
    assert made.status == 202
    assert made.json["requested_by"] == {"kind": "client", "id": str(writer.id)}
    assert (await service.call("GET", f"/v1/reports/{made.json['id']}", writer.token)).code == "forbidden"
    assert (await service.call("GET", f"/v1/reports/{made.json['id']}", reader.token)).status == 200


async def test_the_same_call_twice_is_one_order(service: Service) -> None:
    scene = await scene_of(service, "axel")
    orders = await _orders(scene, "axel")
    key = {"Idempotency-Key": "one"}
    first, again = [
        await service.call("POST", "/v1/reports", orders.token, {"kind": "coverage"}, headers=key) for _ in range(2)
    ]
    assert first.json == again.json
    assert (await service.event_types(scene.companies["acme"])).count("ReportRequested") == 1


async def test_a_company_has_so_many_open_orders_at_most(service: Service) -> None:
    scene = await scene_of(service, "axel")
    orders = await _orders(scene, "axel")
    for _ in range(MOST_OPEN):
        assert (await orders.order("api_clients")).status == 202
    assert (await orders.order("api_clients")).code == "conflict"
    await orders.worker.build()
    assert (await orders.order("api_clients")).status == 202


async def test_a_form_that_does_not_exist_is_refused(service: Service) -> None:
    scene = await scene_of(service, "axel")
    orders = await _orders(scene, "axel")
    report = await orders.ordered("coverage")
    assert (await orders.file(report, "docx")).code == "validation_failed"
    for form in FORMATS:
        assert (await orders.file(report, form)).status == 200
