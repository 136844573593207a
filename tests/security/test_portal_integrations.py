"""The pages about API clients: who makes them within which rights, tokens shown once, and what ends them."""

import re

import pytest

from events.company.scopes import Scope
from tests.support.acme import XSS, Acme, SignedIn, act, proven
from tests.support.scene import make_client, make_role
from tests.support.visitor import Shown


def token_of(page: Shown) -> str:
    found = re.search(r'id="secret">([^<]+)<', page.text)
    assert found is not None, page.text
    return found[1]


def names(page: Shown) -> list[str]:
    return re.findall(r'<th scope="row">([^<]+)<', page.text)


async def facts(acme: Acme) -> list[str]:
    found = await acme.service.event_types(acme.uta.company_id)
    return [kind for kind in found if kind.startswith("ApiClient")]


async def works(acme: Acme, token: str) -> bool:
    return (await acme.service.call("GET", "/v1/users", token)).status == 200


async def test_a_client_is_made_rotated_and_revoked_and_each_token_is_shown_once(
    acme: Acme, signed_in: SignedIn
) -> None:
    anna = await signed_in(acme.anna)
    assert "Es gibt noch keine API-Clients." in (await anna.get("/integrations")).text
    asked = await act(anna, "/integrations/add", name="Telefonbuch", scopes="users.read", networks="127.0.0.0/8")
    assert await facts(acme) == []
    made = await proven(anna, asked, "/integrations/add", acme.anna)
    assert made.status == 200, made.text
    first = token_of(made)
    assert await works(acme, first)
    page = await anna.get("/integrations")
    assert (names(page), first in page.text) == (["Telefonbuch"], False)
    assert "Benutzer sehen" in page.text
    assert "127.0.0.0/8" in page.text
    rotate = re.search(r'href="(/integrations/[^"]+/rotate)"', page.text)
    assert rotate is not None
    assert "gilt sofort nicht mehr" in (await anna.get(rotate[1])).text
    second = token_of(await act(anna, rotate[1]))
    assert (await works(acme, first), await works(acme, second)) == (False, True)
    revoke = rotate[1].replace("rotate", "revoke")
    done = await act(anna, revoke)
    assert (done.status, done.headers.get("Location")) == (303, "/integrations")
    assert not await works(acme, second)
    page = await anna.get("/integrations")
    assert (names(page), "Sein Token gilt nicht mehr." in page.text) == ([], True)
    assert (await anna.get(revoke)).status == 404
    assert await facts(acme) == ["ApiClientCreated", "ApiClientRotated", "ApiClientRevoked"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", " "),
        ("name", "x" * 101),
        ("scopes", ""),
        ("scopes", "users.everything"),
        ("expires_at", "2001-01-01"),
        ("expires_at", "soon"),
        ("networks", "192.0.2.1/24"),
        ("networks", XSS),
    ],
)
async def test_what_is_no_client_is_said_at_its_field(acme: Acme, signed_in: SignedIn, name: str, value: str) -> None:
    anna = await signed_in(acme.anna)
    await anna.fill(await anna.get("/step-up"), "/step-up", code=acme.service.code(acme.anna))
    fields = (await anna.get("/integrations/add")).form("/integrations/add").fields
    del fields["scopes"]
    typed = {"name": "Telefonbuch", "scopes": "users.read", name: value}
    sent = {key: given for key, given in typed.items() if given}
    answer = await anna.post("/integrations/add", {**fields, **sent})
    assert (answer.status, f'id="{name}-wrong"' in answer.text) == (422, True), answer.text
    assert XSS not in answer.text
    assert await facts(acme) == []


async def test_scopes_are_given_within_the_own_rights(acme: Acme, signed_in: SignedIn) -> None:
    company = acme.uta.company_id
    await make_role(
        acme.service, company, "integrator", {"integrations": "full", "audit": "view", "own_security": "full"}
    )
    ida = await acme.service.person(company, "ida.integrator", "integrator", on=True)
    visitor = await signed_in(ida)
    await visitor.fill(await visitor.get("/step-up"), "/step-up", code=acme.service.code(ida))
    page = await visitor.get("/integrations/add")
    offered = set(re.findall(r'name="scopes" value="([^"]+)"', page.text))
    assert offered == {"sign_ins.write", "audit.read"}
    above = {**page.form("/integrations/add").fields, "name": "x", "scopes": "users.read"}
    assert (await visitor.post("/integrations/add", above)).status == 403
    client = await make_client(acme.service, company, Scope.USERS_READ, Scope.USERS_WRITE)
    token = page.forms[0].fields["form_token"]
    assert (await visitor.post(f"/integrations/{client.id}/rotate", {"form_token": token})).status == 403
    assert await works(acme, client.token)


async def test_a_client_form_that_is_sent_twice_makes_one_client(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    await anna.fill(await anna.get("/step-up"), "/step-up", code=acme.service.code(acme.anna))
    fields = {**(await anna.get("/integrations/add")).form("/integrations/add").fields, "name": XSS}
    first, second = [await anna.post("/integrations/add", {**fields, "scopes": "users.read"}) for _ in range(2)]
    assert (first.status, second.status, second.headers.get("Location")) == (200, 303, "/integrations")
    assert await facts(acme) == ["ApiClientCreated"]
    for page in (first, await anna.get("/integrations")):
        assert "&lt;script&gt;" in page.text
        assert "<script>alert" not in page.text


async def test_clients_are_of_their_company_and_of_those_with_the_right(acme: Acme, signed_in: SignedIn) -> None:
    service, company = acme.service, acme.uta.company_id
    client = await make_client(service, company, Scope.USERS_READ)
    acts = [f"/integrations/{client.id}/{name}" for name in ("rotate", "revoke")]
    beta = await service.person(await service.company("Beta AG"), "bea.beta", "administrator", on=True)
    bea = await signed_in(beta)
    await bea.fill(await bea.get("/step-up"), "/step-up", code=service.code(beta))
    assert names(await bea.get("/integrations")) == []
    token = (await bea.get("/profile/settings")).forms[0].fields["form_token"]
    for path in acts:
        assert (await bea.get(path)).status == 404
        assert (await bea.post(path, {"form_token": token})).status == 404
    await make_role(service, company, "watcher", {"integrations": "view", "own_security": "full"})
    wanda = await signed_in(await service.person(company, "wanda.watcher", "watcher", on=True))
    page = await wanda.get("/integrations")
    assert ("Ihre Rolle darf das ansehen" in page.text, "/rotate" in page.text) == (True, False)
    uta = await signed_in(acme.uta)
    assert (await uta.get("/integrations")).status == 403
    for visitor in (wanda, uta):
        token = (await visitor.get("/profile/settings")).forms[0].fields["form_token"]
        for path in ("/integrations/add", *acts):
            assert (await visitor.get(path)).status == 403, path
            assert (await visitor.post(path, {"form_token": token})).status == 403, path
    assert await works(acme, client.token)
