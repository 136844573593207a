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
from services.api.app import create_app
from services.api.routes import ROUTES
from tests.support.database import Pool
from tests.support.scene import REASON, Scene, scene_of
from tests.support.service import Another, Reply, Service

# T-01. A route that is not in the table fails the test, and so does a line without a route.

KINDS: Final = ("none", "code", "enrol", "user", "auditor", "officer", "admin", "foreign", "operator")
PEOPLE: Final = {
    "user": "ute",
    "auditor": "axel",
    "officer": "sven",
    "admin": "anna",
    "foreign": "bea",
    "operator": "otto",
}

ANYONE: Final = (422,) * 9
SIGN_IN: Final = (401, 422, 403, 401, 401, 401, 401, 401, 401)
ENROLLING: Final = (401, 422, 422, 401, 401, 401, 401, 401, 401)
OWN_READ: Final = (401, 401, 403, 200, 200, 200, 200, 200, 200)
OWN_ACT: Final = (401, 401, 403, 422, 422, 422, 422, 422, 422)
LISTED: Final = (401, 401, 403, 403, 403, 200, 200, 200, 200)
READ: Final = (401, 401, 403, 403, 403, 200, 200, 404, 404)
CREATED: Final = (401, 401, 403, 403, 403, 403, 422, 422, 422)
CHANGED: Final = (401, 401, 403, 403, 403, 403, 422, 404, 404)
HELPED: Final = (401, 401, 403, 403, 403, 422, 422, 404, 404)
AUDITED: Final = (401, 401, 403, 403, 200, 200, 200, 200, 200)
OPEN: Final = (200,) * 9

# Every mutating call carries a body that no route takes: 422 means that the caller would be served.
# `{user_id}` is a user of Acme; `foreign` is Beta's administrator, `operator` belongs to the provider.
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
    "GET /v1/users/{user_id}/sessions": READ,
    "DELETE /v1/users/{user_id}/sessions": HELPED,
    "DELETE /v1/users/{user_id}/sessions/{session_id}": HELPED,
    "GET /v1/users/{user_id}/activity": READ,
    "GET /v1/events": AUDITED,
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
    tokens: dict[str, str | None] = {"none": None}
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


async def test_t01_each_route_serves_exactly_whom_the_table_says(service: Service) -> None:
    scene = await scene_of(service, "udo", "ute", "axel", "sven", "anna", "bea", "otto")
    tokens = await tokens_of(scene)
    assert routes_of(service) == set(TABLE)
    assert {f"{route.method} {route.path}" for route in ROUTES} <= set(TABLE)
    wrong = []
    for line, expected in TABLE.items():
        method, template = line.split(" ")
        path = template.replace("{user_id}", str(scene["udo"].user_id)).replace("{session_id}", str(uuid4()))
        path = path.replace("{name}", "docs.js")
        for kind, status in zip(KINDS, expected, strict=True):
            body = None if method == "GET" else [1]
            answer = await service.call(method, path, tokens[kind], body)
            if answer.status != status:
                wrong.append((line, kind, status, answer.status, answer.code))
    assert wrong == []


async def test_t01_a_dead_token_of_any_kind_is_none(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    session, pending = await scene.fresh("anna"), await service.pending(scene["udo"])
    await service.call("POST", "/v1/me/sign-out", session)
    await service.call("DELETE", "/v1/sign-ins/current", pending)
    for line, expected in TABLE.items():
        method, template = line.split(" ")
        path = template.replace("{user_id}", str(scene["udo"].user_id)).replace("{session_id}", str(uuid4()))
        if expected not in (ANYONE, OPEN):
            for token in (session, pending, "fl_api_" + "A" * 86):
                assert (await service.call(method, path, token)).code == "unauthenticated", line


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
    "PasswordResetBody": REASON,
}


async def test_t05_fields_of_others_are_unknown_to_every_call_and_change_nothing(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    session, pending = await scene.fresh("anna"), await service.pending(scene["udo"])
    before = await service.event_types(scene.companies["acme"])
    for route in ROUTES:
        if route.body is None:
            continue
        path = route.path.replace("{user_id}", str(scene["udo"].user_id))
        token = pending if path.startswith("/v1/sign-ins") else session
        for name, value in STRANGE.items():
            body = {**VALID[route.body.__name__], name: value}
            answer = await service.call(route.method, path, token, body)
            assert (answer.status, answer.code) == (422, "validation_failed"), (path, name, answer)
    assert await service.event_types(scene.companies["acme"]) == before


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
    "backlog_open_effects.sql": "metrics count the queue by kind",
    "backlog_failed_effects.sql": "metrics count what was given up by kind",
    "lagging_companies.sql": "the projector asks which companies are behind",
    "evidence_companies.sql": "a check is of every company",
    "sweep_credentials.sql": "expired rows go, whosever they are",
    "sweep_idempotency.sql": "old answers go, whosever they are",
    "customers.sql": "the provider's people act in every company's log",
    "load_callers.sql": "pairs of company and credential: callers of several companies are read in one round trip",
    "logins.sql": "pairs of company and user: a provider's member acts in other companies' logs",
    "keys_held.sql": "pairs of company and user: a provider's member acts in other companies' logs",
    "people.sql": "pairs of company and user: a provider's member acts in other companies' logs",
}
# Tables that belong to no company: limits count addresses and logins, keys and migrations are the installation's.
OF_NOBODY: Final = {"throttle", "installation_key", "schema_migration"}

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
