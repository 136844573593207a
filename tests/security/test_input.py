"""What the API takes in and what every answer carries: requirements I-01, I-04, K-05, W-05, W-06, W-09, W-10."""

import base64
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg
import pytest

from services.api.app import create_app
from services.api.routes import ROUTES
from services.web.bodies import MAX_BODY, MAX_SIGN_IN_BODY
from tests.support.dump import full_dump
from tests.support.paths import filled
from tests.support.raw_http import RawReply, header, send_raw
from tests.support.scene import REASON, scene_of
from tests.support.service import OwnServer, Person, Reply, Service
from tests.support.sizes import sized

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "Factorlog",
    "X-Content-Type-Options": "nosniff",
}
JSON: Final = {"Content-Type": "application/json"}
MARK: Final = "mark-7f3a9"


async def user(service: Service, *, on: bool = False) -> Person:
    return await service.person(await service.company(), "udo.acme", on=on)


async def post(service: Service, path: str, raw: bytes, token: str | None = None, **headers: str) -> Reply:
    return await service.call("POST", path, token, data=raw, headers={**JSON, **headers})


def is_guarded(reply: Reply | RawReply) -> bool:
    """Does the answer carry the headers that every answer has?"""
    return all(header(reply, name) == value for name, value in HEADERS.items())


def is_problem(reply: Reply, status: int, code: str) -> bool:
    """A problem document of that kind, without any input in it."""
    document = reply.json
    return (
        (reply.status, document["code"], document["status"]) == (status, code, status)
        and reply.headers["Content-Type"] == "application/problem+json"
        and document["request_id"] == header(reply, "X-Request-Id")
        and set(document) <= {"type", "title", "status", "code", "request_id", "errors"}
        and MARK.encode() not in reply.raw
    )


# I-01: bodies.

DEEP: Final = b'{"login": ' + b"[" * 11 + b"]" * 11 + b', "password": "x"}'
MALFORMED: Final[dict[str, bytes]] = {
    "nothing": b"",
    "no JSON": b"login=udo&password=mark-7f3a9",
    "an array": b'["mark-7f3a9"]',
    "a string": b'"mark-7f3a9"',
    "null": b"null",
    "cut off": b'{"login": "mark-7f3a9", "password": "x"',
    "trailing": b'{"login": "mark-7f3a9", "password": "x"} {}',
    "a trailing comma": b'{"login": "mark-7f3a9", "password": "x",}',
    "single quotes": b"{'login': 'mark-7f3a9', 'password': 'x'}",
    "a comment": b'{"login": "mark-7f3a9", /* */ "password": "x"}',
    "a duplicate member": b'{"login": "mark-7f3a9", "password": "x", "password": "y"}',
    "an escaped duplicate": b'{"login": "mark-7f3a9", "password": "x", "passw\\u006frd": "y"}',
    "NaN": b'{"login": "mark-7f3a9", "password": NaN}',
    "Infinity": b'{"login": "mark-7f3a9", "password": Infinity}',
    "minus Infinity": b'{"login": "mark-7f3a9", "password": -Infinity}',
    "a huge number": b'{"login": "mark-7f3a9", "password": 1e999}',
    "a NUL": b'{"login": "mark-7f3a9\\u0000", "password": "x"}',
    "a NUL in a name": b'{"login": "mark-7f3a9", "password": "x", "\\u0000": 1}',
    "a raw control character": b'{"login": "mark-7f3a9\x01", "password": "x"}',
    "invalid UTF-8": b'{"login": "mark-7f3a9\xff", "password": "x"}',
    "UTF-16": '{"login": "mark-7f3a9", "password": "x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"login": "mark-7f3a9", "password": "x"}',
    "an overlong form": b'{"login": "mark-7f3a9\xc0\xaf", "password": "x"}',
    "an encoded surrogate": b'{"login": "mark-7f3a9\xed\xa0\x80", "password": "x"}',
    "a lone surrogate": b'{"login": "mark-7f3a9\\ud800", "password": "x"}',
    "a lone low surrogate": b'{"login": "mark-7f3a9", "password": "\\udc00x"}',
    "too deep": DEEP,
    "far too deep": b'{"login":' * 700 + b"1" + b"}" * 700,
    "an unknown field": b'{"login": "mark-7f3a9", "password": "x", "mark-7f3a9": 1}',
    "a missing field": b'{"login": "mark-7f3a9"}',
    "another case": b'{"Login": "mark-7f3a9", "password": "x"}',
    "a number": b'{"login": 7, "password": "x"}',
    "a boolean": b'{"login": true, "password": "x"}',
    "a null": b'{"login": "mark-7f3a9", "password": null}',
    "a list": b'{"login": ["mark-7f3a9"], "password": "x"}',
    "an object": b'{"login": {"mark-7f3a9": 1}, "password": "x"}',
    "a polluted prototype": b'{"login": "x", "password": "x", "__proto__": {"role": "mark-7f3a9"}}',
    "a long password": json.dumps({"login": "x", "password": "mark-7f3a9" * 103}).encode(),
}


async def test_i01_a_malformed_body_is_one_clear_problem_and_nothing_else(service: Service) -> None:
    person = await user(service)
    events = await service.event_types(person.company_id)
    for form, body in MALFORMED.items():
        answer = await post(service, "/v1/sign-ins", body)
        assert is_problem(answer, 422, "validation_failed"), (form, answer)
        assert is_guarded(answer), form
    assert await service.event_types(person.company_id) == events
    assert "throttle" not in (await full_dump(service.database)).tables_with(MARK.encode())
    assert await service.parts.pool.fetchval("SELECT count(*) FROM throttle") == 0


async def test_i01_right_bodies_in_odd_but_valid_forms_are_taken(service: Service) -> None:
    person = await user(service)
    plain = {"login": person.login, "password": person.password}
    for raw in (
        json.dumps(plain).encode(),
        json.dumps(plain, ensure_ascii=False, indent=3).encode(),
        b" \r\n\t" + json.dumps(dict(reversed(plain.items()))).encode() + b"\n",
        json.dumps(plain).replace("udo", "\\u0075do").encode(),
    ):
        assert (await post(service, "/v1/sign-ins", raw)).status == 201
    for kind in ("application/json; charset=utf-8", "Application/JSON"):
        answer = await post(service, "/v1/sign-ins", json.dumps(plain).encode(), **{"Content-Type": kind})
        assert answer.status == 201


MEDIA_TYPES: Final = (
    "text/plain",
    "text/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json-patch+json",
    "application/xml",
    "",
)


async def test_i01_any_other_media_type_is_refused(service: Service) -> None:
    person = await user(service)
    body = json.dumps({"login": person.login, "password": person.password}).encode()
    for kind in MEDIA_TYPES:
        answer = await post(service, "/v1/sign-ins", body, **{"Content-Type": kind})
        assert is_problem(answer, 415, "unsupported_media_type"), (kind, answer)
        assert is_guarded(answer)


async def test_i01_any_content_encoding_is_refused(service: Service) -> None:
    person = await user(service)
    body = json.dumps({"login": person.login, "password": person.password}).encode()
    for encoding in ("gzip", "deflate", "br", "zstd", "identity", "x-unknown", "gzip, gzip"):
        packed = gzip.compress(body) if encoding == "gzip" else body
        answer = await send_raw(
            service.url,
            b"POST /v1/sign-ins HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + f"Content-Encoding: {encoding}\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
            + packed,
        )
        assert answer.status == 415, (encoding, answer)
        assert json.loads(answer.body)["code"] == "unsupported_media_type"
        assert is_guarded(answer)


async def test_i02_a_packed_bomb_is_refused_unread(service: Service) -> None:
    bomb = gzip.compress(bytes(sized(20, 200) * 2**20))
    answer = await post(service, "/v1/sign-ins", bomb, **{"Content-Encoding": "gzip"})
    assert answer.status in (413, 415)


@pytest.mark.parametrize("limit", [MAX_SIGN_IN_BODY, MAX_BODY])
async def test_i01_a_body_beyond_the_limit_is_too_large_however_it_is_sent(service: Service, limit: int) -> None:
    person = await user(service)
    token = await service.sign_in(person) if limit == MAX_BODY else None
    path = "/v1/me/step-up" if limit == MAX_BODY else "/v1/sign-ins"
    body = json.dumps({"login": "x", "password": "x"}).encode()

    async def chunks(size: int) -> AsyncIterator[bytes]:
        padded = body.ljust(size)
        for start in range(0, size, 1000):
            yield padded[start : start + 1000]

    for size, refused in ((limit, False), (limit + 1, True), (limit * 2, True), (MAX_BODY * 4, True)):
        for data in (body.ljust(size), chunks(size)):
            answer = await service.call("POST", path, token, data=data, headers=JSON)
            if refused:
                assert is_problem(answer, 413, "payload_too_large"), (size, answer)
                assert is_guarded(answer)
            else:
                assert answer.status in (401, 422), (size, answer)


async def test_i01_a_length_that_promises_too_much_is_refused_before_the_body_comes(service: Service) -> None:
    answer = await send_raw(
        service.url,
        b"POST /v1/sign-ins HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 1000000000\r\n\r\n{",
    )
    assert answer.status == 413


async def test_i01_a_call_without_a_body_takes_none_or_an_empty_object_and_nothing_else(service: Service) -> None:
    person = await user(service)
    token = await service.sign_in(person)
    for body in (b'{"mark-7f3a9": 1}', b"[]", b"null", b"mark-7f3a9", b"0"):
        answer = await post(service, "/v1/me/sign-out", body, token)
        assert is_problem(answer, 422, "validation_failed"), body
    assert (await service.call("GET", "/v1/me", token)).status == 200
    for body in (b"{}", b"", b" {} "):
        token = await service.sign_in(person)
        assert (await post(service, "/v1/me/sign-out", body, token)).status == 204, body


FIELDS: Final[list[tuple[str, str, dict[str, Any]]]] = [
    ("POST", "/v1/users", {"login": "x" * 65, "role": "user"}),
    ("POST", "/v1/users", {"login": "", "role": "user"}),
    ("POST", "/v1/users", {"login": " udo", "role": "user"}),
    ("POST", "/v1/users", {"login": "udo\u200b", "role": "user"}),
    ("POST", "/v1/users", {"login": "udo\u202e", "role": "user"}),
    ("POST", "/v1/users", {"login": "u", "role": "User"}),
    ("POST", "/v1/users", {"login": "u", "role": "user\n"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "email": "a@b\r\nBcc: c@d"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "email": "no address"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "email": "a@b@c"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "email": "a@b\n"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "email": "a" * 251 + "@b.c"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "language": "fr"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "language": "DE"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "time_zone": "../../etc/passwd"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "time_zone": "europe/berlin"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "expiration_date": "2026-01-01T00:00:00"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "expiration_date": "2026-01-01"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "expiration_date": 1_800_000_000}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "expiration_date": "tomorrow"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "expiration_date": "1800000000"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "expiration_date": "2026-01-01 00:00Z"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "expiration_date": "9999-12-31T23:59:59-23:59"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "activation_date": "0001-01-01T00:00:00+23:59"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "password": "short"}),
    ("POST", "/v1/users", {"login": "u", "role": "user", "password": "password"}),
    ("POST", "/v1/users", {"login": "long.enough.login", "role": "user", "password": "Long.Enough.Login"}),
    ("PATCH", "/v1/users/{id}", {"role": None}),
    ("PATCH", "/v1/users/{id}", {"language": None}),
    ("PATCH", "/v1/users/{id}", {"time_zone": None}),
    ("PATCH", "/v1/users/{id}", {"login": "another"}),
    ("PATCH", "/v1/me", {"language": None}),
    ("PATCH", "/v1/me", {"role": "administrator"}),
    ("POST", "/v1/users/{id}/deactivate", {}),
    ("POST", "/v1/users/{id}/deactivate", {"reason": ""}),
    ("POST", "/v1/users/{id}/deactivate", {"reason": " \t\n"}),
    ("POST", "/v1/users/{id}/deactivate", {"reason": "x" * 501}),
    ("POST", "/v1/users/{id}/deactivate", {"reason": ["x"]}),
    ("POST", "/v1/me/step-up", {}),
    ("POST", "/v1/me/step-up", {"code": "123456", "password": "x"}),
    ("POST", "/v1/me/two-factor/reset", {"code": "123456", "recovery_code": "x"}),
    ("POST", "/v1/me/two-factor/reset", {"recovery_code": "x" * 65}),
    ("POST", "/v1/me/two-factor/reset", {"recovery_code": ""}),
]


async def test_i01_each_field_has_one_form_and_a_wrong_one_changes_nothing(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("anna")
    events = await service.event_types(scene.companies["acme"])
    for method, path, body in FIELDS:
        path = path.replace("{id}", str(scene["udo"].user_id))
        answer = await service.call(method, path, token, body)
        assert is_problem(answer, 422, "validation_failed"), (method, path, body, answer)
        assert is_guarded(answer)
        for error in answer.json.get("errors", ()):
            assert set(error) == {"loc", "msg", "type"}
    assert await service.event_types(scene.companies["acme"]) == events


async def test_i01_times_are_read_in_any_offset_and_told_in_utc(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    body = {"expiration_date": "2099-07-01T02:00:00.5+02:00"}
    changed = await service.call("PATCH", scene.path("udo"), await scene.fresh("anna"), body)
    assert changed.json["expiration_date"] == "2099-07-01T00:00:00.500000Z"


# I-04: lists.


QUERIES: Final = (
    "limit=201",
    "limit=1000000000",
    "limit=0",
    "limit=-1",
    "limit=1.5",
    "limit=ten",
    "limit=",
    "limit=5&limit=6",
    "limit=99999999999999999999999",
    "cursor=mark-7f3a9",
    "cursor=%00",
    "cursor=W10",
    "cursor=bnVsbA",
    "cursor=WyJhIiwiYiJd",
    "cursor=Wy0xXQ",
    "cursor=WzFlOTk5XQ",
    "cursor=WzE4NDQ2NzQ0MDczNzA5NTUxNjE2XQ",
    "cursor=WyJcdTAwMDAiLCIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDAiXQ",
    "cursor=WyJcdWQ4MDAiLCIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDAiXQ",
    "offset=10",
    "mark-7f3a9=1",
)


async def test_i04_lists_have_a_hard_maximum_and_strict_parameters(service: Service) -> None:
    admin = await service.person(await service.company(), "anna.acme", "administrator")
    token = await service.sign_in(admin)
    for path in ("/v1/users", "/v1/events", "/v1/me/activity"):
        for query in QUERIES:
            answer = await service.call("GET", f"{path}?{query}", token)
            assert is_problem(answer, 422, "validation_failed"), (path, query, answer)


async def test_i04_pages_are_complete_ordered_and_without_repetition(service: Service) -> None:
    scene = await scene_of(service, "anna")
    company, token = scene.companies["acme"], await scene.fresh("anna")
    logins = ["Zoë", "zoe", "Ärger", "ärgern", "ÉMILE", "İpek", "ipel", "ipek", "straße", "STRASSEN", "ß", "Ω", "ω2"]
    for login in logins:
        await service.parts.console.create_user(company, login=login, role="user")
    for limit in (1, 2, 3, 200):
        seen: list[str] = []
        cursor = None
        while True:
            params = {"limit": str(limit), **({"cursor": cursor} if cursor else {})}
            page = (await service.call("GET", "/v1/users", token, params=params)).json
            assert len(page["items"]) <= limit
            seen += [item["login"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
            assert len(page["items"]) == limit
        assert sorted(seen) == sorted([*logins, "anna.acme"]), limit


async def test_i04_a_search_finds_names_in_any_case(service: Service) -> None:
    scene = await scene_of(service, "anna")
    company, token = scene.companies["acme"], await scene.fresh("anna")
    await service.parts.console.create_user(company, login="Ärger.Émile", role="user", email="ae@acme.example")
    for q in ("ärger", "ÄRGER", "émile", "ÉMI", "AE@ACME"):
        found = (await service.call("GET", "/v1/users", token, params={"q": q})).json["items"]
        assert [item["login"] for item in found] == ["Ärger.Émile"], q
    for q in ("%", "_", "'; DROP TABLE event; --", "\\"):
        assert (await service.call("GET", "/v1/users", token, params={"q": q})).json["items"] == []


# K-05: where a token is not taken from.


async def test_k05_a_token_counts_in_its_header_only(service: Service) -> None:
    person = await user(service)
    token = await service.sign_in(person)
    basic = base64.b64encode(f"{person.login}:{person.password}".encode()).decode()
    with_token = base64.b64encode(f"{person.login}:{token}".encode()).decode()
    for path, headers in (
        (f"/v1/me?access_token={token}", {}),
        (f"/v1/me?token={token}", {}),
        ("/v1/me", {"Cookie": f"session={token}; __Host-session={token}; access_token={token}"}),
        ("/v1/me", {"X-Api-Key": token}),
        ("/v1/me", {"Authorization": token}),
        ("/v1/me", {"Authorization": f"Token {token}"}),
        ("/v1/me", {"Authorization": f"Bearer  {token}"}),
        ("/v1/me", {"Authorization": f"Bearer {token},Bearer {token}"}),
        ("/v1/me", {"Authorization": f"Basic {basic}"}),
        ("/v1/me", {"Authorization": f"Basic {with_token}"}),
        ("/v1/me", {"Authorization": "Bearer"}),
        ("/v1/me", {"Authorization": ""}),
    ):
        answer = await service.call("GET", path, headers=headers)
        assert is_problem(answer, 401, "unauthenticated"), (path, headers)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    grant = {"grant_type": "password", "username": person.login, "password": person.password}
    for path in ("/v1/token", "/oauth/token", "/token"):
        assert (await service.call("POST", path, data=grant)).status == 404


async def test_k05_two_authorizations_are_none(service: Service) -> None:
    token = await service.sign_in(await user(service))
    line = f"Authorization: Bearer {token}\r\n"
    answer = await send_raw(service.url, f"GET /v1/me HTTP/1.1\r\nHost: x\r\n{line}{line}\r\n".encode())
    assert answer.status == 401


# W-05: no grants to other origins.


async def test_w05_no_origin_is_granted_anything(service: Service) -> None:
    token = await service.sign_in(await user(service))
    for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example", "http://127.0.0.1"):
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        }
        answers = [
            await service.call("OPTIONS", "/v1/sign-ins", headers=asked),
            await service.call("GET", "/v1/me", token, headers=asked),
            await service.call("GET", "/openapi.json", headers=asked),
            await service.call("GET", "/healthz", headers=asked),
        ]
        assert answers[0].status == 405
        for answer in answers:
            assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


# W-09: generic errors, a bare server header, the same headers on every answer.


async def test_w09_every_answer_carries_the_same_headers(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("anna")
    answers = {
        200: await service.call("GET", "/v1/me", token),
        201: await service.start(scene["udo"]),
        204: await service.call("DELETE", scene.path("udo", "/sessions"), token),
        401: await service.call("GET", "/v1/me"),
        403: await service.call("DELETE", scene.path("anna"), token),
        404: await service.call("GET", "/v1/nothing"),
        405: await service.call("PUT", "/v1/me", token),
        409: await service.call("POST", scene.path("udo", "/reactivate"), token, REASON),
        412: await service.call("PATCH", scene.path("udo"), token, {"language": "en"}, headers={"If-Match": '"x"'}),
        413: await service.call("POST", "/v1/sign-ins", data=b"x" * 9000, headers=JSON),
        415: await service.call("POST", "/v1/sign-ins", data=b"x"),
        422: await service.call("POST", "/v1/sign-ins", json={}),
    }
    for status, answer in answers.items():
        assert answer.status == status, answer
        assert is_guarded(answer), (status, answer.headers)
        assert header(answer, "X-Request-Id")
        if status >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json"
        if status == 204:
            assert answer.raw == b""
    assert answers[405].headers["Allow"] == "GET, PATCH"


async def test_w09_pages_and_documents_are_guarded_too(service: Service) -> None:
    for path in ("/docs", "/docs/docs.js", "/openapi.json", "/healthz", "/readyz"):
        answer = await service.call("GET", path)
        assert answer.status == 200, path
        for name in ("Server", "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy"):
            assert answer.headers[name] == HEADERS[name], (path, name)
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
    for path in ("/docs/../app.py", "/docs/%2e%2e/app.py", "/docs/openapi.py", "/docs/", "/.env", "/metrics", "/debug"):
        assert (await service.call("GET", path)).status == 404, path


async def test_w09_what_nobody_expected_is_a_bare_problem(service: Service) -> None:
    person = await user(service)
    token = await service.sign_in(person)
    await owner_executes(service, "ALTER TABLE user_state RENAME TO user_state_gone")
    for answer in (
        await service.call("GET", "/v1/me", token),
        await service.start(person),
        await service.call("POST", "/v1/me/step-up", token, {"password": MARK}),
    ):
        assert is_problem(answer, 500, "internal_error"), answer
        assert is_guarded(answer)
        assert b"user_state" not in answer.raw
        assert b"asyncpg" not in answer.raw


async def owner_executes(service: Service, statement: str) -> None:
    connection = await asyncpg.connect(service.database.owner_url)
    await connection.execute(statement)
    await connection.close()


FRAMING: Final[dict[str, bytes]] = {
    "no HTTP": b"mark-7f3a9\r\n\r\n",
    "a bad version": b"GET /v1/me HTTP/9.9\r\nHost: x\r\n\r\n",
    "a bad method": b"mark-7f3a9{} /v1/me HTTP/1.1\r\nHost: x\r\n\r\n",
    "a bad header name": b"GET /v1/me HTTP/1.1\r\nHost: x\r\nmark 7f3a9: 1\r\n\r\n",
    "a NUL in a header": b"GET /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer mark-7f3a9\x00\r\n\r\n",
    "a folded header": b"GET /v1/me HTTP/1.1\r\nHost: x\r\nA: 1\r\n mark-7f3a9\r\n\r\n",
    "two lengths": b"POST /v1/sign-ins HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": (
        b"POST /v1/sign-ins HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/mark-7f3a9 HTTP/1.1\r\nHost: x\r\n\r\n"
    ),
    "a negative length": b"POST /v1/sign-ins HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}",
    "a signed length": b"POST /v1/sign-ins HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\n{}",
    "an unknown transfer": b"POST /v1/sign-ins HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: mark-7f3a9\r\n\r\n{}",
    "a long line": b"GET /v1/" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long header": b"GET /v1/me HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 20_000 + b"\r\n\r\n",
    "an odd expectation": b"GET /v1/me HTTP/1.1\r\nHost: x\r\nExpect: mark-7f3a9\r\n\r\n",
}


async def test_w10_malformed_http_is_refused_without_an_echo(service: Service) -> None:
    for form, request in FRAMING.items():
        answer = await send_raw(service.url, request)
        assert 400 <= answer.status < 500, (form, answer)
        assert b"mark-7f3a9" not in answer.body, form
        assert b"HTTP/1.1" not in answer.body, form
        assert answer.headers["content-type"] == "application/problem+json"
        assert is_guarded(answer), form


async def test_w10_a_chunk_that_is_no_chunk_ends_the_connection(service: Service) -> None:
    answer = await send_raw(
        service.url,
        b"POST /v1/sign-ins HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nmark-7f3a9\r\n{}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    )
    assert answer.status == 400, answer
    assert b"alive" not in answer.body
    assert b"mark-7f3a9" not in answer.body
    assert answer.headers["server"] == "Factorlog"


# W-06: host names.


async def test_w06_an_unknown_host_is_misdirected(service: Service) -> None:
    app = create_app(
        service.parts.application, service.parts.readiness, hosts=frozenset({"portal.example", "127.0.0.1", "[::1]"})
    )
    server = OwnServer(app)
    await server.start_server()
    try:
        url = str(server.make_url("")).rstrip("/")
        for host, status in (
            ("portal.example", 401),
            ("PORTAL.example:8443", 401),
            ("127.0.0.1", 401),
            ("[::1]:80", 401),
            ("evil.example", 421),
            ("portal.example.evil.example", 421),
            ("portal.example@evil.example", 421),
            ("portal.example:evil", 421),
            ("", 421),
        ):
            lines = f"GET /v1/me HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: portal.example\r\n\r\n"
            answer = await send_raw(url, lines.encode())
            assert answer.status == status, (host, answer)
            assert is_guarded(answer)
            if status == 421:
                assert json.loads(answer.body)["code"] == "misdirected_request"
                assert host.encode() not in answer.body or not host
        assert (await send_raw(url, b"GET /healthz HTTP/1.1\r\nHost: any\r\n\r\n")).status == 200
        assert (await send_raw(url, b"GET /readyz HTTP/1.1\r\nHost: any\r\n\r\n")).status == 421
    finally:
        await server.close()


async def test_w06_a_forged_host_appears_in_nothing_that_is_shown(service: Service) -> None:
    person = await user(service)
    token = await service.sign_in(person)
    headers = {
        "Host": "mark-7f3a9.example",
        "X-Forwarded-Host": "mark-7f3a9.example",
        "Forwarded": "host=mark-7f3a9.example",
    }
    started = await service.call(
        "POST", "/v1/me/two-factor/enrolment", token, {"password": person.password}, headers=headers
    )
    assert started.status == 201
    assert b"mark-7f3a9" not in started.raw
    assert (await full_dump(service.database, service.parts.wrapper)).tables_with(MARK.encode()) == set()


# The order of checks.


async def test_t01_the_order_of_checks_is_caller_right_target_body(service: Service) -> None:
    scene = await scene_of(service, "anna", "sven", "udo", "bea")
    anna, sven = await scene.fresh("anna"), await service.sign_in(scene["sven"])
    bad: dict[str, Any] = {"reason": 7, "unknown": 1}
    own, foreign, missing = scene.path("udo"), scene.path("bea"), "/v1/users/not-an-id"
    statuses = [
        (await service.call("POST", f"{path}/deactivate", token, bad)).status
        for token in (None, sven, anna)
        for path in (missing, foreign, own)
    ]
    assert statuses == [401, 401, 401, 403, 403, 403, 404, 404, 422]
    assert (await service.call("POST", scene.path("anna", "/deactivate"), anna, bad)).status == 403


async def test_t01_a_malformed_id_is_not_there(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("anna")
    real = str(scene["udo"].user_id)
    for odd in (
        "1",
        "null",
        real[:-1],
        real + "0",
        "{" + real + "}",
        f"urn:uuid:{real}",
        real.replace("-", ""),
        "%00",
        "%2e%2e",
        real[:-1] + "g",
    ):
        answer = await service.call("GET", f"/v1/users/{odd}", token)
        assert is_problem(answer, 404, "not_found"), odd


async def test_w09_other_methods_name_those_that_are_allowed(service: Service) -> None:
    methods: dict[str, set[str]] = {}
    for route in ROUTES:
        methods.setdefault(route.path, set()).add(route.method)
    for path, allowed in methods.items():
        real = filled(path, any_id="x")
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - allowed:
            answer = await service.call(method, real)
            assert answer.status == 405, (method, path)
            assert set(answer.headers["Allow"].split(", ")) == allowed
            assert is_guarded(answer)
