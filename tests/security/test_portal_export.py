"""The audit log as a file, from its page: what the page shows, with the right to it, on record."""

import csv
import json
from html import unescape
from io import StringIO

import pytest

from tests.support.acme import Acme, SignedIn, act, proven
from tests.support.service import Service
from tests.support.visitor import Shown, Visitor
from workers.projector import Projector

FORMULA = "=1+1"


async def project(service: Service) -> None:
    await Projector(service.parts.pool, service.parts.wrapper).project()


async def taken(visitor: Visitor, page: Shown, kind: str) -> Shown:
    """By one of the page's buttons."""
    (form,) = (form for form in page.forms if "/audit/export" in form.action)
    return await visitor.post(unescape(form.action), {**form.fields, "format": kind})


def rows(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline=""), delimiter=delimiter))


async def test_a_file_holds_what_the_page_finds_in_the_readers_language(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    await proven(anna, await act(anna, acme.path("reset"), reason=FORMULA), acme.path("reset"), acme.anna)
    await project(acme.service)
    page = await anna.get(f"/audit?type=KeyReset&user={acme.uta.user_id}")
    file = await taken(anna, page, "csv")
    assert (file.status, file.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert file.headers["Content-Disposition"] == 'attachment; filename="events.csv"'
    assert "no-store" in file.headers["Cache-Control"]
    (row,) = rows(file.text)
    assert (row["type"], row["subject_label"], row["reason"]) == ("KeyReset", "uta.user", f"'{FORMULA}")
    assert row["sentence"].startswith("Der Schlüssel wurde zurückgesetzt")
    excel = await taken(anna, page, "excel")
    assert rows(excel.text.removeprefix("\ufeff"), ";") == [row]
    for kind, member in (("jsonl", "position"), ("ocsf", "class_uid")):
        lines = (await taken(anna, page, kind)).text.splitlines()
        assert [member in json.loads(line) for line in lines] == [True]
    facts = [e for e in await acme.service.events(acme.uta.company_id) if e["type"] == "EventsExported"]
    assert [fact["data"]["format"] for fact in facts] == ["csv", "csv", "jsonl", "ocsf"]
    assert {(fact["data"]["of_type"], fact["data"]["events"]) for fact in facts} == {("KeyReset", 1)}
    assert {fact["actor"]["id"] for fact in facts} == {str(acme.anna.user_id)}
    await project(acme.service)
    assert "1 Zeile des Auditprotokolls wurde als CSV exportiert." in (await anna.get("/audit")).text


async def test_a_link_from_elsewhere_takes_nothing(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    page = await anna.get("/audit")
    (form,) = (form for form in page.forms if "/audit/export" in form.action)
    fields = {**form.fields, "format": "csv"}
    foreign = {"Sec_Fetch_Site": "cross-site", "Origin": "https://evil.example"}
    assert (await anna.post("/audit/export", fields, **foreign)).status == 403
    assert (await anna.post("/audit/export", {**fields, "form_token": "x"})).status == 403
    assert (await anna.get("/audit/export?format=csv")).status in (404, 405)
    assert (await anna.post("/audit/export", {**fields, "format": "xml"})).status == 422
    assert "EventsExported" not in await acme.service.event_types(acme.uta.company_id)


async def test_without_the_right_nothing_is_taken(acme: Acme, signed_in: SignedIn) -> None:
    uta = await signed_in(acme.uta)
    token = (await uta.get("/profile/settings")).forms[0].fields["form_token"]
    refused = await uta.post("/audit/export", {"form_token": token, "format": "csv"})
    assert (refused.status, refused.headers.get("Content-Disposition")) == (403, None)
    types = await acme.service.event_types(acme.uta.company_id)
    assert ("EventsExported" in types, types[-1]) == (False, "AccessDenied")


@pytest.mark.parametrize(("role", "on"), [("operator", True), ("provider_auditor", True), ("provider_auditor", False)])
async def test_the_provider_takes_it_from_a_customers_page(
    acme: Acme, signed_in: SignedIn, role: str, on: bool
) -> None:
    provider = await acme.service.company("Nordlicht Telekom", provider=True)
    visitor = await signed_in(await acme.service.person(provider, "olga.provider", role, on=on))
    await project(acme.service)
    page = await visitor.get(f"/companies/{acme.uta.company_id}/audit?type=UserCreated")
    file = await taken(visitor, page, "jsonl")
    assert {json.loads(line)["type"] for line in file.text.splitlines()} == {"UserCreated"}
    fact = (await acme.service.events(acme.uta.company_id))[-1]
    assert (fact["type"], fact["actor"]["kind"]) == ("EventsExported", "provider")
