"""Whom each route serves, and that companies never meet: requirements T-01 to T-08."""

import asyncio
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

import events
import migrations
import services
import workers
from events.company.roles import Right
from events.company.scopes import Scope
from services.api.app import create_app
from services.api.routes import ROUTES
from tests.support.database import Pool
from tests.support.paths import filled
from tests.support.scene import OF_A_COMPANY, REASON, Scene, make_client, make_role, scene_of
from tests.support.service import Another, Reply, Service

# T-01. A route that is not in the table fails the test, and so does a line without a route.

# Nobody, two stages of a sign-in, people, programs. All but the last four columns of people and programs are Acme's;
# `foreign` is Beta's administrator, the others belong to the provider. `helpdesk` is a role of Acme's own; `program`
# and `robot` are API clients with every scope that an administrator of their company can give.
# fmt: off
KINDS: Final = (
    "none", "code", "enrol", "user", "auditor", "officer", "helpdesk", "admin", "program", "foreign", "operator",
    "watcher", "robot",
)
# fmt: on
PEOPLE: Final = {
    "user": "ute",
    "auditor": "axel",
    "officer": "sven",
    "helpdesk": "hedy",
    "admin": "anna",
    "foreign": "bea",
    "operator": "otto",
    "watcher": "paula",
}

# fmt: off
#                     none code enrol user audit offic helpd admin progr forei opera watch robot
ANYONE: Final =      (422, 422, 422,  422, 422,  422,  422,  422,  422,  422,  422,  422,  422)
SIGN_IN: Final =     (401, 422, 403,  401, 401,  401,  401,  401,  401,  401,  401,  401,  401)
ENROLLING: Final =   (401, 422, 422,  401, 401,  401,  401,  401,  401,  401,  401,  401,  401)
OWN_READ: Final =    (401, 401, 403,  200, 200,  200,  200,  200,  403,  200,  200,  200,  403)
OWN_ACT: Final =     (401, 401, 403,  422, 422,  422,  422,  422,  403,  422,  422,  422,  403)
# Of the own company, whichever that is.
LISTED: Final =      (401, 401, 403,  403, 403,  200,  200,  200,  200,  200,  200,  403,  200)
CREATED: Final =     (401, 401, 403,  403, 403,  403,  403,  422,  422,  422,  422,  403,  422)
BULK: Final =        (401, 401, 403,  403, 403,  422,  422,  422,  422,  422,  422,  403,  422)
AUDITED: Final =     (401, 401, 403,  403, 200,  200,  403,  200,  200,  200,  200,  200,  200)
POLICY: Final =      (401, 401, 403,  403, 403,  200,  403,  200,  200,  200,  200,  403,  200)
TRIED: Final =       (401, 401, 403,  403, 403,  422,  403,  422,  422,  422,  422,  403,  422)
DEMANDED: Final =    (401, 401, 403,  403, 403,  403,  403,  422,  422,  422,  422,  403,  422)
ROLES: Final =       (401, 401, 403,  403, 403,  200,  200,  200,  403,  200,  200,  403,  403)
ROLE_MADE: Final =   (401, 401, 403,  403, 403,  403,  403,  422,  403,  422,  422,  403,  403)
CLIENTS: Final =     (401, 401, 403,  403, 403,  403,  403,  200,  403,  200,  200,  403,  403)
CLIENT_MADE: Final = (401, 401, 403,  403, 403,  403,  403,  422,  403,  422,  422,  403,  403)
LOOKED_UP: Final =   (401, 401, 403,  403, 403,  403,  403,  403,  422,  403,  403,  403,  422)
# Before the first signed checkpoint.
SEALED: Final =      (401, 401, 403,  403, 404,  404,  403,  404,  404,  404,  404,  404,  404)
# Of a user of Acme.
READ: Final =        (401, 401, 403,  403, 403,  200,  200,  200,  200,  404,  404,  403,  404)
CHANGED: Final =     (401, 401, 403,  403, 403,  403,  403,  422,  422,  404,  404,  403,  404)
HELPED: Final =      (401, 401, 403,  403, 403,  422,  422,  422,  422,  404,  404,  403,  404)
BY_PEOPLE: Final =   (401, 401, 403,  403, 403,  422,  422,  422,  403,  404,  404,  403,  403)
SESSIONS: Final =    (401, 401, 403,  403, 403,  200,  403,  200,  200,  404,  404,  403,  404)
ENDED: Final =       (401, 401, 403,  403, 403,  422,  403,  422,  422,  404,  404,  403,  404)
ORDERED: Final =     (401, 401, 403,  403, 422,  422,  403,  422,  422,  422,  422,  422,  422)
# Of companies: the provider's alone.
ORDERED_THERE: Final = (401, 401, 403,  403, 403,  403,  403,  403,  403,  403,  422,  422,  422)
WATCHED: Final =     (401, 401, 403,  403, 403,  403,  403,  403,  403,  403,  200,  200,  200)
UNSEALED: Final =    (401, 401, 403,  403, 403,  403,  403,  403,  403,  403,  404,  404,  404)
SERVED_READ: Final = (401, 401, 403,  403, 403,  403,  403,  403,  403,  403,  200,  403,  200)
SERVED: Final =      (401, 401, 403,  403, 403,  403,  403,  403,  403,  403,  422,  403,  422)
IN_PERSON: Final =   (401, 401, 403,  403, 403,  403,  403,  403,  403,  403,  422,  403,  403)
ROLES_SEEN: Final =  (401, 401, 403,  403, 403,  403,  403,  403,  403,  403,  200,  403,  403)
OPEN: Final =        (200, 200, 200,  200, 200,  200,  200,  200,  200,  200,  200,  200,  200)
# fmt: on

# Every mutating call carries a body that no route takes: 422 means that the caller would be served.
TABLE: Final[dict[str, tuple[int, ...]]] = {
    "POST /v1/sign-ins": ANYONE,
    "DELETE /v1/sign-ins/current": ENROLLING,
    "POST /v1/sign-ins/current/code": SIGN_IN,
    "POST /v1/sign-ins/current/recovery-code": SIGN_IN,
    "POST /v1/sign-ins/current/enrolment": ENROLLING,
    "POST /v1/sign-ins/current/enrolment/confirmation": ENROLLING,
    "POST /v1/sign-ins/current/password": SIGN_IN,
    "GET /v1/me": OWN_READ,
    "PATCH /v1/me": OWN_ACT,
    "GET /v1/me/two-factor": OWN_READ,
    "POST /v1/me/two-factor/enrolment": OWN_ACT,
    "DELETE /v1/me/two-factor/enrolment": OWN_ACT,
    "POST /v1/me/two-factor/enrolment/confirmation": OWN_ACT,
    "POST /v1/me/two-factor/reset": OWN_ACT,
    "POST /v1/me/two-factor/disable": OWN_ACT,
    "POST /v1/me/two-factor/recovery-codes": OWN_ACT,
    "POST /v1/me/step-up": OWN_ACT,
    "GET /v1/me/sessions": OWN_READ,
    "DELETE /v1/me/sessions": OWN_ACT,
    "DELETE /v1/me/sessions/{session_id}": OWN_ACT,
    "POST /v1/me/password": OWN_ACT,
    "GET /v1/me/activity": OWN_READ,
    "GET /v1/me/export": OWN_READ,
    "POST /v1/me/sign-out": OWN_ACT,
    "GET /v1/users": LISTED,
    "POST /v1/users": CREATED,
    "GET /v1/users/{user_id}": READ,
    "PATCH /v1/users/{user_id}": CHANGED,
    "DELETE /v1/users/{user_id}": CHANGED,
    "POST /v1/users/{user_id}/deactivate": CHANGED,
    "POST /v1/users/{user_id}/reactivate": CHANGED,
    "POST /v1/users/{user_id}/password": CHANGED,
    "GET /v1/users/{user_id}/two-factor": READ,
    "POST /v1/users/{user_id}/two-factor/enable": HELPED,
    "POST /v1/users/{user_id}/two-factor/reset": HELPED,
    "POST /v1/users/{user_id}/two-factor/disable": HELPED,
    "POST /v1/users/{user_id}/two-factor/unlock": HELPED,
    "POST /v1/users/{user_id}/two-factor/break-glass": BY_PEOPLE,
    "PUT /v1/users/{user_id}/two-factor/override": BY_PEOPLE,
    "GET /v1/users/{user_id}/trusted-networks": READ,
    "PUT /v1/users/{user_id}/trusted-networks": CHANGED,
    "GET /v1/users/{user_id}/sessions": SESSIONS,
    "DELETE /v1/users/{user_id}/sessions": ENDED,
    "DELETE /v1/users/{user_id}/sessions/{session_id}": ENDED,
    "GET /v1/users/{user_id}/activity": READ,
    "POST /v1/bulk/two-factor": BULK,
    "GET /v1/events": AUDITED,
    "GET /v1/events/export": AUDITED,
    "GET /v1/events/{position}/proof": SEALED,
    "GET /v1/log/checkpoint": SEALED,
    "GET /v1/log/key": SEALED,
    "GET /v1/log/tile/entries/{number}": SEALED,
    "GET /v1/log/tile/{level}/{number}": SEALED,
    "POST /v1/reports": ORDERED,
    "GET /v1/reports": AUDITED,
    "GET /v1/reports/{report_id}": SEALED,
    "GET /v1/reports/{report_id}/file": SEALED,
    "GET /v1/policy": POLICY,
    "PUT /v1/policy": DEMANDED,
    "POST /v1/policy/dry-run": TRIED,
    "GET /v1/policy/history": POLICY,
    "GET /v1/roles": ROLES,
    "POST /v1/roles": ROLE_MADE,
    "PATCH /v1/roles/{role_id}": ROLE_MADE,
    "DELETE /v1/roles/{role_id}": ROLE_MADE,
    "GET /v1/api-clients": CLIENTS,
    "POST /v1/api-clients": CLIENT_MADE,
    "POST /v1/api-clients/{client_id}/rotate": CLIENT_MADE,
    "DELETE /v1/api-clients/{client_id}": CLIENT_MADE,
    "POST /v1/sessions/introspect": LOOKED_UP,
    "GET /v1/companies": WATCHED,
    "POST /v1/companies": SERVED,
    "GET /v1/companies/{company_id}": WATCHED,
    "PATCH /v1/companies/{company_id}": SERVED,
    "POST /v1/companies/{company_id}/suspend": SERVED,
    "POST /v1/companies/{company_id}/resume": SERVED,
    "GET /v1/companies/{company_id}/users": SERVED_READ,
    "POST /v1/companies/{company_id}/users": SERVED,
    "GET /v1/companies/{company_id}/users/{user_id}": SERVED_READ,
    "PATCH /v1/companies/{company_id}/users/{user_id}": SERVED,
    "DELETE /v1/companies/{company_id}/users/{user_id}": SERVED,
    "POST /v1/companies/{company_id}/users/{user_id}/deactivate": SERVED,
    "POST /v1/companies/{company_id}/users/{user_id}/reactivate": SERVED,
    "POST /v1/companies/{company_id}/users/{user_id}/password": SERVED,
    "GET /v1/companies/{company_id}/users/{user_id}/two-factor": SERVED_READ,
    "POST /v1/companies/{company_id}/users/{user_id}/two-factor/enable": SERVED,
    "POST /v1/companies/{company_id}/users/{user_id}/two-factor/reset": SERVED,
    "POST /v1/companies/{company_id}/users/{user_id}/two-factor/disable": SERVED,
    "POST /v1/companies/{company_id}/users/{user_id}/two-factor/unlock": SERVED,
    "POST /v1/companies/{company_id}/users/{user_id}/two-factor/break-glass": IN_PERSON,
    "PUT /v1/companies/{company_id}/users/{user_id}/two-factor/override": IN_PERSON,
    "GET /v1/companies/{company_id}/users/{user_id}/trusted-networks": SERVED_READ,
    "PUT /v1/companies/{company_id}/users/{user_id}/trusted-networks": SERVED,
    "GET /v1/companies/{company_id}/users/{user_id}/sessions": SERVED_READ,
    "DELETE /v1/companies/{company_id}/users/{user_id}/sessions": SERVED,
    "DELETE /v1/companies/{company_id}/users/{user_id}/sessions/{session_id}": SERVED,
    "GET /v1/companies/{company_id}/users/{user_id}/activity": SERVED_READ,
    "POST /v1/companies/{company_id}/bulk/two-factor": SERVED,
    "GET /v1/companies/{company_id}/events": WATCHED,
    "GET /v1/companies/{company_id}/events/export": WATCHED,
    "GET /v1/companies/{company_id}/events/{position}/proof": UNSEALED,
    "GET /v1/companies/{company_id}/log/checkpoint": UNSEALED,
    "GET /v1/companies/{company_id}/log/key": UNSEALED,
    "GET /v1/companies/{company_id}/log/tile/entries/{number}": UNSEALED,
    "GET /v1/companies/{company_id}/log/tile/{level}/{number}": UNSEALED,
    "POST /v1/companies/{company_id}/reports": ORDERED_THERE,
    "GET /v1/companies/{company_id}/reports": WATCHED,
    "GET /v1/companies/{company_id}/reports/{report_id}": UNSEALED,
    "GET /v1/companies/{company_id}/reports/{report_id}/file": UNSEALED,
    "GET /v1/companies/{company_id}/policy": SERVED_READ,
    "PUT /v1/companies/{company_id}/policy": SERVED,
    "POST /v1/companies/{company_id}/policy/dry-run": SERVED,
    "GET /v1/companies/{company_id}/policy/history": SERVED_READ,
    "GET /v1/companies/{company_id}/roles": ROLES_SEEN,
    "GET /healthz": OPEN,
    "GET /readyz": OPEN,
    "GET /openapi.json": OPEN,
    "GET /docs": OPEN,
    "GET /docs/{name}": OPEN,
}


async def tokens_of(scene: Scene) -> dict[str, str | None]:
    service = scene.service
    console = service.parts.console
    mara = await service.person(scene.companies["acme"], "mara.acme")
    await console.order_enrolment(await console.find_user(mara.login), "wanted")
    tokens: dict[str, str | None] = {
        "none": None,
        "program": (await scene.client("anna", *OF_A_COMPANY)).token,
        "robot": (await scene.client("otto", *Scope)).token,
    }
    service.clock.advance(seconds=60)
    for kind, name in PEOPLE.items():
        tokens[kind] = await service.sign_in(scene[name])
    tokens["code"] = await service.pending(scene["udo"])
    tokens["enrol"] = await service.pending(mara)
    return tokens


def routes_of(service: Service) -> set[str]:
    app = create_app(service.parts.application, service.parts.readiness, hosts=frozenset())
    found = set()
    for route in app.router.routes():
        assert route.resource is not None
        found.add(f"{route.method} {route.resource.canonical}")
    return found


def path_of(scene: Scene, template: str) -> str:
    """A path of that form that names what is Acme's."""
    company, user = scene.companies["acme"], scene["udo"].user_id
    return filled(template, any_id=uuid4(), company_id=company, user_id=user, role_id="helpdesk", name="docs.js")


async def test_t01_each_route_serves_exactly_whom_the_table_says(service: Service) -> None:
    scene = await scene_of(service, "udo", "ute", "axel", "sven", "hedy", "anna", "bea", "otto", "paula")
    tokens = await tokens_of(scene)
    assert routes_of(service) == set(TABLE)
    assert {f"{route.method} {route.template}" for route in ROUTES} <= set(TABLE)
    wrong = []
    for line, expected in TABLE.items():
        method, template = line.split(" ")
        for kind, status in zip(KINDS, expected, strict=True):
            body = None if method == "GET" else [1]
            answer = await service.call(method, path_of(scene, template), tokens[kind], body)
            if answer.status != status:
                wrong.append((line, kind, status, answer.status, answer.code))
    assert wrong == []


# K-02. What an API client needs; a route that is not named is closed to all of them.
SCOPES: Final[dict[str, set[Scope]]] = {
    "POST /v1/sign-ins": {Scope.SIGN_INS_WRITE},
    "GET /v1/users": {Scope.USERS_READ},
    "POST /v1/users": {Scope.USERS_WRITE},
    "GET /v1/users/{user_id}": {Scope.USERS_READ},
    "PATCH /v1/users/{user_id}": {Scope.USERS_WRITE},
    "DELETE /v1/users/{user_id}": {Scope.USERS_WRITE},
    "POST /v1/users/{user_id}/deactivate": {Scope.USERS_WRITE},
    "POST /v1/users/{user_id}/reactivate": {Scope.USERS_WRITE},
    "POST /v1/users/{user_id}/password": {Scope.USERS_WRITE},
    "GET /v1/users/{user_id}/trusted-networks": {Scope.USERS_READ},
    "PUT /v1/users/{user_id}/trusted-networks": {Scope.USERS_WRITE},
    "GET /v1/users/{user_id}/activity": {Scope.USERS_READ},
    "GET /v1/users/{user_id}/two-factor": {Scope.TWO_FACTOR_READ},
    "POST /v1/users/{user_id}/two-factor/enable": {Scope.TWO_FACTOR_WRITE},
    "POST /v1/users/{user_id}/two-factor/reset": {Scope.TWO_FACTOR_WRITE},
    "POST /v1/users/{user_id}/two-factor/disable": {Scope.TWO_FACTOR_WRITE},
    "POST /v1/users/{user_id}/two-factor/unlock": {Scope.TWO_FACTOR_WRITE},
    "POST /v1/bulk/two-factor": {Scope.TWO_FACTOR_WRITE},
    "GET /v1/users/{user_id}/sessions": {Scope.SESSIONS_READ},
    "DELETE /v1/users/{user_id}/sessions": {Scope.SESSIONS_WRITE},
    "DELETE /v1/users/{user_id}/sessions/{session_id}": {Scope.SESSIONS_WRITE},
    "POST /v1/sessions/introspect": {Scope.SESSIONS_INTROSPECT},
    "GET /v1/events": {Scope.AUDIT_READ},
    "GET /v1/events/export": {Scope.AUDIT_READ},
    "GET /v1/events/{position}/proof": {Scope.AUDIT_READ},
    "GET /v1/log/checkpoint": {Scope.AUDIT_READ},
    "GET /v1/log/key": {Scope.AUDIT_READ},
    "GET /v1/log/tile/entries/{number}": {Scope.AUDIT_READ},
    "GET /v1/log/tile/{level}/{number}": {Scope.AUDIT_READ},
    "POST /v1/reports": {Scope.REPORTS_WRITE},
    "GET /v1/reports": {Scope.REPORTS_READ},
    "GET /v1/reports/{report_id}": {Scope.REPORTS_READ},
    "GET /v1/reports/{report_id}/file": {Scope.REPORTS_READ},
    "GET /v1/policy": {Scope.POLICY_READ},
    "PUT /v1/policy": {Scope.POLICY_WRITE},
    "POST /v1/policy/dry-run": {Scope.POLICY_READ},
    "GET /v1/policy/history": {Scope.POLICY_READ},
    "GET /v1/companies": {Scope.COMPANIES_READ},
    "POST /v1/companies": {Scope.COMPANIES_WRITE},
    "GET /v1/companies/{company_id}": {Scope.COMPANIES_READ},
    "PATCH /v1/companies/{company_id}": {Scope.COMPANIES_WRITE},
    "POST /v1/companies/{company_id}/suspend": {Scope.COMPANIES_WRITE},
    # It changes nothing for the company.
    "POST /v1/companies/{company_id}/reports": {Scope.REPORTS_WRITE, Scope.COMPANIES_READ},
    "POST /v1/companies/{company_id}/resume": {Scope.COMPANIES_WRITE},
}
ELSEWHERE: Final = "/v1/companies/{company_id}/"


def scopes_of(line: str) -> set[Scope]:
    """In another company, the same as in the own one, and the scope for companies."""
    if line in SCOPES or ELSEWHERE not in line:
        return SCOPES.get(line, set())
    own = SCOPES.get(line.replace(ELSEWHERE, "/v1/"), set())
    return own | {Scope.COMPANIES_READ if line.startswith("GET") else Scope.COMPANIES_WRITE} if own else set()


@pytest.mark.parametrize("maker", ["anna", "otto"])
async def test_k02_a_client_reaches_the_routes_of_its_scopes_and_no_other(service: Service, maker: str) -> None:
    """In Acme, clients with one scope each; in the provider's company, clients with all but one."""
    assert set(SCOPES) <= set(TABLE)
    scene = await scene_of(service, "udo", maker)
    session = await scene.fresh(maker)
    wrong = []
    for scope in OF_A_COMPANY if maker == "anna" else Scope:
        scopes = {scope} if maker == "anna" else set(Scope) - {scope}
        client = await scene.client(maker, *scopes, session=session)
        for line in TABLE:
            needed = scopes_of(line)
            if not needed and (maker == "otto" or TABLE[line] in (OPEN, SIGN_IN, ENROLLING)):
                continue  # closed to a client with every scope: see above
            method, template = line.split(" ")
            body = None if method == "GET" else [1]
            answer = await service.call(method, path_of(scene, template), client.token, body)
            served = bool(needed) and needed <= scopes
            if (answer.status in (200, 404, 422)) is not served or (not served and answer.code != "forbidden"):
                wrong.append((scope, line, served, answer.status, answer.code))
    assert wrong == []


async def test_t01_a_dead_token_of_any_kind_is_none(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    session = await scene.fresh("anna")
    program = await scene.client("anna", *OF_A_COMPANY, session=session)
    client, pending = program.token, await service.pending(scene["udo"])
    await service.call("DELETE", f"/v1/api-clients/{program.id}", session)
    await service.call("POST", "/v1/me/sign-out", session)
    await service.call("DELETE", "/v1/sign-ins/current", pending)
    for line, expected in TABLE.items():
        method, template = line.split(" ")
        if expected not in (ANYONE, OPEN):
            for token in (session, pending, client, "fl_api_" + "A" * 86):
                answer = await service.call(method, path_of(scene, template), token)
                assert (answer.status, answer.code) == (401, "unauthenticated"), line


# T-02: what is authorised is what is acted on.


async def test_t02_another_id_beside_the_one_in_the_path_has_no_effect(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "ute", "ben")
    token = await scene.fresh("anna")
    ben = str(scene["ben"].user_id)
    before = [await scene.state(name) for name in ("udo", "ben")]
    for field in ("user_id", "id", "company_id", "target_id", "target"):
        answer = await scene.act(token, "udo", "disable", {**REASON, field: ben})
        assert (answer.status, answer.code) == (422, "validation_failed")
    assert [await scene.state(name) for name in ("udo", "ben")] == before

    headers = {"X-Company-Id": str(scene.companies["beta"]), "X-User-Id": ben, "X-Tenant": "beta"}
    query = {"user_id": ben, "company_id": str(scene.companies["beta"])}
    done = await scene.act(token, "udo", "disable", headers=headers, params=query)
    assert done.status == 200
    assert (await scene.state("ben")) == before[1]
    assert (await service.start(scene["udo"])).json["status"] == "signed_in"


async def test_t02_a_session_is_ended_below_its_own_user_only(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "ute", "ben")
    ute = await service.sign_in(scene["ute"])
    ben = await scene.fresh("ben")
    ids = {}
    for name, token in (("ute", ute), ("ben", ben)):
        ids[name] = (await service.call("GET", "/v1/me/sessions", token)).json["items"][0]["id"]
    token = await scene.fresh("anna")
    for name in ids:
        path = scene.path("udo", f"/sessions/{ids[name]}")
        assert (await service.call("DELETE", path, token)).code == "not_found"
    path = f"/v1/users/{scene['ben'].user_id}/sessions/{ids['ben']}"
    assert (await service.call("DELETE", path, token)).code == "not_found"
    assert (await service.call("GET", "/v1/me", ute)).status == 200
    assert (await service.call("GET", "/v1/me", ben)).status == 200
    path = scene.path("ute", f"/sessions/{ids['ute']}")
    assert (await service.call("DELETE", path, token)).status == 204
    assert (await service.call("GET", "/v1/me", ute)).status == 401


async def test_t02_a_token_names_its_company_and_no_other(service: Service) -> None:
    scene = await scene_of(service, "anna", "bea")
    token = await scene.fresh("anna")
    raw = urlsafe_b64decode(token.removeprefix("fl_session_") + "==")
    moved = scene.companies["beta"].bytes + raw[16:]
    forged = "fl_session_" + urlsafe_b64encode(moved).decode().rstrip("=")
    assert (await service.call("GET", "/v1/me", forged)).status == 401


# Whatever a role or a program of a company says, by whatever way it came to: `companies` is the provider's alone.


async def test_t02_no_role_and_no_program_of_a_company_reaches_another(service: Service) -> None:
    scene = await scene_of(service, "ben", "udo")
    acme, beta = scene.companies["acme"], scene.companies["beta"]
    await make_role(service, acme, "boss", {right.value: "full" for right in Right})
    boss = await service.person(acme, "bo.acme", "boss", on=True)
    tokens = [await service.sign_in(boss), (await make_client(service, acme, *Scope)).token]
    before = await scene.state("ben")
    for route in ROUTES:
        if not route.path.startswith("/v1/companies"):
            continue
        path = filled(route.path, any_id=uuid4(), company_id=beta, user_id=scene["ben"].user_id)
        for token in tokens:
            for body in (None, REASON):
                answer = await service.call(route.method, path, token, body)
                assert (answer.status, answer.code) == (403, "forbidden"), (route.method, route.path)
    assert await scene.state("ben") == before
    for token in tokens:
        assert (await service.call("GET", scene.path("udo"), token)).status == 200


# T-03: lists.


async def walk(service: Service, token: str, path: str, **params: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = await service.call("GET", path, token, params={**params, **({"cursor": cursor} if cursor else {})})
        assert page.status == 200, page
        found += page.json["items"]
        cursor = page.json["next_cursor"]
        if cursor is None:
            return found


def forged(*parts: Any) -> str:
    return urlsafe_b64encode(dumps(parts).encode()).decode().rstrip("=")


async def test_t03_no_list_filter_or_forged_cursor_shows_another_company(service: Service) -> None:
    scene = await scene_of(service, "anna", "bea")
    console = service.parts.console
    for company, mark in (("acme", "alpha"), ("beta", "omega")):
        for number in range(6):
            await console.create_user(
                scene.companies[company],
                login=f"{mark}.{number}",
                role=("user", "auditor")[number % 2],
                email=f"{mark}{number}@{company}.example",
            )
    anna, bea = await scene.fresh("anna"), await service.sign_in(scene["bea"])
    queries: list[dict[str, str]] = [
        {},
        {"limit": "1"},
        {"q": "omega"},
        {"q": "beta.example"},
        {"q": "."},
        {"role": "user"},
        {"role": "auditor", "limit": "2"},
        {"role": "administrator"},
        {"two_factor": "off"},
        {"two_factor": "on"},
        {"two_factor": "enrolment_required"},
    ]
    for query in queries:
        shown = await walk(service, anna, "/v1/users", **query)
        assert {item["company_id"] for item in shown} <= {str(scene.companies["acme"])}
        assert not [item for item in shown if "omega" in str(item) or "beta" in str(item)], query
    assert len(await walk(service, anna, "/v1/users", limit="2")) == 7
    assert len(await walk(service, anna, "/v1/users", q="alpha")) == 6

    theirs = (await service.call("GET", "/v1/users", bea, params={"limit": "1"})).json["next_cursor"]
    cursors = [
        theirs,
        forged("", str(UUID(int=0))),
        forged("omega.3", str(scene["bea"].user_id)),
        forged("zzz", str(uuid4())),
    ]
    for cursor in cursors:
        page = await service.call("GET", "/v1/users", anna, params={"cursor": cursor})
        assert page.status == 200
        assert not [item for item in page.json["items"] if item["company_id"] != str(scene.companies["acme"])]
    for path in ("/v1/events", "/v1/me/activity"):
        for cursor in (forged(1), forged(10**6), forged(2**63 - 1)):
            page = await service.call("GET", path, anna, params={"cursor": cursor})
            assert page.status == 200
            assert not [item for item in page.json["items"] if str(scene.companies["beta"]) in str(item)]
        foreign = await service.call("GET", "/v1/events", anna, params={"user_id": str(scene["bea"].user_id)})
        assert foreign.json["items"] == []


# T-04: foreign and missing look the same.


async def test_t04_foreign_and_missing_ids_cannot_be_told_apart(service: Service) -> None:
    scene = await scene_of(service, "anna", "bea", "ben")
    token = await scene.fresh("anna")
    session = (await service.call("GET", "/v1/me/sessions", await scene.fresh("ben"))).json["items"][0]["id"]
    token = await service.sign_in(scene["anna"])
    foreign, missing = str(scene["ben"].user_id), str(uuid4())
    events = [await service.event_types(scene.companies[name]) for name in ("acme", "beta")]
    for route in ROUTES:
        if "{user_id}" not in route.path:
            continue
        path = route.path.replace("{session_id}", session)
        body = REASON if route.body is not None else None
        seen = [
            plain(await service.call(route.method, path.replace("{user_id}", user_id), token, body))
            for user_id in (foreign, missing, str(scene.companies["beta"]))
        ]
        assert seen[0] == seen[1] == seen[2], route.path
        assert seen[0][0] == 404
    assert [await service.event_types(scene.companies[name]) for name in ("acme", "beta")] == events


def plain(reply: Reply) -> tuple[int, dict[str, str], dict[str, Any]]:
    """What of an answer is not the request's id or the time."""
    headers = {k: v for k, v in reply.headers.items() if k.lower() not in ("x-request-id", "date")}
    return reply.status, headers, {k: v for k, v in reply.json.items() if k != "request_id"}


async def test_t04_a_taken_login_does_not_tell_where_it_is_taken(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "ben")
    token = await scene.fresh("anna")
    answers = [
        await service.call("POST", "/v1/users", token, {"login": login, "role": "user"})
        for login in ("udo.acme", "BEN.beta", "ｂｅｎ.beta")
    ]
    assert [(a.status, a.code) for a in answers] == [(409, "conflict")] * 3
    assert plain(answers[0]) == plain(answers[1]) == plain(answers[2])


# T-05: fields that are not the caller's to set.

STRANGE: Final[dict[str, Any]] = {
    "company_id": str(uuid4()),
    "id": str(uuid4()),
    "user_id": str(uuid4()),
    "tenant": "beta",
    "state": "active",
    "two_factor": "off",
    "locked_until": None,
    "failures": 0,
    "authority": 99,
    "created_at": "2020-01-01T00:00:00Z",
    "fresh_until": "2099-01-01T00:00:00Z",
    "now": "2020-01-01T00:00:00Z",
    "rights": {"users": "full"},
    "provider": True,
    "recovery_codes": ["AAAA-AAAA-AAAA-AAAA"],
    "by": "system",
    "actor": {"kind": "system"},
    "must_change": False,
    "client_ip": "192.0.2.1",
    "client_user_agent": "x",
}
VALID: Final[dict[str, dict[str, Any]]] = {
    "PasswordSignIn": {"login": "x", "password": "x"},
    "CodeBody": {"code": "123456"},
    "RecoveryCodeBody": {"recovery_code": "x"},
    "NewPasswordBody": {"new_password": "Ein neues, langes Kennwort"},
    "EnrolmentBody": {"password": "x"},
    "ResetBody": {"code": "123456"},
    "StepUpBody": {"password": "x"},
    "PasswordChangeBody": {"old_password": "x", "new_password": "Ein neues, langes Kennwort"},
    "OwnSettingsBody": {"language": "en"},
    "NewUserBody": {"login": "new.acme", "role": "user"},
    "UserChangeBody": {"language": "en"},
    "ReasonBody": REASON,
    "ReportBody": {"kind": "coverage"},
    "PasswordResetBody": REASON,
    "OverrideBody": {"override": "required", "reason": "x"},
    "NetworksBody": {"networks": []},
    "BulkBody": {"act": "reset", "user_ids": [str(UUID(int=1))], "reason": "x"},
    "PolicyBody": {"requirement": "required"},
    "NewRoleBody": {"name": "helpdesk", "rights": {}},
    "RoleChangeBody": {"rights": {}},
    "CompanyBody": {"name": "Gamma KG"},
    "NewClientBody": {"name": "portal", "scopes": ["users.read"]},
    "IntrospectBody": {"token": "x"},
}


async def test_t05_fields_of_others_are_unknown_to_every_call_and_change_nothing(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "hedy", "otto")
    program = (await scene.client("anna", *OF_A_COMPANY)).token
    session, operator = await scene.fresh("anna"), await service.sign_in(scene["otto"])
    pending = await service.pending(scene["udo"])
    companies = [await service.event_types(company) for company in scene.companies.values()]
    for route in ROUTES:
        if route.body is None:
            continue
        token = operator if "/companies" in route.path else session
        token = pending if route.path.startswith("/v1/sign-ins") else token
        token = program if "introspect" in route.path else token
        valid = VALID[route.body.__name__]
        for name, value in STRANGE.items():
            if name in valid:
                continue
            answer = await service.call(route.method, path_of(scene, route.path), token, {**valid, name: value})
            assert (answer.status, answer.code) == (422, "validation_failed"), (route.path, name, answer)
    assert [await service.event_types(company) for company in scene.companies.values()] == companies


async def test_t05_nobody_changes_the_own_role_dates_or_state(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("udo")
    for body in ({"role": "administrator"}, {"login": "anna"}, {"expiration_date": None}, {"state": "active"}):
        assert (await service.call("PATCH", "/v1/me", token, body)).status == 422
    assert (await service.call("GET", "/v1/me", token)).json["role"] == "user"


# T-07: keys of one company mean nothing in another.


async def test_t07_the_same_idempotency_key_in_two_companies_does_not_meet(service: Service, another: Another) -> None:
    scene = await scene_of(service, "anna", "ute", "bea", "ben")
    other = await another()
    service.clock.advance(seconds=60)
    anna, bea = await service.sign_in(scene["anna"]), await service.sign_in(scene["bea"])
    headers = {"Idempotency-Key": "the same"}
    answers = await asyncio.gather(
        service.call("POST", scene.path("ute", "/deactivate"), anna, REASON, headers=headers),
        other.call("POST", scene.path("ben", "/deactivate"), bea, REASON, headers=headers),
    )
    assert [answer.status for answer in answers] == [200, 200]
    assert [answer.json["id"] for answer in answers] == [str(scene[name].user_id) for name in ("ute", "ben")]


async def test_t07_a_lock_in_one_company_locks_nobody_in_another(service: Service) -> None:
    scene = await scene_of(service, "udo", "ben")
    token = await scene.fresh("udo")
    for _ in range(10):
        service.clock.advance(seconds=1000)
        wrong = service.wrong_code(scene["udo"])
        await service.call("POST", "/v1/me/two-factor/disable", token, {"code": wrong})
    service.clock.advance(seconds=30)
    pending = await service.pending(scene["udo"])
    assert (await service.give(pending, service.code(scene["udo"]))).code == "invalid_code"
    assert (await service.give(await service.pending(scene["ben"]), service.code(scene["ben"]))).status == 200


# T-08: every statement on a table of companies is bound to one.

# file or function -> why its statements are not bound to one company
UNBOUND: Final[dict[str, str]] = {
    "load_login.sql": "a login is looked up before its company is known; the rest follows the row that it names",
    "projection_lag.sql": "readiness asks about the whole installation and learns one bit",
    "claim_effects.sql": "the queue of effects is one; each row names its company, and so does all that follows",
    "backlog_projection.sql": "metrics ask how far the worst company is behind and how many are, and name none",
    "backlog_sealing.sql": "the same of signed checkpoints",
    "backlog_open_effects.sql": "metrics count the queue by kind",
    "backlog_failed_effects.sql": "metrics count what was given up by kind",
    "lagging_companies.sql": "the projector asks which companies are behind",
    "evidence_companies.sql": "a check is of every company",
    "sweep_credentials.sql": "expired rows go, whosever they are",
    "sweep_idempotency.sql": "old answers go, whosever they are",
    "customers.sql": "the provider's people act in every company's log",
    "companies_page_back.sql": "the same, the other way round",
    "count_sign_ins": "a trigger: rows of the trail that were just written, each counted for its own company",
    "companies_page.sql": "the provider lists all companies; nothing but their own facts",
    "expiring_users.sql": "a last day goes by in every company; each row names its company, and so does what follows",
    "expired_months.sql": "the same of old traces",
    "audit_found": "the company is one of the marks that a row must have, and is compared again afterwards",
    "load_callers.sql": "pairs of company and credential: callers of several companies are read in one round trip",
    "logins.sql": "pairs of company and user: a provider's member acts in other companies' logs",
    "keys_held.sql": "pairs of company and user: a provider's member acts in other companies' logs",
    "people.sql": "pairs of company and user: a provider's member acts in other companies' logs",
    "forget_reports": "a member of the provider may stand in the files of every company",
    "report_people.sql": "pairs of company and user: a provider's member acts in other companies' logs",
    "report_people_held.sql": "pairs of company and user: a provider's member acts in other companies' logs",
    "unsealed_companies.sql": "the sealer looks at every company; what follows names one",
    "unpublished_checkpoints.sql": "the log of checkpoints is of every company; names are blinded in it",
    "add_checkpoint_entries.sql": "pairs of company and size: the checkpoints that were just taken in",
    "wrapped_keys_count.sql": "a rotation of the key-encryption key is of every company",
    "person_keys_page.sql": "the same, page by page",
    "trace_keys_page.sql": "the same, page by page",
    "person_keys_rewrap.sql": "each row is named by company and user, as it was read",
    "trace_keys_rewrap.sql": "each row is named by company and month, as it was read",
    "journal_unheeded_people.sql": "pairs of company and user, as the journal has them",
    "journal_unheeded_months.sql": "pairs of company and month, as the journal has them",
    "journal_destroyed_months.sql": "the journal is of the whole installation",
    "log_heads.sql": "a start compares every log with what was signed of it",
    "journal_erased_people.sql": "the journal is of the whole installation",
}
# Tables that belong to no company: limits count addresses and logins, keys and migrations are the installation's.
OF_NOBODY: Final = {"checkpoint_entry", "throttle", "installation_key", "installation", "schema_migration"}

_REFERENCE: Final = re.compile(
    r"\b(?:FROM|JOIN|UPDATE|INTO|USING)\s+(?:ONLY\s+)?([a-z_0-9]+)(?:\s+(?:AS\s+)?([a-z_0-9]+))?", re.IGNORECASE
)
_WORDS: Final = {
    "where",
    "set",
    "on",
    "values",
    "using",
    "left",
    "inner",
    "join",
    "order",
    "for",
    "limit",
    "as",
    "select",
}


@dataclass(frozen=True)
class Statement:
    """One SQL statement and where it stands."""

    where: str
    text: str

    def unbound(self, tables: set[str]) -> list[str]:
        """Tables of companies that this statement touches without naming the company."""
        found = []
        for match in _REFERENCE.finditer(self.text):
            table, alias = match.group(1).lower(), (match.group(2) or "").lower()
            if table not in tables:
                continue
            if not self._names_a_company() or not self._binds(table, "" if alias in _WORDS else alias):
                found.append(table)
        return found

    def _names_a_company(self) -> bool:
        """Is a company handed in, and held against a row's or inserted?"""
        compared = r"company_id\s*=\s*(\$\d|p_\w*company)"
        inserted = r"\bINSERT INTO\b.*company_id.*(\$1\b|\bp_company\b)"
        return re.search(f"{compared}|{inserted}", self.text, re.IGNORECASE | re.DOTALL) is not None

    def _binds(self, table: str, alias: str) -> bool:
        if re.search(rf"\bINTO\s+{table}\b[^(]*\([^)]*\bcompany_id\b", self.text, re.IGNORECASE):
            return True
        name = rf"\b{alias or table}\.company_id" if alias else r"(?<![.\w])company_id"
        equal = rf"{name}\s*(?:=|IN\b)|=\s*{name}\b"
        return re.search(equal, self.text, re.IGNORECASE) is not None


def statements() -> Iterator[Statement]:
    """Every SQL file of the program, and every statement of every function that a migration makes."""
    for package in (events, services, workers):
        for path in sorted(Path(str(package.__file__)).parent.rglob("*.sql")):
            if "embedded" not in path.parts:
                yield Statement(path.name, _without_comments(path.read_text()))
    for path in sorted(Path(str(migrations.__file__)).parent.glob("*.sql")):
        text = _without_comments(path.read_text())
        for name, body in re.findall(r"CREATE FUNCTION (\w+).*?\$\$(.*?)\$\$", text, re.DOTALL):
            for part in re.split(r";|\b(?:THEN|LOOP|ELSE)[ \t]*\n", body):
                yield Statement(name, part)


def _without_comments(text: str) -> str:
    return re.sub(r"--[^\n]*", "", text)


async def tables_of_companies(pool: Pool) -> tuple[set[str], set[str]]:
    """(tables with a company, tables without one)."""
    rows = await pool.fetch(
        "SELECT t.table_name, bool_or(c.column_name = 'company_id') AS has"
        " FROM information_schema.tables t JOIN information_schema.columns c USING (table_schema, table_name)"
        " WHERE t.table_schema = 'public' AND t.table_type = 'BASE TABLE' GROUP BY t.table_name"
    )
    return {r[0] for r in rows if r[1]}, {r[0] for r in rows if not r[1]}


async def test_t08_every_statement_on_a_table_of_companies_names_one_company(owner_pool: Pool) -> None:
    tables, others = await tables_of_companies(owner_pool)
    assert others == OF_NOBODY
    unbound: dict[str, list[str]] = {}
    for statement in statements():
        missing = statement.unbound(tables)
        if missing:
            unbound.setdefault(statement.where, []).extend(missing)
    assert {where: found for where, found in unbound.items() if where not in UNBOUND} == {}
    assert set(UNBOUND) <= set(unbound), "exceptions that are none"


async def test_t08_the_key_of_every_table_of_companies_begins_with_the_company(owner_pool: Pool) -> None:
    rows = await owner_pool.fetch(
        "SELECT i.indrelid::regclass::text AS name, a.attname AS first FROM pg_index i"
        " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indisprimary"
        " AND i.indrelid::regclass::text NOT LIKE 'pg_%'"
    )
    first = {row["name"]: row["first"] for row in rows if "." not in row["name"]}
    tables, _ = await tables_of_companies(owner_pool)
    assert {name for name in tables if first[name] != "company_id"} == {"login"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SELECT 1 FROM event WHERE position = $1", ["event"]),
        ("SELECT 1 FROM event e JOIN effect f ON f.position = e.position WHERE e.company_id = $1", ["effect"]),
        ("SELECT 1 FROM event e JOIN effect f ON f.company_id = e.company_id WHERE e.company_id = $1", []),
        ("UPDATE credential SET seen_at = $3 WHERE id = $2", ["credential"]),
        ("DELETE FROM login WHERE company_id = $1", []),
        ("INSERT INTO effect (position) VALUES ($1)", ["effect"]),
        ("INSERT INTO effect (company_id, position) VALUES ($1, $2)", []),
        ("INSERT INTO login (login_key, company_id) VALUES ($2, $1)", []),
        ("SELECT 1 FROM event e JOIN effect f ON f.company_id = e.company_id", ["event", "effect"]),
    ],
)
def test_t08_the_reader_of_statements_sees_what_is_missing(text: str, found: list[str]) -> None:
    assert Statement("here", text).unbound({"event", "effect", "credential", "login"}) == found
