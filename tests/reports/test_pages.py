"""Company › Reports, as a browser without script drives it."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest_asyncio

from events.company.reports import ReportKind
from services.application.reports.orders import Asked
from tests.support.scene import Scene, scene_of
from tests.support.service import Service
from tests.support.visitor import Visitor, visitor_of
from tests.workers.support import Worker


@pytest_asyncio.fixture
async def scene(service: Service) -> Scene:
    return await scene_of(service, "axel", "udo", "anna", "paula")


@pytest_asyncio.fixture
async def visitor(service: Service) -> AsyncIterator[Visitor]:
    made = visitor_of(service)
    yield made
    await made.http.close()


def _worker(service: Service) -> Worker:
    return Worker(service.parts, Path(service.parts.settings.data_dir))


async def test_an_auditor_orders_reads_and_takes_a_report(service: Service, scene: Scene, visitor: Visitor) -> None:
    service.clock.advance(seconds=60)
    await visitor.sign_in(scene["axel"])
    page = await visitor.get("/reports")
    assert page.status == 200, page.text
    assert "Noch wurde kein Bericht bestellt" in page.text
    done = await visitor.fill(page, "/reports", kind="coverage", first="", last="")
    assert done.status == 303, done.text
    path = done.headers["Location"]
    waiting = await visitor.get(path)
    assert "Der Bericht wurde bestellt." in waiting.text
    assert "<progress" in waiting.text
    assert f'href="{path}"' in waiting.text
    await _worker(service).build()
    ready = await visitor.get(path)
    assert "Abdeckung zum Stichtag" in ready.text
    assert "udo.acme" in ready.text
    assert "<svg" in ready.text
    assert "So prüfen Sie diesen Bericht" in ready.text
    for form in ("html", "pdf", "xlsx", "csv", "jsonl"):
        assert f'href="{path}/file?format={form}"' in ready.text
    async with visitor.http.get(f"{service.url}{path}/file?format=jsonl") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="factorlog-coverage-')
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await visitor.get(f"{path}/file?format=exe")).status == 404
    assert "Fertig" in (await visitor.get("/reports")).text


async def test_what_cannot_be_ordered_is_said_at_its_field(service: Service, scene: Scene, visitor: Visitor) -> None:
    service.clock.advance(seconds=60)
    await visitor.sign_in(scene["axel"])
    page = await visitor.get("/reports")
    for typed, wrong in (
        ({"kind": "coverage", "first": "2026-01-01", "last": ""}, "first-wrong"),
        ({"kind": "failed_attempts", "first": "", "last": "2999-01-01"}, "last-wrong"),
        ({"kind": "failed_attempts", "first": "2025-02-01", "last": "2025-01-01"}, "first-wrong"),
        ({"kind": "everything", "first": "", "last": ""}, "kind-wrong"),
    ):
        again = await visitor.fill(page, "/reports", **typed)
        assert (again.status, f'id="{wrong}"' in again.text) == (422, True), typed
    assert "ReportRequested" not in await service.event_types(scene.companies["acme"])


async def test_a_user_without_the_right_sees_no_report(service: Service, scene: Scene, visitor: Visitor) -> None:
    service.clock.advance(seconds=60)
    await visitor.sign_in(scene["udo"])
    assert 'href="/reports"' not in (await visitor.get("/")).text
    assert (await visitor.get("/reports")).status == 403


async def test_the_provider_orders_in_a_company(service: Service, scene: Scene, visitor: Visitor) -> None:
    service.clock.advance(seconds=60)
    await visitor.sign_in(scene["paula"])
    there = f"/companies/{scene.companies['acme']}/reports"
    page = await visitor.get(there)
    assert page.status == 200, page.text
    done = await visitor.fill(page, there, kind="policy_history", first="", last="")
    assert done.headers["Location"].startswith(there)
    await _worker(service).build()
    assert "Verlauf der Sicherheitsrichtlinie" in (await visitor.get(done.headers["Location"])).text
    report = done.headers["Location"].rsplit("/", 1)[1]
    assert (await visitor.get(f"/reports/{report}")).status == 404


async def test_older_orders_stand_on_further_pages(service: Service, scene: Scene, visitor: Visitor) -> None:
    reports = service.parts.application.reports
    for _ in range(2):
        for _ in range(11):
            await reports.order_from_console(scene.companies["acme"], Asked(kind=ReportKind.API_CLIENTS))
        await _worker(service).build()
    service.clock.advance(seconds=60)
    await visitor.sign_in(scene["axel"])
    first = await visitor.get("/reports")
    assert first.text.count('href="/reports/') == 20
    (older,) = re.findall(r'rel="next" href="([^"]+)"', first.text)
    assert (await visitor.get(unescape(older))).text.count('href="/reports/') == 2
