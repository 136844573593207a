"""The audit trail as a file: A-07 formulas, A-08 rights and record, I-04 broken ones are seen to be broken."""

import csv
import json
from io import StringIO
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from events.company.scopes import Scope
from events.decision import Refusal
from services.application import exporting
from services.application.audit import AuditFilters
from services.application.context import Request
from services.application.csv_cells import plain_cell
from services.application.errors import Refused
from services.application.export_formats import ExportFormat
from tests.support.database import Pool
from tests.support.scene import Scene, make_client, scene_of
from tests.support.service import Reply, Service
from workers.projector import Projector

EVIL = '=HYPERLINK("http://evil.example";"x")\r\n;,\'\u00e4'


@pytest_asyncio.fixture
async def told(service: Service) -> Scene:
    """A past with reasons and programs that mean no good."""
    scene = await scene_of(service, "anna", "arno", "axel", "udo", "bea", "otto", "paula")
    token = await scene.fresh("anna")
    evil = {"User-Agent": "=cmd|' /C calc'!A0"}
    for reason in (EVIL, "+49 30 1234", "-2+3", "@SUM(1)", "\tx", "lost the phone"):
        done = await scene.act(token, "udo", "enable", {"reason": reason}, headers=evil)
        done = await scene.act(token, "udo", "disable", {"reason": reason}, headers=evil)
        assert done.status == 200, done
    await projected(service)
    return scene


async def projected(service: Service) -> None:
    await Projector(service.parts.pool, service.parts.wrapper).project()


async def export(service: Service, token: str, path: str = "/v1/events/export", **params: Any) -> Reply:
    return await service.call("GET", path, token, params=params)


async def listed(service: Service, token: str, path: str = "/v1/events", **params: Any) -> list[Any]:
    items: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await service.call("GET", path, token, params={"limit": "200", **params, **cursor})).json
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = {"cursor": page["next_cursor"]}


def parsed(reply: Reply) -> list[Any]:
    assert reply.status == 200, reply
    rows = [json.loads(line) for line in reply.raw.decode().splitlines()]
    assert reply.headers["X-Row-Count"] == str(len(rows))
    return rows


@pytest.mark.parametrize("asked", [{}, {"type": "TwoFactorOrdered"}, {"q": "phone"}, {"ip": "127.0.0.1", "q": "udo"}])
async def test_json_lines_are_the_rows_of_the_list(service: Service, told: Scene, asked: dict[str, str]) -> None:
    token = await told.fresh("anna")
    await projected(service)
    rows = await listed(service, token, **asked)
    assert rows
    assert parsed(await export(service, token, format="jsonl", **asked)) == rows


@pytest.mark.parametrize("pages", [1, 7])
async def test_a_file_of_many_pages_has_every_row_once(
    service: Service, told: Scene, monkeypatch: pytest.MonkeyPatch, pages: int
) -> None:
    monkeypatch.setattr(exporting, "PAGE", pages)
    monkeypatch.setattr(exporting, "COUNTED", pages + 1)
    token = await told.fresh("anna")
    await projected(service)
    rows = await listed(service, token)
    assert parsed(await export(service, token, format="jsonl")) == rows
    some = {"from": rows[-3]["at"], "to": rows[3]["at"], "user_id": str(told["udo"].user_id)}
    assert parsed(await export(service, token, format="jsonl", **some)) == await listed(service, token, **some)


@pytest.mark.parametrize(("excel", "delimiter"), [("false", ","), ("true", ";")])
async def test_a_csv_runs_nothing_and_reads_back_as_it_was(
    service: Service, told: Scene, excel: str, delimiter: str
) -> None:
    token = await told.fresh("anna")
    await projected(service)
    rows = await listed(service, token)
    reply = await export(service, token, format="csv", excel=excel)
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert reply.headers["Content-Disposition"] == 'attachment; filename="events.csv"'
    text = reply.raw.decode()
    assert text.startswith("\ufeff") == (excel == "true")
    head, *read = csv.reader(StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter)
    assert str(len(read)) == reply.headers["X-Row-Count"]
    assert not [cell for row in read for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    cells = [dict(zip(head, map(plain_cell, row), strict=True)) for row in read]
    for cell, row in zip(cells, rows, strict=True):
        assert cell["position"] == str(row["position"])
        assert cell["reason"] == (row["reason"] or "")
        assert cell["user_agent"] == (row["user_agent"] or "")
        assert cell["subject_label"] == (row["subject"]["label"] or "")
        assert json.loads(cell["details"]) == row["details"]


async def test_ocsf_holds_every_row(service: Service, told: Scene) -> None:
    token = await told.fresh("anna")
    await projected(service)
    rows = await listed(service, token)
    records = parsed(await export(service, token, format="ocsf"))
    assert [record["metadata"]["uid"] for record in records] == [row["id"] for row in rows]


# it is itself an event, before the first byte.


async def test_an_export_is_on_record_with_what_was_asked_for_and_nothing_that_was_typed(
    service: Service, told: Scene
) -> None:
    token, company, udo = await told.fresh("anna"), told.companies["acme"], told["udo"].user_id
    await projected(service)
    asked = {"type": "a person's name", "user_id": str(udo), "ip": "203.0.113.77", "q": "Zimmermann"}
    assert parsed(await export(service, token, format="ocsf", **asked)) == []
    fact = (await service.events(company))[-1]
    assert (fact["type"], fact["stream_kind"], fact["actor"]["id"]) == (
        "EventsExported",
        "company",
        str(told["anna"].user_id),
    )
    data = fact["data"]
    assert (data["format"], data["events"], data["upto"]) == ("ocsf", 0, fact["position"] - 1)
    assert (data["of_type"], data["of_user"], data["by_address"], data["by_words"]) == (None, str(udo), True, True)
    assert not any(word in json.dumps(data) for word in ("name", "Zimmermann", "203.0.113"))
    parsed(await export(service, token, format="jsonl", type="KeyReset"))
    assert (await service.events(company))[-1]["data"]["of_type"] == "KeyReset"


async def test_who_may_not_see_the_trail_gets_none_and_the_try_is_on_record(service: Service, told: Scene) -> None:
    company = told.companies["acme"]
    refused = await export(service, await told.fresh("udo"), format="csv")
    assert (refused.status, refused.code) == (403, "forbidden")
    assert (await service.event_types(company))[-1] == "AccessDenied"
    elsewhere = f"/v1/companies/{company}/events/export"
    assert (await export(service, await told.fresh("bea"), elsewhere)).status == 403
    assert "EventsExported" not in await service.event_types(company)
    assert (await export(service, await told.fresh("axel"), format="csv")).status == 200
    program = await make_client(service, company, Scope.USERS_READ)
    assert (await export(service, program.token)).status == 403
    program = await make_client(service, company, Scope.AUDIT_READ)
    assert (await export(service, program.token)).status == 200
    assert (await service.events(company))[-1]["actor"] == {
        "kind": "client",
        "id": str(program.id),
        "company_id": str(company),
    }


@pytest.mark.parametrize("name", ["otto", "paula"])
async def test_the_provider_takes_a_customers_trail_and_the_customer_sees_it(
    service: Service, told: Scene, name: str
) -> None:
    company, token = told.companies["acme"], await told.fresh(name)
    rows = parsed(await export(service, token, f"/v1/companies/{company}/events/export"))
    assert {row["type"] for row in rows} >= {"TwoFactorOrdered", "CompanyCreated"}
    fact = (await service.events(company))[-1]
    assert (fact["type"], fact["actor"]["kind"], fact["actor"]["id"]) == (
        "EventsExported",
        "provider",
        str(told[name].user_id),
    )
    assert "EventsExported" not in await service.event_types(told.companies["provider"])


async def test_what_cannot_be_recorded_does_not_go_out(service: Service, told: Scene, owner_pool: Pool) -> None:
    token = await told.fresh("anna")
    await owner_pool.execute("ALTER TABLE event ADD CONSTRAINT full_disk CHECK (type <> 'EventsExported') NOT VALID")
    reply = await export(service, token, format="csv")
    assert (reply.status, reply.code) == (500, "internal_error")
    assert "X-Row-Count" not in reply.headers
    assert b"anna" not in reply.raw


@pytest.mark.parametrize("query", [{"format": "xml"}, {"limit": "5"}, {"cursor": "x"}, {"from": "yesterday"}])
async def test_a_wrong_question_is_refused_and_leaves_nothing(
    service: Service, told: Scene, query: dict[str, str]
) -> None:
    token = await told.fresh("anna")
    assert (await export(service, token, **query)).status == 422
    assert "EventsExported" not in await service.event_types(told.companies["acme"])


# A broken one is seen to be broken.


@pytest.mark.parametrize("kind", ["jsonl", "csv", "ocsf"])
async def test_a_file_that_breaks_in_the_middle_never_looks_whole(
    service: Service, told: Scene, owner_pool: Pool, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(exporting, "PAGE", 2)
    token = await told.fresh("anna")
    await owner_pool.execute("ALTER TABLE event DISABLE TRIGGER event_is_append_only")
    await owner_pool.execute(
        "UPDATE event SET entry = 'no JSON' WHERE company_id = $1 AND position = 3", told.companies["acme"]
    )
    url, headers = f"{service.url}/v1/events/export?format={kind}", {"Authorization": f"Bearer {token}"}
    async with service.http.get(url, headers=headers) as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientError):
            await answer.read()


async def test_rows_that_go_meanwhile_break_the_file(
    service: Service, told: Scene, owner_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PAGE", 1)
    pages = await _begun(service, told)
    await anext(pages)
    await owner_pool.execute("DELETE FROM audit_trail_1 WHERE position = 2")
    with pytest.raises(exporting.ExportBroken):
        async for _ in pages:
            pass


async def test_a_session_that_ends_meanwhile_gets_no_further(
    service: Service, told: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PAGE", 1)
    monkeypatch.setattr(exporting, "LOOKS", 1)
    pages = await _begun(service, told)
    await anext(pages)
    await service.call("DELETE", told.path("anna", "/sessions"), await told.fresh("arno"))
    with pytest.raises(Refused) as refused:
        await anext(pages)
    assert refused.value.refusal is Refusal.SESSION_OVER


async def _begun(service: Service, told: Scene) -> Any:
    token, app = await told.fresh("anna"), service.parts.application
    caller = await app.authentication.caller(token, Request(id="r", arrived_at=service.clock.now()))
    assert caller is not None
    return aiter((await app.exports.begin(caller, AuditFilters(), ExportFormat.CSV)).pages)
