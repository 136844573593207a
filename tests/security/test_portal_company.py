"""The pages about a company: many users at once, policy, audit log, coverage, and the provider in other companies."""

import re
from datetime import timedelta
from html import unescape
from typing import Final
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from events.company.policy import Policy
from events.company.roles import BUILT_IN, Level, Right
from services.portal.routes import ROUTES
from tests.support.acme import XSS, Acme, SignedIn, act, proven
from tests.support.scene import make_role
from tests.support.service import PASSWORD, Person, Service
from tests.support.visitor import Shown, Visitor, visitor_of
from workers.projector import Projector

ALL: Final = [("requirement", "required"), ("grace_days", "0"), ("order_hours", "72"), ("networks", "")]


@pytest_asyncio.fixture
async def olga(service: Service) -> Person:
    return await service.person(
        await service.company("Nordlicht Telekom", provider=True), "olga.operator", "operator", on=True
    )


async def many(visitor: Visitor, path: str, pairs: list[tuple[str, str]]) -> Shown:
    """As a browser sends several values of one name."""
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": visitor.service.url}
    return await visitor._send("POST", path, data=pairs, headers=headers)


# Many at once.


async def test_one_act_on_many_tells_what_became_of_each(acme: Acme, signed_in: SignedIn) -> None:
    service, company = acme.service, acme.uta.company_id
    udo = await service.person(company, "udo.user")
    bert = await service.person(await service.company("Beta AG"), "bert.user", on=True)
    anna = await signed_in(acme.anna)
    page = await anna.get("/users")
    token = page.form("/users/many/choice").fields["form_token"]
    nobody = await many(anna, "/users/many/choice", [("form_token", token), ("act", "reset")])
    assert (nobody.status, "Bitte wählen Sie mindestens einen Benutzer." in nobody.text) == (422, True)
    users = [acme.uta, udo, acme.anna, bert]
    chosen = [("user_id", str(person.user_id)) for person in users]
    asked = await many(anna, "/users/many/choice", [("form_token", token), ("act", "reset"), *chosen])
    assert asked.status == 200, asked.text
    assert "bert.user" not in asked.text
    ids = re.findall(r'name="user_id" value="([^"]+)"', asked.text)
    assert ids == [str(person.user_id) for person in users[:3]]
    fields = [("form_token", token), ("once", "x" * 32), ("act", "reset"), *chosen]
    wrong = await many(anna, "/users/many/act", [*fields, ("reason", " ")])
    assert (wrong.status, 'id="reason-wrong"' in wrong.text) == (422, True)
    assert re.findall(r'name="user_id" value="([^"]+)"', wrong.text) == ids
    proof = await many(anna, "/users/many/act", [*fields, ("reason", "lost phones")])
    kept = [(name, unescape(value)) for name, value in re.findall(r'name="(kept\.[^"]+)" value="([^"]*)"', proof.text)]
    send = [("form_token", token), ("once", "y" * 32), ("step_up", "1"), *kept, ("code", service.code(acme.anna))]
    done = await many(anna, "/users/many/act", send)
    assert done.status == 200, done.text
    results = re.findall(r'<a href="/users/[^"]+">([^<]+)</a></th>\s*<td><span class="badge (\w+)">', done.text)
    assert results == [("uta.user", "good"), ("udo.user", "bad"), ("anna.admin", "bad"), ("–", "bad")]
    types = await service.event_types(company)
    assert (types.count("KeyReset"), types.count("AccessDenied")) == (1, 1)
    assert "KeyReset" not in await service.event_types(bert.company_id)


# The policy.


async def test_before_a_policy_is_saved_those_concerned_are_named(acme: Acme, signed_in: SignedIn) -> None:
    await acme.service.person(acme.uta.company_id, "udo.user")
    await make_role(acme.service, acme.uta.company_id, "reader", {"policy": "view", "own_security": "full"})
    rita = await signed_in(await acme.service.person(acme.uta.company_id, "rita.reader", "reader", on=True))
    anna = await signed_in(acme.anna)
    page = await anna.get("/policy")
    assert "Speichern" not in page.text
    typed = dict(ALL)
    tried = await anna.fill(only(page), "/policy/dry-run", **typed)
    assert (tried.status, "<strong>udo.user</strong>" in tried.text) == (200, True), tried.text
    assert "uta.user" not in tried.text
    assert "PolicyChanged" not in await acme.service.event_types(acme.uta.company_id)
    fields = {**only(tried).form("/policy/dry-run").fields, **typed, "reason": "ISO 27001"}
    other = await anna.post("/policy", {**fields, "grace_days": "14"})
    other = await proven(anna, other, "/policy", acme.anna)
    assert (other.status, "Noch ist nichts gespeichert." in other.text) == (200, True), "another one than was tried"
    done = await anna.post("/policy", {**fields, "once": "z" * 32})
    assert (done.status, done.headers.get("Location")) == (303, "/policy"), done.text
    state = await acme.service.parts.application.companies.find(acme.uta.company_id)
    assert state.state.policy == Policy(requirement="required")
    history = await anna.get("/policy/history")
    assert "Pflicht für alle" in history.text
    assert 'data-label="Geändert durch">anna.admin (' in history.text
    history = await rita.get("/policy/history")
    assert ("Geändert durch" in history.text, "anna.admin" in history.text) == (True, False)


def only(page: Shown) -> Shown:
    """Without boxes: a browser sends those only that are ticked."""
    text = re.sub(r'<input type="checkbox"[^>]*>', "", page.text)
    return Shown(page.status, page.headers, text, page.path)


async def test_whoever_is_concerned_is_told_so_and_has_to_confirm(acme: Acme, signed_in: SignedIn) -> None:
    adam = await acme.service.person(acme.uta.company_id, "adam.admin", "administrator")
    visitor = await signed_in(adam)
    assert "Dafür brauchen Sie selbst" in (await visitor.get("/policy")).text
    token = (await visitor.get("/profile/settings")).forms[0].fields["form_token"]
    shown = await visitor.post("/policy/dry-run", {"form_token": token, **dict(ALL)})
    assert "Das betrifft auch Sie" in shown.text
    assert re.search(r"<strong>adam.admin</strong> <span[^>]+>Sie</span>", shown.text)
    assert (await visitor.post("/policy", {"form_token": token, **dict(ALL)})).status == 403


async def test_a_policy_that_somebody_else_changed_meanwhile_is_not_overwritten(
    acme: Acme, signed_in: SignedIn
) -> None:
    anna = await signed_in(acme.anna)
    tried = await anna.fill(only(await anna.get("/policy")), "/policy/dry-run", **dict(ALL))
    await acme.service.parts.console.change_policy(acme.uta.company_id, Policy(grace_days=3))
    fields = {**only(tried).form("/policy/dry-run").fields, **dict(ALL)}
    answer = await proven(anna, await anna.post("/policy", fields), "/policy", acme.anna)
    assert (answer.status, "Jemand anderes hat das" in answer.text) == (412, True), answer.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grace_days", "-1"),
        ("grace_days", "x"),
        ("order_hours", "0"),
        ("networks", "192.0.2.1/24"),
        ("from_day", "never"),
        ("password_max_age_days", "1.5"),
        ("roles", "pope"),
        ("requirement", XSS),
    ],
)
async def test_what_is_no_policy_is_said_at_its_field(acme: Acme, signed_in: SignedIn, name: str, value: str) -> None:
    anna = await signed_in(acme.anna)
    token = (await anna.get("/policy")).forms[0].fields["form_token"]
    typed = {**dict(ALL), "requirement": "required_for_roles", "roles": "user", name: value}
    answer = await anna.post("/policy/dry-run", {"form_token": token, **typed})
    assert answer.status == 422
    assert f'id="{name}-wrong"' in answer.text
    assert XSS not in answer.text


# The audit log.


async def project(service: Service) -> None:
    """The company's facts come as far as the list, as a worker brings them there."""
    await Projector(service.parts.pool, service.parts.wrapper).project()


async def test_the_audit_log_tells_in_sentences_and_is_narrowed_by_its_address(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    await proven(anna, await act(anna, acme.path("reset"), reason=XSS), acme.path("reset"), acme.anna)
    await project(acme.service)
    page = await anna.get("/audit")
    assert "<strong>uta.user</strong>: Der Schlüssel wurde zurückgesetzt" in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script>alert" not in page.text
    for narrowed in ("type=KeyReset", f"user={acme.uta.user_id}&type=KeyReset", f"actor={acme.anna.user_id}&q=script"):
        assert kinds(await anna.get(f"/audit?{narrowed}")) == ["KeyReset"], narrowed
    assert kinds(await anna.get("/audit?from=2001-01-01&to=2001-01-02")) == []
    assert "Nichts passt zu dieser Suche." in (await anna.get("/audit?ip=192.0.2.77")).text
    day = acme.service.clock.now().date().isoformat()
    assert "KeyReset" in kinds(await anna.get(f"/audit?from=2001-01-01&to={day[:4]}-12-31"))
    everything = kinds(page)
    for nonsense in ("type=x", "user=x", "actor=x", "from=x", "to=9999-12-31", "before=x", "unknown=1", "q=%00"):
        assert kinds(await anna.get(f"/audit?{nonsense}")) == everything, nonsense


async def test_the_audit_log_is_read_page_by_page(acme: Acme, signed_in: SignedIn) -> None:
    for n in range(60):
        await acme.service.parts.console.create_user(
            acme.uta.company_id, login=f"user.{n:03}", role="user", password=PASSWORD
        )
    await project(acme.service)
    anna = await signed_in(acme.anna)
    page = await anna.get("/audit?type=UserCreated")
    assert len(kinds(page)) == 50
    older = re.search(r'rel="next" href="([^"]+)"', page.text)
    assert older is not None
    second = await anna.get(unescape(older[1]))
    assert len(kinds(second)) == 12
    assert 'href="/audit?type=UserCreated"' in second.text
    newer = re.search(r'rel="prev" href="([^"]+)"', second.text)
    assert newer is not None
    again = await anna.get(unescape(newer[1]))
    assert positions(again) == positions(page) != positions(second)
    assert 'rel="prev"' not in again.text


@pytest.mark.parametrize("way", ["x", "1.x.2", ".", "9" * 30, "1." * 60, "0"])
async def test_a_way_back_that_is_none_of_ours_leads_nowhere_worse(acme: Acme, signed_in: SignedIn, way: str) -> None:
    await project(acme.service)
    anna = await signed_in(acme.anna)
    page = await anna.get(f"/audit?before=5&back={way}")
    assert page.status == 200
    for address in re.findall(r'<a class="button[^>]+href="([^"]+)"', page.text):
        assert len(address) < 200
        assert (await anna.get(unescape(address))).status == 200


async def test_auditors_read_the_log_and_nobody_else_without_the_right(acme: Acme, signed_in: SignedIn) -> None:
    axel = await signed_in(await acme.service.person(acme.uta.company_id, "axel.audit", "auditor", on=True))
    assert (await axel.get("/audit")).status == 200
    assert (await axel.get("/users")).status == 403
    uta = await signed_in(acme.uta)
    assert (await uta.get("/audit")).status == 403


def positions(page: Shown) -> list[str]:
    return re.findall(r"<dt>Stelle im Protokoll</dt><dd>(\d+)</dd>", page.text)


def kinds(page: Shown) -> list[str]:
    return re.findall(r"<dt>Art</dt><dd>(\w+)</dd>", page.text)


# Coverage.


async def test_the_start_page_shows_administrators_how_the_company_stands(acme: Acme, signed_in: SignedIn) -> None:
    service, company = acme.service, acme.uta.company_id
    await service.person(company, "udo.user")
    lea = await service.person(company, "lea.locked", on=True)
    pending = await service.pending(lea)
    for _ in range(5):
        await service.give(pending, service.wrong_code(lea))
    visitor = visitor_of(service)
    await visitor.sign_in(acme.anna)
    page = await visitor.get("/")
    await visitor.http.close()
    assert shares(page) == {"good": 2, "waiting": 0, "bad": 1, "exempt": 0, "off": 1}
    assert "<strong>50 %</strong>" in page.text
    assert f'href="/users/{lea.user_id}/security">lea.locked</a>' in page.text
    assert '<rect class="good" x="0.00"' in page.text
    uta = await signed_in(acme.uta)
    assert "Schutz des Unternehmens" not in (await uta.get("/")).text


async def test_the_start_page_shows_those_who_see_the_audit_log_how_busy_the_door_was(
    acme: Acme, signed_in: SignedIn
) -> None:
    service = acme.service
    for _ in range(3):
        await service.call("POST", "/v1/sign-ins", None, {"login": acme.uta.login, "password": "wrong password"})
    await project(service)
    axel = await signed_in(await service.person(acme.uta.company_id, "axel.audit", "auditor", on=True))
    await project(service)
    page = await axel.get("/")
    days = re.findall(r'<tr><th scope="row">([^<]+)</th><td class="number">(\d+)</td>', page.text)
    assert len(days) == 14
    refused = re.findall(r'<td class="number">\d+</td><td class="number">(\d+)</td></tr>', page.text)
    assert refused == ["3"] + ["0"] * 13
    trail = await service.event_types(acme.uta.company_id)
    assert int(days[0][1]) == trail.count("SignedIn") > 0
    assert f"<strong>{trail.count('SignedIn')}</strong> Anmeldungen" in page.text
    assert f"<title>{days[0][0]}: 3</title>" in page.text
    uta = await signed_in(acme.uta)
    assert "Anmeldungen im Unternehmen" not in (await uta.get("/")).text


async def test_a_day_of_sign_ins_is_a_day_of_the_reader(acme: Acme, signed_in: SignedIn) -> None:
    service, owner = acme.service, acme.service.parts.pool
    anna = await signed_in(acme.anna)
    now = service.clock.now()
    begin = now.astimezone(ZoneInfo("Europe/Berlin")).replace(hour=0, minute=0, second=0, microsecond=0)
    hours = [(begin - timedelta(days=13)), begin - timedelta(hours=1), begin, begin - timedelta(days=13, hours=1)]
    for number, hour in enumerate(hours, 1):
        await owner.execute(
            "INSERT INTO sign_in_hour (company_id, hour, refused, events) VALUES ($1, $2, true, $3)",
            acme.uta.company_id,
            hour,
            number,
        )
    page = await anna.get("/")
    refused = re.findall(r'<td class="number">\d+</td><td class="number">(\d+)</td></tr>', page.text)
    assert refused == ["3", "2", *["0"] * 11, "1"]


def shares(page: Shown) -> dict[str, int]:
    first_table = page.text.partition("</table>")[0]
    rows = re.findall(
        r'<span class="dot (\w+)"[^>]*></span>.*?</th>\s*<td class="number">(\d+)</td>', first_table, re.S
    )
    return {name: int(number) for name, number in rows}


# The provider.


async def test_companies_are_the_providers_matter(acme: Acme, olga: Person, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    assert 'href="/companies"' not in (await anna.get("/")).text
    token = (await anna.get("/profile/settings")).forms[0].fields["form_token"]
    for route in ROUTES:
        if not route.path.startswith("/companies"):
            continue
        for company in (acme.uta.company_id, olga.company_id, uuid4()):
            path = route.path.replace("{company_id}", str(company)).replace("{user_id}", str(acme.uta.user_id))
            path = path.replace("{session_id}", str(uuid4())).replace("{role_id}", "user")
            path = path.replace("{report_id}", str(uuid4()))
            answer = await (anna.post(path, {"form_token": token}) if route.is_act else anna.get(path))
            assert answer.status == 403, (route.path, company)


async def test_the_provider_acts_elsewhere_under_a_banner_and_stays_there(
    acme: Acme, olga: Person, signed_in: SignedIn
) -> None:
    visitor = await signed_in(olga)
    page = await visitor.get("/companies")
    assert f'href="/companies/{acme.uta.company_id}">Acme GmbH</a>' in page.text
    place = f"/companies/{acme.uta.company_id}"
    for rest in ("", "/users", "/users/add", "/policy", "/policy/history", "/audit", "/reports", *user_pages(acme.uta)):
        page = await visitor.get(place + rest)
        assert page.status == 200, (rest, page.text)
        assert "Sie handeln als Anbieter in Acme GmbH." in page.text, rest
        # What warns of the end of the own session leads to the own sessions.
        content = re.sub(r"<template.*?</template>", "", page.text.partition('<main id="content">')[2], flags=re.DOTALL)
        for address in re.findall(r'(?:href|action|formaction)="(/[^"]*)"', content):
            assert address.startswith((place, "/companies")), (rest, address)
    path = f"{place}/users/{acme.uta.user_id}/reset"
    answer = await proven(visitor, await act(visitor, path, reason="on request"), path, olga)
    assert answer.headers["Location"] == f"{place}/users/{acme.uta.user_id}/security"
    reset = next(fact for fact in await acme.service.events(acme.uta.company_id) if fact["type"] == "KeyReset")
    assert (reset["actor"]["kind"], reset["actor"]["id"]) == ("provider", str(olga.user_id))


def user_pages(person: Person) -> list[str]:
    tabs = ("settings", "security", "sessions", "activity", "enable", "networks", "exception", "erase", "deactivate")
    return [f"/users/{person.user_id}/{tab}" for tab in tabs]


async def test_users_are_found_in_their_own_company_only(acme: Acme, olga: Person, signed_in: SignedIn) -> None:
    beta = await acme.service.company("Beta AG")
    visitor = await signed_in(olga)
    assert (await visitor.get(f"/companies/{beta}/users/{acme.uta.user_id}/security")).status == 404
    assert (await visitor.get(f"/users/{acme.uta.user_id}/security")).status == 404
    assert (await visitor.get(f"/companies/{uuid4()}/users")).status == 404
    assert (await visitor.get("/companies/x/users")).status == 404
    assert "uta.user" not in (await visitor.get(f"/companies/{beta}/users")).text


async def test_a_company_is_added_renamed_suspended_and_resumed(acme: Acme, olga: Person, signed_in: SignedIn) -> None:
    visitor = await signed_in(olga)
    answer = await act(visitor, "/companies/add", name=XSS)
    answer = await proven(visitor, answer, "/companies/add", olga)
    assert answer.status == 303, answer.text
    place = answer.headers["Location"]
    for path in ("/companies", place, f"{place}/users", f"{place}/suspend"):
        page = await visitor.get(path)
        assert page.status == 200
        assert "<script>alert" not in page.text, path
        assert "<img src=x" not in page.text, path
    renamed = await visitor.fill(await visitor.get(place), place, name="Gamma KG")
    assert renamed.headers["Location"] == place
    assert "Gamma KG" in (await visitor.get(place)).text
    at = f"/companies/{acme.uta.company_id}"
    assert (await act(visitor, f"{at}/suspend", reason="")).status == 422
    session = await acme.service.fresh_sign_in(acme.uta)
    assert (await act(visitor, f"{at}/suspend", reason="unpaid")).headers["Location"] == at
    assert (await acme.service.call("GET", "/v1/me", session)).status == 401
    assert "Gesperrt" in (await visitor.get("/companies")).text
    assert (await act(visitor, f"{at}/resume", reason="paid")).headers["Location"] == at
    assert "CompanyResumed" in await acme.service.event_types(acme.uta.company_id)


async def test_pages_lead_through_all_companies_and_back(service: Service, olga: Person, signed_in: SignedIn) -> None:
    for n in range(44):
        await service.company(f"Firma {n:02}")
    visitor = await signed_in(olga)
    pages = [await visitor.get("/companies")]
    while later := re.search(r'rel="next" href="([^"]+)"', pages[-1].text):
        pages.append(await visitor.get(unescape(later[1])))
    assert [len(companies(page)) for page in pages] == [20, 20, 5]
    assert 'rel="prev"' not in pages[0].text
    everybody = [name for page in pages for name in companies(page)]
    assert everybody == sorted(everybody)
    back = pages[-1]
    for page in (pages[1], pages[0]):
        earlier = re.search(r'rel="prev" href="([^"]+)"', back.text)
        assert earlier is not None
        back = await visitor.get(unescape(earlier[1]))
        assert companies(back) == companies(page)
    assert 'rel="prev"' not in back.text
    for nonsense in ("after=x", f"before={uuid4()}", "before="):
        assert companies(await visitor.get(f"/companies?{nonsense}")) == companies(pages[0]), nonsense


def companies(page: Shown) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/companies/[^"]+">([^<]+)</a>', page.text)


async def test_a_company_form_that_is_sent_twice_makes_one_company(olga: Person, signed_in: SignedIn) -> None:
    visitor = await signed_in(olga)
    await proven(visitor, await act(visitor, "/companies/add", name="Erste"), "/companies/add", olga)
    fields = {**(await visitor.get("/companies/add")).form("/companies/add").fields, "name": "Gamma KG"}
    both = [await visitor.post("/companies/add", fields) for _ in range(2)]
    assert [answer.status for answer in both] == [303, 303]
    page = await visitor.get("/companies")
    assert page.text.count("Gamma KG") == 1


async def test_the_providers_auditor_looks_and_changes_nothing(acme: Acme, olga: Person, signed_in: SignedIn) -> None:
    paul = await acme.service.person(olga.company_id, "paul.auditor", "provider_auditor", on=True)
    visitor = await signed_in(paul)
    assert BUILT_IN["provider_auditor"][Right.COMPANIES] is Level.VIEW
    page = await visitor.get("/companies")
    assert (page.status, "Ihre Rolle darf das ansehen" in page.text) == (200, True)
    at = f"/companies/{acme.uta.company_id}"
    page = await visitor.get(at)
    assert (page.status, "<fieldset disabled>" in page.text, f"{at}/suspend" in page.text) == (200, True, False)
    assert (await visitor.get(f"{at}/audit")).status == 200
    assert (await visitor.get(f"{at}/users")).status == 403
    assert (await visitor.get(f"{at}/suspend")).status == 403
