"""The pages about roles: who sees and changes them, within which rights, and what a role in use says."""

import re
from typing import Final

import pytest

from events.company.policy import Policy
from events.company.roles import BUILT_IN, PROVIDER_ONLY
from tests.support.acme import XSS, Acme, SignedIn, act, proven
from tests.support.scene import HELPDESK, make_role
from tests.support.service import Person
from tests.support.visitor import Shown, Visitor

# Manages roles, and may neither see the audit log nor order reports.
MANAGER: Final = {"users": "full", "policy": "full", "two_factor_others": "full", "own_security": "full"}
NOTHING: Final = dict.fromkeys(
    (
        *("users", "two_factor_others", "sessions_others", "policy", "audit"),
        *("reports", "integrations", "own_security"),
    ),
    "none",
)


async def rights_of(acme: Acme, name: str) -> dict[str, str] | None:
    """Those of a role of the company's own that are not none."""
    company = await acme.service.parts.application.companies.find(acme.uta.company_id)
    role = company.state.own_role(name)
    return {right: level for right, level in role.rights.items() if level != "none"} if role is not None else None


async def facts(acme: Acme) -> list[str]:
    found = await acme.service.event_types(acme.uta.company_id)
    return [kind for kind in found if kind.startswith("Role")]


async def fresh(acme: Acme, signed_in: SignedIn, person: Person) -> Visitor:
    """Somebody who has just proven it again."""
    visitor = await signed_in(person)
    proof = await visitor.fill(await visitor.get("/step-up"), "/step-up", code=acme.service.code(person))
    assert proof.status == 303
    return visitor


def levels(page: Shown, right: str) -> list[str]:
    """What can be chosen for a right."""
    block = page.text.partition(f'<select id="{right}"')[2].partition("</select>")[0]
    return re.findall(r'<option value="(\w+)"', block)


async def test_the_list_shows_every_role_with_its_rights_in_words(acme: Acme, signed_in: SignedIn) -> None:
    await make_role(acme.service, acme.uta.company_id, "helpdesk", HELPDESK)
    anna = await signed_in(acme.anna)
    page = await anna.get("/roles")
    named = re.findall(r'<th scope="row"><a href="/roles/(\w+)">', page.text)
    assert named == [*(name for name in BUILT_IN if name not in PROVIDER_ONLY), "helpdesk"]
    row = page.text.partition('href="/roles/helpdesk"')[2].partition("</tr>")[0]
    said = " ".join(re.sub(r"<[^>]+>", " ", row).split())
    assert said == ">helpdesk Voll Zweiter Faktor anderer, Eigene Sicherheit Ansehen Portalbenutzer"
    assert 'href="/roles"' in (await anna.get("/")).text


async def test_a_role_is_made_changed_and_deleted(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    typed = {**NOTHING, "name": "helpdesk", "users": "view", "two_factor_others": "full"}
    asked = await act(anna, "/roles/add", **typed)
    assert await facts(acme) == []
    done = await proven(anna, asked, "/roles/add", acme.anna)
    assert (done.status, done.headers.get("Location")) == (303, "/roles/helpdesk"), done.text
    assert await rights_of(acme, "helpdesk") == {"users": "view", "two_factor_others": "full"}
    done = await act(anna, "/roles/helpdesk", **NOTHING)
    assert done.headers.get("Location") == "/roles/helpdesk", done.text
    assert await rights_of(acme, "helpdesk") == {}
    assert "Die Rechte wurden geändert." in (await anna.get("/roles/helpdesk")).text
    done = await act(anna, "/roles/helpdesk/delete")
    assert done.headers.get("Location") == "/roles", done.text
    assert await rights_of(acme, "helpdesk") is None
    assert await facts(acme) == ["RoleCreated", "RoleChanged", "RoleDeleted"]
    assert (await anna.get("/roles/helpdesk")).status == 404


@pytest.mark.parametrize("name", ["", "Help", "1st", "_x", "help desk", XSS, "x" * 65, "ü"])
async def test_what_is_no_name_is_said_at_its_field_and_the_rest_stays(
    acme: Acme, signed_in: SignedIn, name: str
) -> None:
    anna = await fresh(acme, signed_in, acme.anna)
    answer = await act(anna, "/roles/add", **{**NOTHING, "audit": "view"}, name=name)
    assert (answer.status, 'id="name-wrong"' in answer.text) == (422, True)
    assert '<option value="view" selected>' in answer.text.partition('<select id="audit"')[2].partition("</select>")[0]
    assert XSS not in answer.text
    assert await facts(acme) == []


@pytest.mark.parametrize("name", ["administrator", "operator", "helpdesk"])
async def test_a_name_that_is_taken_is_said_at_its_field(acme: Acme, signed_in: SignedIn, name: str) -> None:
    await make_role(acme.service, acme.uta.company_id, "helpdesk", HELPDESK)
    anna = await fresh(acme, signed_in, acme.anna)
    answer = await act(anna, "/roles/add", **NOTHING, name=name)
    assert (answer.status, 'id="name-wrong"' in answer.text) == (409, True), answer.text


async def test_a_form_that_is_sent_twice_makes_one_role(acme: Acme, signed_in: SignedIn) -> None:
    anna = await fresh(acme, signed_in, acme.anna)
    fields = {**(await anna.get("/roles/add")).form("/roles/add").fields, **NOTHING, "name": "helpdesk"}
    both = [await anna.post("/roles/add", fields) for _ in range(2)]
    assert [answer.status for answer in both] == [303, 303]
    asked = (await anna.get("/roles/helpdesk/delete")).form("/roles/helpdesk/delete").fields
    both = [await anna.post("/roles/helpdesk/delete", asked) for _ in range(2)]
    assert [answer.headers.get("Location") for answer in both] == ["/roles", "/roles"]
    assert "Das ist schon geschehen" in (await anna.get("/roles")).text
    assert await facts(acme) == ["RoleCreated", "RoleDeleted"]


async def test_nobody_gives_or_takes_a_right_above_the_own_ones(acme: Acme, signed_in: SignedIn) -> None:
    company = acme.uta.company_id
    await make_role(acme.service, company, "manager", MANAGER)
    await make_role(acme.service, company, "reader", {"audit": "view"})
    mara = await acme.service.person(company, "mara.manager", "manager", on=True)
    visitor = await fresh(acme, signed_in, mara)
    page = await visitor.get("/roles/add")
    assert levels(page, "users") == ["none", "view", "full"]
    assert levels(page, "audit") == levels(page, "companies") == []
    fields = {**page.form("/roles/add").fields, "name": "above", "audit": "view"}
    assert (await visitor.post("/roles/add", fields)).status == 403
    shown = await visitor.get("/roles/reader")
    assert (shown.status, "<fieldset disabled>" in shown.text) == (200, True)
    assert "Diese Rolle hat Rechte, die Sie nicht haben" in shown.text
    token = shown.forms[0].fields["form_token"]
    for path in ("/roles/reader", "/roles/reader/delete"):
        answer = await visitor.post(path, {"form_token": token, **({"audit": "none"} if path[-1] == "r" else {})})
        assert answer.status in (403, 412), (path, answer.text)
    assert await rights_of(acme, "reader") == {"audit": "view"}
    assert await rights_of(acme, "above") is None


async def test_built_in_roles_stay_as_they_are(acme: Acme, signed_in: SignedIn) -> None:
    anna = await fresh(acme, signed_in, acme.anna)
    for name in BUILT_IN:
        page = await anna.get(f"/roles/{name}")
        assert page.status == (404 if name in PROVIDER_ONLY else 200), name
    page = await anna.get("/roles/user")
    assert ("<fieldset disabled>" in page.text, "/roles/user/delete" in page.text) == (True, False)
    assert "Diese Rolle ist fest eingebaut" in page.text
    fields = page.form("/roles/user").fields
    answer = await anna.post("/roles/user", {**fields, **NOTHING})
    assert (answer.status, "Diese Rolle ist fest eingebaut" in answer.text) == (409, True), answer.text
    assert (await anna.get("/roles/user/delete")).headers["Location"] == "/roles/user"
    seen = {name: fields[name] for name in ("form_token", "seen")}
    assert (await anna.post("/roles/user/delete", seen)).status in (303, 409)
    assert await facts(acme) == []


async def test_a_role_in_use_is_not_deleted_and_the_page_says_who_has_it(acme: Acme, signed_in: SignedIn) -> None:
    service, company = acme.service, acme.uta.company_id
    await make_role(service, company, "helpdesk", HELPDESK)
    anna = await fresh(acme, signed_in, acme.anna)
    asked = await anna.get("/roles/helpdesk/delete")
    assert 'class="danger">' in asked.text
    await service.person(company, "hedy.help", "helpdesk")
    answer = await anna.fill(asked, "/roles/helpdesk/delete")
    assert (answer.status, "Benutzer haben diese Rolle" in answer.text) == (409, True), answer.text
    assert '<a href="/users?role=helpdesk">1 Benutzer hat diese Rolle.</a>' in answer.text
    assert 'class="danger" disabled>' in answer.text
    assert await rights_of(acme, "helpdesk") is not None
    await make_role(service, company, "named", HELPDESK)
    await service.parts.console.change_policy(company, Policy(requirement="required_for_roles", roles=("named",)))
    page = await anna.get("/roles/named/delete")
    assert '<a href="/policy">Die Sicherheitsrichtlinie nennt sie.</a>' in page.text


async def test_whoever_has_the_role_is_signed_out_and_the_page_says_so_before(acme: Acme, signed_in: SignedIn) -> None:
    service, company = acme.service, acme.uta.company_id
    await make_role(service, company, "helpdesk", HELPDESK)
    hedy = await service.person(company, "hedy.help", "helpdesk", on=True)
    session = await service.fresh_sign_in(hedy)
    anna = await fresh(acme, signed_in, acme.anna)
    page = await anna.get("/roles/helpdesk")
    assert "Wer diese Rolle hat, wird abgemeldet" in page.text
    assert (await anna.fill(page, "/roles/helpdesk", audit="view")).status == 303
    assert (await service.call("GET", "/v1/me", session)).status == 401
    assert (await anna.get("/roles")).status == 200


async def test_a_role_that_somebody_else_changed_meanwhile_is_not_overwritten(acme: Acme, signed_in: SignedIn) -> None:
    await make_role(acme.service, acme.uta.company_id, "helpdesk", HELPDESK)
    anna = await fresh(acme, signed_in, acme.anna)
    page, asked = await anna.get("/roles/helpdesk"), await anna.get("/roles/helpdesk/delete")
    assert (await anna.fill(page, "/roles/helpdesk", audit="view")).status == 303
    for shown, path in ((page, "/roles/helpdesk"), (asked, "/roles/helpdesk/delete")):
        answer = await anna.post(path, {**shown.form(path).fields, "once": "z" * 32})
        assert (answer.status, "Jemand anderes hat das" in answer.text) == (412, True), (path, answer.text)
    assert await rights_of(acme, "helpdesk") == {**HELPDESK, "audit": "view"}


async def test_whoever_could_not_take_it_back_is_asked_first(acme: Acme, signed_in: SignedIn) -> None:
    company = acme.uta.company_id
    await make_role(acme.service, company, "manager", MANAGER)
    mara = await acme.service.person(company, "mara.manager", "manager", on=True)
    visitor = await fresh(acme, signed_in, mara)
    page = await visitor.get("/roles/manager")
    fields = {**page.form("/roles/manager").fields, "policy": "view"}
    del fields["confirm"]
    refused = await visitor.post("/roles/manager", fields)
    assert (refused.status, 'id="confirm-wrong"' in refused.text) == (409, True), refused.text
    assert await rights_of(acme, "manager") == MANAGER
    done = await visitor.fill(refused, "/roles/manager", policy="view", confirm="on")
    assert done.status == 303
    assert await rights_of(acme, "manager") == {**MANAGER, "policy": "view"}
    page = await visitor.get("/roles/manager")
    assert "Ihre Rolle darf das ansehen" in page.text


async def test_who_only_sees_users_sees_roles_without_effect(acme: Acme, signed_in: SignedIn) -> None:
    company = acme.uta.company_id
    await make_role(acme.service, company, "helpdesk", HELPDESK)
    hedy = await signed_in(await acme.service.person(company, "hedy.help", "helpdesk", on=True))
    page = await hedy.get("/roles")
    assert ("Ihre Rolle darf das ansehen" in page.text, 'href="/roles/add"' in page.text) == (True, False)
    page = await hedy.get("/roles/helpdesk")
    assert "<fieldset disabled>" in page.text
    token = page.forms[0].fields["form_token"]
    for path in ("/roles/add", "/roles/helpdesk/delete"):
        assert (await hedy.get(path)).status == 403, path
    for path in ("/roles/add", "/roles/helpdesk", "/roles/helpdesk/delete"):
        assert (await hedy.post(path, {"form_token": token})).status == 403, path
    uta = await signed_in(acme.uta)
    assert (await uta.get("/roles")).status == (await uta.get("/roles/user")).status == 403


async def test_without_an_own_factor_roles_are_only_looked_at(acme: Acme, signed_in: SignedIn) -> None:
    adam = await signed_in(await acme.service.person(acme.uta.company_id, "adam.admin", "administrator"))
    page = await adam.get("/roles")
    assert ("Dafür brauchen Sie selbst" in page.text, 'href="/roles/add"' in page.text) == (True, False)
    assert (await adam.get("/roles/add")).status == 403


async def test_roles_are_of_their_company_and_the_provider_looks(acme: Acme, signed_in: SignedIn) -> None:
    service = acme.service
    await make_role(service, acme.uta.company_id, "helpdesk", HELPDESK)
    bea = await signed_in(await service.person(await service.company("Beta AG"), "bea.beta", "administrator", on=True))
    assert "helpdesk" not in (await bea.get("/roles")).text
    assert (await bea.get("/roles/helpdesk")).status == 404
    provider = await service.company("Nordlicht Telekom", provider=True)
    olga = await signed_in(await service.person(provider, "olga.operator", "operator", on=True))
    place = f"/companies/{acme.uta.company_id}"
    for path in ("/roles", "/roles/helpdesk"):
        page = await olga.get(place + path)
        assert (page.status, "legen seine eigenen Administratoren an" in page.text) == (200, True), path
    token = (await olga.get("/profile/settings")).forms[0].fields["form_token"]
    assert (await olga.post(f"{place}/roles/helpdesk", {"form_token": token})).status == 405
    assert (await olga.get("/roles/helpdesk")).status == 404
    for nothing in ("x" * 65, "Help", "%3Cscript%3E", "..%2Fusers"):
        assert (await olga.get(f"/roles/{nothing}")).status == 404, nothing
