"""Programs: requirements K-01 to K-05, what they vouch for at a sign-in, and what they may ask of sessions."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

import aiohttp
import pytest

from events.company.scopes import Scope
from services.api.routes import ROUTES
from tests.support.answers import anonymous
from tests.support.dump import full_dump
from tests.support.paths import filled
from tests.support.scene import OF_A_COMPANY, REASON, Program, Scene, make_role, scene_of
from tests.support.service import Another, Person, Reply, Service
from tests.support.sizes import sized
from workers.projector import Projector

CLIENTS: Final = "/v1/api-clients"
SIGN_IN: Final = "/v1/sign-ins"
INTROSPECT: Final = "/v1/sessions/introspect"
PHONE: Final = "198.51.100.7"  # where a user of the portal sits
STRANGER: Final = "203.0.113.9"


async def works(service: Service, token: str) -> bool:
    """Does a token with `users.read` still open anything?"""
    answer = await service.call("GET", "/v1/users", token)
    assert answer.status in (200, 401), answer
    return answer.status == 200


async def listed(scene: Scene, program: Program, session: str) -> dict[str, Any]:
    items = (await scene.service.call("GET", CLIENTS, session)).json["items"]
    found: dict[str, Any] = next(item for item in items if item["id"] == str(program.id))
    return found


async def sign_in_by(service: Service, program: Program, person: Person, password: str = "", **more: Any) -> Reply:
    """Login and password as a portal passes them on."""
    body = {"login": person.login, "password": password or person.password, **more}
    return await service.call("POST", SIGN_IN, program.token, body)


@asynccontextmanager
async def coming_from(service: Service, address: str) -> AsyncIterator[Service]:
    """The same process, called from another address of this machine."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    async with aiohttp.ClientSession(connector=connector) as http:
        yield replace(service, http=http)


# K-01: form, storage, expiry, last use, end.


async def test_k01_a_token_is_recognisable_and_random_and_stored_as_a_hash_only(service: Service) -> None:
    scene = await scene_of(service, "anna")
    session = await scene.fresh("anna")
    programs = [await scene.client("anna", Scope.USERS_READ, session=session) for _ in range(sized(8, 64))]
    rotated = await service.call("POST", f"{CLIENTS}/{programs[0].id}/rotate", session)
    tokens = [program.token for program in programs] + [rotated.json["token"]]
    secrets = []
    for token in tokens:
        assert token.startswith("fl_api_")
        raw = base64.urlsafe_b64decode(token.removeprefix("fl_api_") + "==")
        assert raw[:16] == scene.companies["acme"].bytes
        secrets.append(raw[32:])
    assert {len(secret) for secret in secrets} == {32}
    assert len(set(secrets)) == len(tokens)
    dump = await full_dump(service.database, service.parts.wrapper)
    assert dump.tables_with(*(token.encode() for token in tokens)) == set()
    assert dump.tables_with(*secrets) == set()
    assert dump.tables_with(sha256(tokens[-1].encode()).digest()) == {"credential"}
    assert dump.tables_with(sha256(tokens[0].encode()).digest()) == set()  # the one that was replaced


async def test_k01_a_token_is_shown_once(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    session = await scene.fresh("anna")
    headers = {"Idempotency-Key": "the program"}
    body = {"name": "portal", "scopes": ["users.read"]}
    made = await service.call("POST", CLIENTS, session, body, headers=headers)
    assert made.status == 201
    assert made.headers["Cache-Control"] == "no-store"
    again = await service.call("POST", CLIENTS, session, body, headers=headers)
    assert (again.status, again.code) == (409, "conflict")
    await Projector(service.parts.pool, service.parts.wrapper).project()
    for route in ROUTES:
        if route.method == "GET":
            path = filled(route.path, any_id=scene["udo"].user_id, company_id=scene.companies["acme"])
            answer = await service.call("GET", path, session)
            assert made.json["token"].encode() not in answer.raw, path
    assert len((await service.call("GET", CLIENTS, session)).json["items"]) == 1


@pytest.mark.parametrize(
    "flip", [(0, "g"), (4, "b"), (-1, "A"), (-2, "A"), (40, "A")], ids=["f", "prefix", "end", "last but one", "middle"]
)
async def test_k01_a_token_with_another_character_is_none(service: Service, flip: tuple[int, str]) -> None:
    scene = await scene_of(service, "anna")
    program = await scene.client("anna", Scope.USERS_READ)
    at, letter = flip
    characters = list(program.token)
    characters[at] = letter if characters[at] != letter else "Q"
    assert not await works(service, "".join(characters))
    assert await works(service, program.token)


async def test_k01_a_token_ends_when_it_says(service: Service, another: Another) -> None:
    scene = await scene_of(service, "anna")
    other, session = await another(), await scene.fresh("anna")
    ends = service.clock.now().timestamp() + 3600
    at = service.clock.now().fromtimestamp(ends, service.clock.now().tzinfo).isoformat().replace("+00:00", "Z")
    program = await scene.client("anna", Scope.USERS_READ, session=session, expires_at=at)
    past = {"name": "late", "scopes": ["users.read"], "expires_at": "2020-01-01T00:00:00Z"}
    assert (await service.call("POST", CLIENTS, session, past)).code == "validation_failed"
    service.clock.advance(seconds=3599)
    assert await works(other, program.token)
    service.clock.advance(seconds=1)
    assert not await works(service, program.token)
    assert not await works(other, program.token)


async def test_k01_when_a_token_was_last_used_is_shown(service: Service) -> None:
    scene = await scene_of(service, "anna")
    session = await scene.fresh("anna")
    program = await scene.client("anna", Scope.USERS_READ, session=session)
    assert (await listed(scene, program, session))["last_used_at"] is None
    service.clock.advance(seconds=100)
    await works(service, program.token)
    first = (await listed(scene, program, session))["last_used_at"]
    assert first == service.clock.now().isoformat().replace("+00:00", "Z")
    service.clock.advance(seconds=61)
    await service.call("POST", CLIENTS, program.token, {})  # a denied call is a use too
    assert (await listed(scene, program, session))["last_used_at"] > first


@pytest.mark.parametrize("act", ["revoke", "rotate"])
async def test_k01_the_end_of_a_token_holds_at_once_on_every_process(
    service: Service, another: Another, act: str
) -> None:
    scene = await scene_of(service, "anna")
    other, session = await another(), await scene.fresh("anna")
    program = await scene.client("anna", *OF_A_COMPANY, session=session)
    assert await works(other, program.token)
    if act == "revoke":
        assert (await service.call("DELETE", f"{CLIENTS}/{program.id}", session)).status == 204
        assert (await service.call("GET", CLIENTS, session)).json["items"] == []
        for method, rest in (("DELETE", ""), ("POST", "/rotate")):
            assert (await service.call(method, f"{CLIENTS}/{program.id}{rest}", session)).code == "not_found"
    else:
        rotated = await service.call("POST", f"{CLIENTS}/{program.id}/rotate", session)
        assert rotated.status == 200, rotated
        assert await works(other, rotated.json["token"])
        assert (await listed(scene, program, session))["scopes"] == sorted(OF_A_COMPANY)
    assert not await works(other, program.token)
    assert not await works(service, program.token)


async def test_k01_no_act_of_a_program_stands_in_the_log_behind_its_revocation(
    service: Service, another: Another
) -> None:
    scene = await scene_of(service, "anna", "ute")
    other = await another()
    for _ in range(sized(4, 40)):
        session = await scene.fresh("anna")
        program = await scene.client("anna", *OF_A_COMPANY, session=session)
        calls = [
            process.call("PATCH", scene.path("ute"), program.token, {"language": language})
            for process, language in zip((service, other) * 3, ("en", "de") * 3, strict=True)
        ]
        revoked = service.call("DELETE", f"{CLIENTS}/{program.id}", session)
        answers = await asyncio.gather(*calls[:3], revoked, *calls[3:])
        assert answers[3].status == 204
        assert {answer.status for answer in answers} <= {200, 204, 401}
        events = await service.events(scene.companies["acme"])
        ended = next(e for e in events if e["type"] == "ApiClientRevoked" and e["stream_id"] == str(program.id))
        acts = [event["position"] for event in events if event["actor"]["id"] == str(program.id)]
        assert max(acts, default=0) < ended["position"]


async def test_k01_a_program_may_be_kept_to_its_networks(service: Service) -> None:
    scene = await scene_of(service, "anna")
    session = await scene.fresh("anna")
    here = await scene.client("anna", Scope.USERS_READ, session=session, networks=["127.0.0.1"])
    there = await scene.client("anna", Scope.USERS_READ, session=session, networks=["127.0.0.2/32", "2001:db8::/32"])
    assert await works(service, here.token)
    assert not await works(service, there.token)
    forged = {"X-Forwarded-For": "127.0.0.2", "X-Real-IP": "127.0.0.2", "Forwarded": "for=127.0.0.2"}
    assert (await service.call("GET", "/v1/users", there.token, headers=forged)).status == 401
    async with coming_from(service, "127.0.0.2") as moved:
        assert await works(moved, there.token)
        assert not await works(moved, here.token)
    for networks in (["127.0.0.1/8"], ["localhost"], ["::1%lo"], [""]):
        body = {"name": "x", "scopes": ["users.read"], "networks": networks}
        assert (await service.call("POST", CLIENTS, session, body)).code == "validation_failed", networks


@pytest.mark.parametrize("scopes", [[], ["users.admin"], ["*"], ["USERS.READ"], "users.read"])
async def test_k01_there_are_no_other_scopes(service: Service, scopes: Any) -> None:
    scene = await scene_of(service, "anna")
    made = await service.call("POST", CLIENTS, await scene.fresh("anna"), {"name": "x", "scopes": scopes})
    assert (made.status, made.code) == (422, "validation_failed")


async def test_k01_programs_of_another_company_are_not_there(service: Service) -> None:
    scene = await scene_of(service, "anna", "bea", "otto")
    program = await scene.client("anna", Scope.USERS_READ)
    bea, otto = await scene.fresh("bea"), await service.sign_in(scene["otto"])
    for session in (bea, otto):
        for target in (program.id, uuid4(), scene.companies["acme"]):
            for method, rest in (("DELETE", ""), ("POST", "/rotate")):
                answer = await service.call(method, f"{CLIENTS}/{target}{rest}", session)
                assert (answer.status, answer.code) == (404, "not_found")
        assert (await service.call("GET", CLIENTS, session)).json["items"] == []
    assert await works(service, program.token)


# K-03: a token is not a person.


async def test_k03_a_token_does_nothing_that_asks_for_a_person(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "hedy", "otto")
    session = await scene.fresh("anna")
    program = await scene.client("anna", *OF_A_COMPANY, session=session)
    robot = await scene.client("otto", *Scope, session=await service.sign_in(scene["otto"]))
    persons = ("/v1/me", "/v1/roles", CLIENTS, "/roles", "/break-glass")
    for route in ROUTES:
        path = filled(
            route.path,
            any_id=program.id,
            company_id=scene.companies["acme"],
            user_id=scene["udo"].user_id,
            role_id="helpdesk",
        )
        if not (route.path.startswith(persons[:3]) or route.path.endswith(persons[3:])):
            continue
        for token in (program.token, robot.token):
            for body in (None, {}, {"code": service.code(scene["anna"])}, {"password": scene["anna"].password}, REASON):
                answer = await service.call(route.method, path, token, body)
                assert (answer.status, answer.code) == (403, "forbidden"), (route.method, path, body)
    for route in ROUTES:
        if route.path.startswith(f"{SIGN_IN}/"):
            answer = await service.call(route.method, route.path, program.token)
            assert (answer.status, answer.code) == (401, "unauthenticated"), route.path


async def test_k03_a_token_without_the_scope_for_it_starts_no_sign_in(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    others = [scope for scope in OF_A_COMPANY if scope is not Scope.SIGN_INS_WRITE]
    program = await scene.client("anna", *others)
    at = len(await service.events(scene.companies["acme"]))

    for more in ({}, {"client_ip": PHONE}):
        refused = await sign_in_by(service, program, scene["ute"], **more)
        assert (refused.status, refused.code) == (403, "forbidden")

    denials = (await service.events(scene.companies["acme"]))[at:]
    assert [(e["type"], e["stream_kind"], e["stream_id"]) for e in denials] == [
        ("AccessDenied", "client", str(program.id))
    ] * 2
    # Without the token, it is somebody's own try.
    assert (await service.start(scene["ute"])).json["status"] == "signed_in"


async def test_k03_a_program_passes_no_second_factor_for_anybody(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    program = await scene.client("anna", *OF_A_COMPANY)
    begun = await sign_in_by(service, program, scene["udo"], client_ip=PHONE)
    assert begun.json["status"] == "code_required"
    given = await service.call("POST", f"{SIGN_IN}/current/code", program.token, {"code": service.code(scene["udo"])})
    assert (given.status, given.code) == (401, "unauthenticated")
    # The sign-in that it began reaches what any other does.
    assert (await service.call("GET", "/v1/users", begun.json["token"])).code == "unauthenticated"
    assert (await service.give(begun.json["token"], service.code(scene["udo"]))).json["status"] == "signed_in"


# K-04: within its maker's rights, after a step-up, and dead with its company.


async def test_k04_making_and_rotating_ask_for_a_factor_anew(service: Service) -> None:
    scene = await scene_of(service, "anna")
    session = await scene.fresh("anna")
    program = await scene.client("anna", Scope.USERS_READ, session=session)
    service.clock.advance(seconds=301)
    calls: list[tuple[str, str, Any]] = [
        ("POST", CLIENTS, {"name": "x", "scopes": ["users.read"]}),
        ("POST", f"{CLIENTS}/{program.id}/rotate", None),
        ("DELETE", f"{CLIENTS}/{program.id}", None),
    ]
    for method, path, body in calls:
        refused = await service.call(method, path, session, body)
        assert (refused.status, refused.code) == (401, "step_up_required")
    by_recovery = await service.call(
        "POST",
        f"{SIGN_IN}/current/recovery-code",
        await service.pending(scene["anna"]),
        {"recovery_code": scene["anna"].recovery_codes[0]},
    )
    for method, path, body in calls:
        assert (await service.call(method, path, by_recovery.json["token"], body)).code == "step_up_required"
    assert await works(service, program.token)
    stepped = await service.call("POST", "/v1/me/step-up", session, {"code": service.code(scene["anna"])})
    for method, path, body in calls:
        assert (await service.call(method, path, stepped.json["token"], body)).status in (200, 201, 204)


async def test_k04_an_administrator_without_a_factor_makes_none(service: Service) -> None:
    company = await service.company()
    adam = await service.person(company, "adam.acme", "administrator")
    body = {"name": "x", "scopes": ["users.read"]}
    refused = await service.call("POST", CLIENTS, await service.sign_in(adam), body)
    assert (refused.status, refused.code) == (403, "forbidden")
    assert (await service.event_types(company))[-1] == "AccessDenied"


async def test_k04_a_scope_beyond_the_makers_rights_is_refused_and_on_record(service: Service) -> None:
    scene = await scene_of(service, "anna")
    company = scene.companies["acme"]
    rights = {"integrations": "full", "users": "view", "own_security": "full"}
    await make_role(service, company, "integrator", rights)
    ines = await service.person(company, "ines.acme", "integrator", on=True)
    anna = await scene.fresh("anna")
    strong = await scene.client("anna", *OF_A_COMPANY, session=anna)
    session = await service.sign_in(ines)
    may = {"users.read", "two_factor.read", "sign_ins.write", "webhooks.read", "webhooks.write"}
    for scope in Scope:
        at = len(await service.events(company))
        made = await service.call("POST", CLIENTS, session, {"name": "x", "scopes": ["users.read", scope]})
        assert made.status == (201 if scope in may else 403), (scope, made)
        last = (await service.event_types(company))[at:]
        assert last == (["ApiClientCreated"] if scope in may else ["AccessDenied"]), scope
    # Nor by way of somebody else's program; to end it takes nothing that she lacks.
    assert (await service.call("POST", f"{CLIENTS}/{strong.id}/rotate", session)).code == "forbidden"
    assert await works(service, strong.token)
    assert (await service.call("DELETE", f"{CLIENTS}/{strong.id}", session)).status == 204


async def test_k04_no_company_gives_what_only_the_provider_has(service: Service) -> None:
    scene = await scene_of(service, "anna", "otto")
    session = await scene.fresh("anna")
    for scope in ("companies.read", "companies.write"):
        made = await service.call("POST", CLIENTS, session, {"name": "x", "scopes": [scope]})
        assert (made.status, made.code) == (403, "forbidden")


async def test_k04_a_suspended_companys_tokens_are_dead_until_they_are_rotated(
    service: Service, another: Another
) -> None:
    scene = await scene_of(service, "anna", "bea", "otto")
    other = await another()
    program = await scene.client("anna", *OF_A_COMPANY)
    elsewhere = await scene.client("bea", Scope.USERS_READ)
    otto, place = await scene.fresh("otto"), f"/v1/companies/{scene.companies['acme']}"
    assert await works(other, program.token)

    assert (await service.call("POST", f"{place}/suspend", otto, REASON)).status == 200
    assert not await works(other, program.token)
    assert (await sign_in_by(other, program, scene["anna"], client_ip=PHONE)).code == "unauthenticated"
    assert await works(other, elsewhere.token)

    assert (await service.call("POST", f"{place}/resume", otto, REASON)).status == 200
    assert not await works(other, program.token)
    anna = await scene.fresh("anna")
    assert (await listed(scene, program, anna))["has_token"] is False
    rotated = await service.call("POST", f"{CLIENTS}/{program.id}/rotate", anna)
    assert await works(other, rotated.json["token"])
    assert not await works(other, program.token)
    assert (await listed(scene, program, anna))["has_token"] is True


# K-05: one way to present a token.


async def test_k05_a_token_is_taken_from_the_bearer_header_only(service: Service) -> None:
    scene = await scene_of(service, "anna")
    token = (await scene.client("anna", *OF_A_COMPANY)).token
    anna = scene["anna"]
    for name in ("access_token", "token", "api_key", "key", "authorization"):
        for value in (token, f"Bearer {token}"):
            answer = await service.call("GET", "/v1/users", params={name: value})
            assert answer.status in (401, 422), name
    pairs = ((anna.login, anna.password), (anna.login, token), (token, ""), ("", token), ("token", token))
    for user, password in pairs:
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        answer = await service.call("GET", "/v1/users", headers={"Authorization": f"Basic {basic}"})
        assert (answer.status, answer.code) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    for headers in (
        {"Authorization": token},
        {"Authorization": f"Token {token}"},
        {"Authorization": f"Bearer  {token}"},
        {"Authorization": f"Bearer {token},"},
        {"X-Api-Key": token},
        {"Cookie": f"token={token}; fl_api={token}"},
        {"Proxy-Authorization": f"Bearer {token}"},
    ):
        assert (await service.call("GET", "/v1/users", headers=headers)).status == 401, headers
    for path in ("/v1/token", "/oauth/token", "/v1/sessions", "/v1/oauth2/token"):
        body = {"grant_type": "password", "username": anna.login, "password": anna.password}
        assert (await service.call("POST", path, json=body)).status in (404, 405)
    assert await works(service, token)


# `sign_ins.write`: the user's address is what the program says it is.


async def test_the_address_that_a_program_names_is_the_users_in_log_and_session(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "ute")
    program = await scene.client("anna", Scope.SIGN_INS_WRITE)
    vouched = {"client_ip": PHONE, "client_user_agent": "Firefox on a phone\n"}
    begun = await sign_in_by(service, program, scene["udo"], **vouched)
    sessions = {
        "udo": (await service.give(begun.json["token"], service.code(scene["udo"]))).json["token"],
        "ute": (await sign_in_by(service, program, scene["ute"], **vouched)).json["token"],
    }
    await Projector(service.parts.pool, service.parts.wrapper).project()
    for name, session in sessions.items():
        (shown,) = (await service.call("GET", "/v1/me/sessions", session)).json["items"]
        assert (shown["ip"], shown["user_agent"]) == (PHONE, "Firefox on a phone"), name
        activity = (await service.call("GET", "/v1/me/activity", session, params={"limit": "2"})).json["items"]
        for item in activity[: 2 if name == "udo" else 1]:
            assert (item["ip"], item["user_agent"]) == (PHONE, "Firefox on a phone"), (name, item["type"])
            assert item["actor"] == {"kind": "user", "id": str(scene[name].user_id), "label": f"{name}.acme"}


@pytest.mark.parametrize("field", ["client_ip", "client_user_agent"])
async def test_nobody_else_may_name_an_address(service: Service, field: str) -> None:
    scene = await scene_of(service, "anna", "ute", "udo")
    session, pending = await scene.fresh("anna"), await service.pending(scene["udo"])
    at = len(await service.events(scene.companies["acme"]))
    body = {"login": scene["ute"].login, "password": scene["ute"].password, field: PHONE}
    for headers in ({}, *({"Authorization": f"Bearer {token}"} for token in (session, pending))):
        answer = await service.call("POST", SIGN_IN, json=body, headers=headers)
        assert (answer.status, answer.code) == (422, "validation_failed"), headers
    dead = await service.call("POST", SIGN_IN, "fl_api_" + "A" * 86, body)
    assert (dead.status, dead.code) == (401, "unauthenticated")
    assert len(await service.events(scene.companies["acme"])) == at


@pytest.mark.parametrize(
    "address", ["", "localhost", "198.51.100.0/24", "198.51.100.7, 203.0.113.9", "1", "::1 ", "::1%eth0"]
)
async def test_an_address_is_an_address(service: Service, address: str) -> None:
    scene = await scene_of(service, "anna", "ute")
    program = await scene.client("anna", Scope.SIGN_INS_WRITE)
    refused = await sign_in_by(service, program, scene["ute"], client_ip=address)
    assert (refused.status, refused.code) == (422, "validation_failed")


async def test_wrong_passwords_through_a_program_count_on_the_address_that_it_names(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    program = await scene.client("anna", Scope.SIGN_INS_WRITE)
    nobodies = [Person(f"nobody.{number}", uuid4(), uuid4()) for number in range(31)]
    for nobody in nobodies[:30]:
        assert (await sign_in_by(service, program, nobody, client_ip=STRANGER)).status == 401
    assert (await sign_in_by(service, program, nobodies[30], client_ip=STRANGER)).status == 429
    # Neither the program nor anybody else behind it is stopped by that.
    assert (await sign_in_by(service, program, scene["ute"], client_ip=STRANGER)).status == 429
    assert (await sign_in_by(service, program, scene["ute"], client_ip=PHONE)).status == 201
    assert (await service.start(scene["ute"])).status == 201


@pytest.mark.parametrize("name", ["ute", "udo"], ids=["password", "password and code"])
async def test_an_owner_who_comes_through_a_program_is_not_shut_out_by_strangers(service: Service, name: str) -> None:
    scene = await scene_of(service, "anna", name)
    program, person = await scene.client("anna", Scope.SIGN_INS_WRITE), scene[name]
    service.clock.advance(seconds=60)
    begun = await sign_in_by(service, program, person, client_ip=PHONE)
    if name == "udo":
        assert (await service.give(begun.json["token"], service.code(person))).status == 200

    answers = [
        (await sign_in_by(service, program, person, "wrong", client_ip=f"203.0.113.{number}")).status
        for number in range(1, 13)
    ]

    assert answers == [401] * 10 + [429] * 2
    assert (await sign_in_by(service, program, person, client_ip=PHONE)).status == 201
    assert (await sign_in_by(service, program, person, client_ip=STRANGER)).status == 429


@pytest.mark.parametrize("name", ["ute", "udo"], ids=["password", "password and code"])
async def test_a_users_networks_hold_against_the_address_that_a_program_names(service: Service, name: str) -> None:
    scene = await scene_of(service, "anna", name)
    session = await scene.fresh("anna")
    program, person = await scene.client("anna", Scope.SIGN_INS_WRITE, session=session), scene[name]
    networks = {"networks": ["198.51.100.0/24"], **REASON}
    assert (await service.call("PUT", scene.path(name, "/trusted-networks"), session, networks)).status == 200

    wrong = await sign_in_by(service, program, person, "wrong", client_ip=PHONE)
    outside = await sign_in_by(service, program, person, client_ip=STRANGER)
    unsaid = await sign_in_by(service, program, person)
    inside = await sign_in_by(service, program, person, client_ip=PHONE)

    assert anonymous(wrong) == anonymous(outside) == anonymous(unsaid)
    assert outside.code == "invalid_credentials"
    assert inside.status == 201
    if name == "udo":
        service.clock.advance(seconds=30)
        assert (await service.give(inside.json["token"], service.code(person))).json["status"] == "signed_in"


async def test_a_companys_program_signs_in_nobody_of_another(service: Service) -> None:
    scene = await scene_of(service, "anna", "otto", "ute", "ben", "bea")
    session = await scene.fresh("anna")
    program = await scene.client("anna", Scope.SIGN_INS_WRITE, session=session)
    robot = await scene.client("otto", Scope.SIGN_INS_WRITE, session=await service.sign_in(scene["otto"]))
    at = len(await service.events(scene.companies["beta"]))
    answers = [
        await sign_in_by(service, program, person, password, client_ip=f"203.0.113.{number}")
        for number, (person, password) in enumerate(
            [
                (scene["ben"], ""),
                (scene["ben"], "wrong"),
                (scene["otto"], ""),
                (scene["ute"], "wrong"),
                (Person("nobody.at.all", uuid4(), uuid4()), ""),
            ]
        )
    ]
    assert {answer.code for answer in answers} == {"invalid_credentials"}
    assert all(anonymous(answer) == anonymous(answers[0]) for answer in answers)
    assert len(await service.events(scene.companies["beta"])) == at
    for person in (scene["ben"], scene["ute"]):
        assert (await sign_in_by(service, robot, person, client_ip=PHONE)).status == 201


# What a program was denied.


async def test_what_a_program_was_denied_stands_in_the_audit_trail(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "bea")
    program = await scene.client("anna", Scope.TWO_FACTOR_READ)
    assert (await service.call("GET", scene.path("udo", "/two-factor"), program.token)).status == 200
    denied = await scene.act(program.token, "udo", "disable", headers={"User-Agent": "cron/1"})
    assert denied.code == "forbidden"
    await Projector(service.parts.pool, service.parts.wrapper).project()

    session = await scene.fresh("anna")
    query = {"type": "AccessDenied", "actor_id": str(program.id)}
    (item,) = (await service.call("GET", "/v1/events", session, params=query)).json["items"]

    assert (item["actor"]["kind"], item["actor"]["id"]) == ("client", str(program.id))
    assert item["details"]["act"] == "disable_user_factor"
    assert item["details"]["target_id"] == str(scene["udo"].user_id)
    assert (item["ip"], item["user_agent"]) == ("127.0.0.1", "cron/1")
    assert (await service.start(scene["udo"])).json["status"] == "code_required"
    bea = await service.sign_in(scene["bea"])
    assert (await service.call("GET", "/v1/events", bea, params=query)).json["items"] == []


async def test_what_a_program_did_is_shown_as_a_programs(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    program = await scene.client("anna", Scope.TWO_FACTOR_WRITE)
    assert (await scene.act(program.token, "udo", "reset")).status == 200
    await Projector(service.parts.pool, service.parts.wrapper).project()
    session = await scene.fresh("anna")
    query = {"type": "KeyReset"}
    (item,) = (await service.call("GET", "/v1/events", session, params=query)).json["items"]
    assert (item["actor"]["kind"], item["actor"]["id"]) == ("client", str(program.id))
    assert (item["subject"]["id"], item["reason"]) == (str(scene["udo"].user_id), REASON["reason"])


# Introspection.

INACTIVE: Final = b'{"active":false}'


async def test_a_live_session_is_described_and_nothing_else_is(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "ute", "otto", "ben")
    session = await scene.fresh("anna")
    watching = await scene.client("anna", Scope.SESSIONS_INTROSPECT, session=session)
    robot = await scene.client("otto", Scope.SESSIONS_INTROSPECT, session=await service.sign_in(scene["otto"]))
    udo, ben = await scene.fresh("udo"), await service.sign_in(scene["ben"])
    pending = await service.pending(scene["udo"])
    over = await service.sign_in(scene["ute"])
    await service.call("POST", "/v1/me/sign-out", over)

    async def look(program: Program, token: str) -> Reply:
        answer = await service.call("POST", INTROSPECT, program.token, {"token": token})
        assert answer.status == 200
        return answer

    for program in (watching, robot):
        assert (await look(program, udo)).json == {
            "active": True,
            "user_id": str(scene["udo"].user_id),
            "company_id": str(scene.companies["acme"]),
            "authenticated_at": service.clock.now().isoformat().replace("+00:00", "Z"),
            "factors": ["password", "otp"],
            "expires_at": (await service.call("GET", "/v1/me/sessions", udo)).json["items"][0]["expires_at"],
        }
    assert (await look(watching, ben)).raw == INACTIVE
    assert (await look(robot, ben)).json["active"] is True
    for token in (pending, over, watching.token, udo[:-1] + "A", "", "fl_session_", "x" * 200, udo + " "):
        for program in (watching, robot):
            if token != udo:
                assert (await look(program, token)).raw == INACTIVE, token[:12]


@pytest.mark.parametrize("end", ["idle", "deactivated", "suspended", "reset", "stepped up"])
async def test_a_session_that_is_over_is_inactive_at_once(service: Service, another: Another, end: str) -> None:
    scene = await scene_of(service, "anna", "udo", "otto")
    other = await another()
    otto = await scene.fresh("otto")
    robot = await scene.client("otto", Scope.SESSIONS_INTROSPECT, session=otto)
    udo, anna = await service.sign_in(scene["udo"]), await service.sign_in(scene["anna"])
    assert (await other.call("POST", INTROSPECT, robot.token, {"token": udo})).json["active"] is True
    match end:
        case "idle":
            service.clock.advance(minutes=61)
        case "deactivated":
            await service.call("POST", scene.path("udo", "/deactivate"), anna, REASON)
        case "suspended":
            await service.call("POST", f"/v1/companies/{scene.companies['acme']}/suspend", otto, REASON)
        case "reset":
            await scene.act(anna, "udo", "reset")
        case _:
            service.clock.advance(seconds=30)
            body = {"code": service.code(scene["udo"])}
            assert (await service.call("POST", "/v1/me/step-up", udo, body)).status == 200
    assert (await other.call("POST", INTROSPECT, robot.token, {"token": udo})).raw == INACTIVE


async def test_looking_keeps_no_session_alive(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    program = await scene.client("anna", Scope.SESSIONS_INTROSPECT)
    udo = await scene.fresh("udo")
    for _ in range(6):
        service.clock.advance(minutes=10)
        assert (await service.call("POST", INTROSPECT, program.token, {"token": udo})).json["active"] is True
    service.clock.advance(seconds=1)
    assert (await service.call("POST", INTROSPECT, program.token, {"token": udo})).raw == INACTIVE
    assert (await service.call("GET", "/v1/me", udo)).status == 401


async def test_only_a_program_with_the_scope_may_look(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    others = [scope for scope in OF_A_COMPANY if scope is not Scope.SESSIONS_INTROSPECT]
    session = await scene.fresh("anna")
    program = await scene.client("anna", *others, session=session)
    for token in (program.token, session):
        answer = await service.call("POST", INTROSPECT, token, {"token": session})
        assert (answer.status, answer.code) == (403, "forbidden")
