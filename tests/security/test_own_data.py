"""A copy of one's own data: requirement P-04. Everything about the caller, and nobody else's."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest_asyncio
from pydantic_core import from_json

from events.codec import decode
from events.sealing import SealBroken, place, trace_data_key, unseal
from tests.support.database import Database, Pool
from tests.support.service import BEHIND_A_PROXY, Person, Reply, Service, running
from tests.support.visitor import visitor_of
from workers.projector import Projector

OTHERS: Final = "mark9e2f7"  # in whatever is somebody else's
PATH: Final = "/v1/me/export"


@pytest_asyncio.fixture
async def proxied(database: Database, tmp_path: Path) -> AsyncIterator[Service]:
    """People have addresses of their own."""
    async with running(database, tmp_path, trusted_proxies=BEHIND_A_PROXY) as one:
        yield one


@dataclass
class Acme:
    service: Service
    company: UUID
    anna: Person
    uta: Person
    helpdesk: Service  # anna's place
    home: Service  # uta's


async def acme_of(service: Service) -> Acme:
    company = await service.company("Acme GmbH")
    anna = await service.person(company, f"{OTHERS}.anna", "administrator", on=True, email=f"{OTHERS}@acme.example")
    uta = await service.person(company, "uta.admin", "administrator", on=True, email="uta@acme.example")
    return Acme(service, company, anna, uta, service.at("203.0.113.9"), service.at("198.51.100.7"))


async def a_life(acme: Acme) -> str:
    """What Uta does and suffers; her fresh session."""
    other = await acme.service.person(acme.company, f"{OTHERS}.udo", on=True)
    theirs = {"User-Agent": f"{OTHERS}-browser/1"}
    anna = await acme.helpdesk.fresh_sign_in(acme.anna)
    path = f"/v1/users/{acme.uta.user_id}"
    networks = {"networks": ["127.0.0.0/8", "198.51.100.0/24"], "reason": "works at home"}
    done = await acme.helpdesk.call("PUT", f"{path}/trusted-networks", anna, networks, headers=theirs)
    assert done.status == 200, done
    await acme.home.start(acme.uta, "a wrong password")
    uta = await acme.home.fresh_sign_in(acme.uta)
    mine = {"User-Agent": "utas-browser/7"}
    moved = await acme.home.call("PATCH", "/v1/me", uta, {"email": "uta.new@acme.example"}, headers=mine)
    assert moved.status == 200, moved
    reset = f"/v1/users/{other.user_id}/two-factor/reset"
    assert (await acme.home.call("POST", reset, uta, {"reason": f"{OTHERS} lost it"}, headers=mine)).status == 200
    policy = {"requirement": "optional", "grace_days": 9, "reason": "utas own reason"}
    assert (await acme.home.call("PUT", "/v1/policy", uta, policy)).status == 200
    assert (await acme.home.call("GET", "/v1/companies", uta)).status == 403
    return uta


async def exported(acme: Acme, token: str) -> Reply:
    await Projector(acme.service.parts.pool, acme.service.parts.wrapper).project()
    return await acme.home.call("GET", PATH, token)


# An independent fold: straight from the entries, with this person's key, by the format's page.


async def told_by_the_log(acme: Acme, owner: Pool) -> list[dict[str, Any]]:
    unwrap, me = acme.service.parts.wrapper.unwrap, str(acme.uta.user_id)
    key = await unwrap(await owner.fetchval("SELECT wrapped FROM person_key WHERE user_id = $1", acme.uta.user_id))
    months = {row[0]: await unwrap(row[1]) for row in await owner.fetch("SELECT month, wrapped FROM trace_key")}
    entries = [from_json(row[0]) for row in await owner.fetch("SELECT entry FROM event ORDER BY company_id, position")]
    return [
        _told(entry, me, key, months)
        for entry in entries
        if me in (entry["stream_id"], entry["actor"]["id"], entry["data"].get("user_id"))
    ]


def _told(entry: dict[str, Any], me: str, key: bytes, months: dict[str, bytes]) -> dict[str, Any]:
    boxes, about_me = entry["sealed"], me in (entry["stream_id"], entry["data"].get("user_id"))
    traces = boxes.get("traces", {})
    where = _opened(entry, "traces", trace_data_key(months[traces["month"]], key)) if traces.get("person") == me else {}
    if about_me:
        personal = _opened(entry, "subject", key)
    else:
        said = _opened(entry, "actor", key)
        personal = {"reason": said["reason"]} if "reason" in said else {}
    kinds = {"user": "administrator", "anonymous": "unknown", "client": "program"}
    return {
        "position": entry["position"],
        "type": entry["type"],
        "about": "yourself" if about_me else "others",
        "by": "yourself" if entry["actor"]["id"] == me else kinds.get(entry["actor"]["kind"], entry["actor"]["kind"]),
        "ip": where.get("ip"),
        "user_agent": where.get("user_agent"),
        "personal": personal,
        "details": {n: v for n, v in entry["data"].items() if n != "target_id"} if about_me else {},
    }


def _opened(entry: dict[str, Any], name: Any, key: bytes) -> dict[str, Any]:
    box = getattr(decode(entry["type"], json.dumps(entry).encode()).sealed, name)
    if box is None:
        return {}
    where = place(UUID(entry["company_id"]), UUID(entry["stream_id"]), entry["version"], name)
    try:
        opened: dict[str, Any] = from_json(unseal(box.box, box.commitment, key, where))
    except SealBroken:
        return {}
    return opened


async def test_p04_the_copy_is_what_the_log_tells_about_the_person(proxied: Service, owner_pool: Pool) -> None:
    acme = await acme_of(proxied)
    token = await a_life(acme)
    reply = await exported(acme, token)
    assert reply.status == 200, reply
    told = await told_by_the_log(acme, owner_pool)
    assert told.pop()["type"] == "PersonalDataExported"  # this very copy; the audit trail had not read it yet
    shown = [{name: one[name] for name in told[0]} for one in reply.json["events"]]
    assert shown == told
    assert {"PasswordRejected", "SignedIn", "KeyReset", "PolicyChanged", "UserChanged"} <= {
        one["type"] for one in shown
    }


async def test_p04_it_holds_profile_security_and_sessions(proxied: Service) -> None:
    acme = await acme_of(proxied)
    token = await a_life(acme)
    shown = (await exported(acme, token)).json
    assert (shown["profile"]["login"], shown["profile"]["email"]) == ("uta.admin", "uta.new@acme.example")
    assert shown["profile"]["trusted_networks"] == ["127.0.0.0/8", "198.51.100.0/24"]
    assert shown["security"]["two_factor"] == (await acme.home.call("GET", "/v1/me/two-factor", token)).json
    sessions = (await acme.home.call("GET", "/v1/me/sessions", token)).json["items"]
    assert shown["sessions"] == sessions
    assert {one["ip"] for one in shown["sessions"]} == {"198.51.100.7"}


async def test_p04_nothing_of_anybody_else_is_in_it_and_no_secret(proxied: Service) -> None:
    acme = await acme_of(proxied)
    token = await a_life(acme)
    raw = (await exported(acme, token)).raw
    for theirs in (OTHERS, "203.0.113.9", str(acme.anna.user_id)):
        assert theirs.encode() not in raw, theirs
    assert acme.uta.key is not None
    for secret in (acme.uta.key, token, acme.uta.password, *acme.uta.recovery_codes):
        assert secret.encode() not in raw


async def test_p04_each_copy_is_on_record_with_its_place(proxied: Service) -> None:
    acme = await acme_of(proxied)
    token = await a_life(acme)
    await exported(acme, token)
    found = (await exported(acme, token)).json["events"]
    (copy,) = [one for one in found if one["type"] == "PersonalDataExported"]
    assert (copy["by"], copy["ip"]) == ("yourself", "198.51.100.7")


async def test_p04_it_needs_a_fresh_session_and_leaves_nothing_without(proxied: Service) -> None:
    acme = await acme_of(proxied)
    token = await a_life(acme)
    proxied.clock.advance(minutes=6)
    refused = await exported(acme, token)
    assert refused.code == "step_up_required"
    assert "PersonalDataExported" not in await proxied.event_types(acme.company)


# The same for people.


async def test_p04_the_portal_hands_out_the_same_file(service: Service) -> None:
    company = await service.company()
    uta = await service.person(company, "uta.user", on=True, email="uta@acme.example")
    visitor = visitor_of(service)
    try:
        await visitor.sign_in(uta)
        page = await visitor.get("/profile/settings")
        assert "Meine Daten herunterladen" in page.text
        saved = await visitor.fill(page, "/profile/settings/export")
        assert saved.status == 200
        assert saved.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
        assert saved.headers["Content-Type"] == "application/json"
        assert saved.headers["Cache-Control"] == "no-store"
        found = json.loads(saved.text)
        own = (await service.call("GET", PATH, await service.fresh_sign_in(uta))).json
        assert found.keys() == own.keys()
        assert found["profile"] == own["profile"]

        assert (await visitor.fill(page, "/profile/settings/export")).status == 200  # and once more

        service.clock.advance(minutes=6)
        asked = await visitor.fill(page, "/profile/settings/export")
        assert asked.status == 401
        assert 'name="code"' in asked.text
        forged = await visitor.post("/profile/settings/export", {}, Origin="https://evil.example")
        assert forged.status == 403
    finally:
        await visitor.http.close()
