"""The search in the audit trail finds what a plain look at every row finds, by whichever index it goes."""

import itertools
from collections.abc import Iterator
from typing import Any, Final

import pytest
import pytest_asyncio

from events.projections.words import words_asked
from services.adapters import read_models
from services.adapters.read_models import PostgresAuditTrail
from services.application.audit import AuditFilters, AuditRow, Period
from tests.support.scene import REASON, Scene, scene_of
from tests.support.service import Service
from tests.workers.support import Worker

ALL: Final = Period(1, 2**62)


@pytest.fixture(params=["walking", "by all marks"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With nothing to walk through every search that is not answered by one index goes to the other one."""
    if request.param == "by all marks":
        monkeypatch.setattr(read_models, "LOOKED_THROUGH", 2)
    return str(request.param)


@pytest_asyncio.fixture
async def told(service: Service, worker: Worker) -> Scene:
    """Some days of two companies; a person is erased, one of the two has the same words."""
    scene = await scene_of(service, "anna", "udo", "ute", "bea", "ben")
    for name, other in (("anna", "udo"), ("bea", "ben"), ("anna", "ute")):
        token = await scene.fresh(name)
        await scene.act(token, other, "enable", {"reason": "Handy verloren, 50% sicher"})
        await scene.act(token, other, "reset", REASON)
        await service.start(scene[other], "wrong")
        service.clock.advance(days=1)
    token = await scene.fresh("anna")
    gone = await service.call("POST", "/v1/users", token, {"login": "gone.acme", "role": "user"})
    await service.call("DELETE", f"/v1/users/{gone.json['id']}", token)
    await worker.project()
    return scene


def _questions(rows: list[AuditRow], scene: Scene) -> Iterator[AuditFilters]:
    """Every combination of something that is there, or that is not."""
    times = [rows[len(rows) // 3].at, rows[-1].at]
    given: dict[str, list[Any]] = {
        "type": [None, "KeyReset", "SignedIn", "UserErased", "Nothing"],
        "user_id": [None, scene["udo"].user_id, scene["ben"].user_id],
        "actor_id": [None, scene["anna"].user_id],
        "from_at": [None, times[1], times[0]],
        "to_at": [None, times[0]],
        "ip": [None, "127.0.0.1", "::ffff:7f00:1", "192.0.2.1"],
        "q": [None, "verlor", "HANDY 50%", "udo.", "reset 127.0.0.1", "c", " c", "' & '", "!!", "lost phone"],
    }
    for values in itertools.product(*given.values()):
        if sum(value is not None for value in values) <= 3:
            yield AuditFilters(**dict(zip(given, values, strict=True)))


def _is_asked_for(row: AuditRow, words: set[str], asked: AuditFilters) -> bool:
    same = all(
        wanted is None or wanted == found
        for wanted, found in (
            (asked.type, row.type),
            (asked.user_id, row.subject_id),
            (asked.actor_id, row.actor_id),
            (asked.ip, row.ip),
        )
    )
    return (
        same
        and (asked.from_at is None or row.at >= asked.from_at)
        and (asked.to_at is None or row.at < asked.to_at)
        and (not (asked.q or "").strip() or _is_in(words, words_asked(asked.q or "")))
    )


def _is_in(words: set[str], asked: list[str]) -> bool:
    return bool(asked) and all(any(word.startswith(begin) for word in words) for begin in asked)


@pytest.mark.usefixtures("way")
async def test_every_combination_finds_what_is_there(service: Service, told: Scene) -> None:
    trail, company = PostgresAuditTrail(service.parts.pool), told.companies["acme"]
    rows = list(await trail.page(company, AuditFilters(), 10_000, None))
    stored = await service.parts.pool.fetch(
        "SELECT position, tsvector_to_array(words) AS words FROM audit_trail_1 WHERE company_id = $1", company
    )
    words = {row["position"]: set(row["words"] or ()) for row in stored}
    assert len(rows) == len(stored) == await trail.position(company)
    hits = 0
    for asked in _questions(rows, told):
        expected = [row for row in rows if _is_asked_for(row, words[row.position], asked)]
        assert await trail.page(company, asked, 10_000, None) == expected, asked
        hits += bool(expected)
    assert hits > 100


@pytest.mark.usefixtures("way")
async def test_pages_put_together_are_the_whole(service: Service, told: Scene) -> None:
    trail, company = PostgresAuditTrail(service.parts.pool), told.companies["acme"]
    for asked in (AuditFilters(), AuditFilters(q="anna"), AuditFilters(ip="127.0.0.1", type="SignedIn")):
        whole = await trail.page(company, asked, 10_000, None)
        pages: list[AuditRow] = []
        before: int | None = None
        while page := await trail.page(company, asked, 2, before):
            pages += page
            before = page[-1].position
        assert pages == whole


async def test_windows_put_together_are_the_whole_and_counted_before(service: Service, told: Scene) -> None:
    trail, company = PostgresAuditTrail(service.parts.pool), told.companies["acme"]
    for asked in (
        AuditFilters(),
        AuditFilters(q="anna"),
        AuditFilters(user_id=told["udo"].user_id),
        AuditFilters(q="!"),
    ):
        whole = list(await trail.page(company, asked, 10_000, None))
        assert await trail.window(company, asked, ALL) == whole
        assert await trail.count(company, asked, ALL) == len(whole)
        head = await trail.position(company)
        parts = [await trail.window(company, asked, Period(n, n + 7)) for n in range(1, head + 1, 7)]
        assert [row for part in reversed(parts) for row in part] == whole
