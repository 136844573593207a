"""The pages from the outside: requirements W-02 to W-09 and Z-09, without a browser."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from services.api.app import create_app
from services.portal import security
from services.portal.languages import LANGUAGES
from services.portal.mount import mount
from services.portal.route import Allow, Route
from services.portal.routes import ROUTES
from services.portal.site import make_site
from tests.support.service import Person, Service
from tests.support.visitor import Shown, Visitor, visitor_of

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
ACTS: Final = [route for route in ROUTES if route.is_act]
PAGES: Final = [route for route in ROUTES if not route.is_act]


@pytest_asyncio.fixture
async def visitor(service: Service) -> AsyncIterator[Visitor]:
    made = visitor_of(service)
    yield made
    await made.http.close()


@pytest_asyncio.fixture
async def uta(service: Service) -> Person:
    return await service.person(await service.company(), "uta.user", on=True, email="uta@acme.example")


def path_of(route: Route) -> str:
    path = route.path.replace("{role_id}", "user")
    nobody = "00000000-0000-4000-8000-000000000000"
    return "/".join(nobody if part.startswith("{") else part for part in path.split("/"))


def assert_guarded(page: Shown) -> None:
    """W-04."""
    assert page.headers["Content-Security-Policy"] == POLICY, page.path
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Server"] == "Factorlog"
    assert page.headers["X-Request-Id"]
    assert "Access-Control-Allow-Origin" not in page.headers


async def a_session(visitor: Visitor, person: Person) -> Shown:
    await visitor.sign_in(person)
    return await visitor.get("/profile/security")


# W-04: headers, on every answer.


async def test_w04_every_page_is_guarded_for_strangers_and_for_those_signed_in(visitor: Visitor, uta: Person) -> None:
    for _ in range(2):
        for route in PAGES:
            page = await visitor.get(path_of(route))
            # What somebody without the right to it sees is guarded in the same way.
            assert page.status in ((200, 303, 403) if route.rights else (200, 303)), (route.path, page.text)
            assert_guarded(page)
        visitor.service.clock.advance(seconds=60)
        if "factorlog" not in visitor.cookies:
            await visitor.sign_in(uta)


async def test_w04_errors_are_guarded_too(visitor: Visitor, uta: Person) -> None:
    page = await a_session(visitor, uta)
    fields = page.form("/profile/security/password").fields
    refused = {
        404: await visitor.get("/nothing", Accept="text/html"),
        413: await visitor.post("/profile/security/password", {**fields, "old_password": "x" * 70_000}),
        422: await visitor.post("/profile/security/password", {**fields, "unknown": "x"}),
        403: await visitor.post("/profile/security/password", {**fields, "form_token": "0" * 64}),
        401: await visitor.post(
            "/profile/security/password",
            {**fields, "old_password": "x", "new_password": "y", "new_password_again": "y"},
        ),
    }
    for status, answer in refused.items():
        assert answer.status == status, answer.text
        assert_guarded(answer)
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_w04_what_nobody_expected_is_a_page_that_tells_nothing(
    visitor: Visitor, uta: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await visitor.sign_in(uta)

    async def broken(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(visitor.service.parts.application.own, "sessions", broken)
    page = await visitor.get("/profile/sessions")
    assert page.status == 500
    assert "secret of the inside" not in page.text
    assert "RuntimeError" not in page.text
    assert_guarded(page)


async def test_w04_without_the_database_pages_say_so(visitor: Visitor, uta: Person) -> None:
    await visitor.sign_in(uta)
    await visitor.service.parts.pool.close()
    page = await visitor.get("/profile/sessions")
    assert page.status == 503
    assert page.headers["Retry-After"]
    assert_guarded(page)


async def test_programs_get_problems_and_people_pages_where_nothing_is(visitor: Visitor) -> None:
    assert (await visitor.get("/nothing")).headers["Content-Type"] == "application/problem+json"
    assert (await visitor.get("/v1/nothing", Accept="text/html")).headers["Content-Type"] == "application/problem+json"
    page = await visitor.get("/nothing", Accept="text/html", Accept_Language="en")
    assert (page.status, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


# W-03: every act proves where it comes from.

_FOREIGN: Final[list[dict[str, str]]] = [
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Sec_Fetch_Site": "nonsense"},
]


async def the_log(service: Service, uta: Person) -> tuple[list[str], object]:
    state = await service.parts.store.user(uta.company_id, uta.user_id)
    assert state is not None
    return await service.event_types(uta.company_id), state.state


@pytest.mark.parametrize("foreign", _FOREIGN, ids=lambda one: next(iter(one.values())))
async def test_w03_no_act_is_taken_from_a_foreign_page(visitor: Visitor, uta: Person, foreign: dict[str, str]) -> None:
    page = await a_session(visitor, uta)
    token = page.forms[0].fields["form_token"]
    before = await the_log(visitor.service, uta)
    for route in ACTS:
        answer = await visitor.post(path_of(route), {"form_token": token, "code": visitor.service.code(uta)}, **foreign)
        assert answer.status == 403, route.path
    assert await the_log(visitor.service, uta) == before


async def test_w03_without_fetch_metadata_the_origin_decides(visitor: Visitor, uta: Person) -> None:
    page = await a_session(visitor, uta)
    before = await the_log(visitor.service, uta)
    url, fields = visitor.service.url, page.form("/sign-out").fields
    for origin in ("https://evil.example", "null", url.replace("http:", "https:"), url + ".evil.example"):
        async with visitor.http.post(url + "/sign-out", data=fields, headers={"Origin": origin}) as answer:
            assert answer.status == 403, origin
    assert await the_log(visitor.service, uta) == before
    async with visitor.http.post(
        url + "/sign-out", data=fields, headers={"Origin": url}, allow_redirects=False
    ) as answer:
        assert answer.headers["Location"] == "/sign-in"


async def test_w03_no_act_is_taken_without_its_token_or_with_that_of_another(
    visitor: Visitor, uta: Person, service: Service
) -> None:
    ugo = await service.person(uta.company_id, "ugo.user", on=True)
    other = visitor_of(service)
    await other.sign_in(ugo)
    theirs = (await other.get("/profile/security")).forms[0].fields["form_token"]
    before_sign_in = (await visitor.get("/sign-in")).forms[0].fields["form_token"]
    await visitor.sign_in(uta)
    before = await the_log(service, uta)
    for route in ACTS:
        if route.allow is Allow.SIGN_IN:
            continue
        tokens = [None, "", theirs, "0" * 64, "ü"]
        if route.allow is Allow.SESSION:
            tokens.append(before_sign_in)
        for token in tokens:
            fields = {"code": service.code(uta)} | ({} if token is None else {"form_token": token})
            answer = await visitor.post(path_of(route), fields)
            assert answer.status == 403, (route.path, token)
    await other.http.close()
    assert await the_log(service, uta) == before


async def test_w03_acts_are_no_matter_of_get_and_take_forms_only(visitor: Visitor, uta: Person) -> None:
    page = await a_session(visitor, uta)
    token = page.forms[0].fields["form_token"]
    before = await the_log(visitor.service, uta)
    pages = {path_of(route) for route in PAGES}
    for route in ACTS:
        path = path_of(route)
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            if method == "GET" and path in pages:
                continue
            answer = await visitor._send(method, f"{path}?form_token={token}")
            assert answer.status == 405, (method, path)
        for kind in ("text/plain", "application/json", "multipart/form-data; boundary=x"):
            answer = await visitor._send(
                "POST",
                path,
                data=f"form_token={token}".encode(),
                headers={"Content-Type": kind, "Sec-Fetch-Site": "same-origin"},
            )
            assert answer.status in (303, 422), (kind, path)
    assert await the_log(visitor.service, uta) == before


# W-02 and Z-02: cookies.


async def test_w02_behind_tls_cookies_are_bound_to_this_host(service: Service, uta: Person) -> None:
    app = create_app(service.parts.application, service.parts.readiness, hosts=frozenset(), behind_tls=True)
    mount(app, make_site(service.parts.vault.pepper, behind_tls=True, public_url="https://portal.example/"))
    async with TestClient(TestServer(app)) as client:
        page = await client.get("/sign-in")
        browser = page.cookies["__Host-factorlog-browser"]
        assert (browser["secure"], browser["httponly"], browser["samesite"]) == (True, True, "Lax")
        assert (browser["path"], browser["domain"]) == ("/", "")
        text = await page.text()
        token = Shown(200, {}, text, "").form("/sign-in").fields["form_token"]
        body = {"form_token": token, "login": uta.login, "password": uta.password}
        held = {"Cookie": f"__Host-factorlog-browser={browser.value}", "Origin": "https://portal.example"}
        answer = await client.post("/sign-in", data=body, headers=held, allow_redirects=False)
        assert answer.status == 303
        session = answer.cookies["__Host-factorlog"]
        assert (session["secure"], session["httponly"], session["samesite"]) == (True, True, "Lax")
        assert (session["path"], session["domain"]) == ("/", "")


async def test_z02_each_stage_has_a_token_of_its_own(visitor: Visitor, uta: Person) -> None:
    page = await visitor.get("/sign-in")
    await visitor.fill(page, "/sign-in", login=uta.login, password=uta.password)
    first = visitor.cookies[security.SESSION]
    page = await visitor.get("/sign-in/code")
    await visitor.fill(page, "/sign-in/code", code=visitor.service.code(uta))
    second = visitor.cookies[security.SESSION]
    visitor.service.clock.advance(seconds=60)
    page = await visitor.get("/step-up?next=/profile/activity")
    answer = await visitor.fill(page, "/step-up", code=visitor.service.code(uta))
    third = visitor.cookies[security.SESSION]
    assert answer.headers["Location"] == "/profile/activity"
    assert len({first, second, third}) == 3
    for dead in (first, second):
        async with visitor.http.get(
            visitor.service.url + "/profile/security", cookies={security.SESSION: dead}, allow_redirects=False
        ) as refused:
            assert refused.status == 303


async def test_a_token_of_the_portal_is_no_cookie_of_the_api(visitor: Visitor, uta: Person) -> None:
    await visitor.sign_in(uta)
    assert (await visitor.get("/v1/me")).status == 401


async def test_z09_signing_out_leaves_nothing_behind(visitor: Visitor, uta: Person) -> None:
    page = await a_session(visitor, uta)
    held = visitor.cookies[security.SESSION]
    answer = await visitor.fill(page, "/sign-out")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert security.SESSION not in visitor.cookies
    assert (await visitor.service.call("GET", "/v1/me", held)).status == 401


# W-06 and W-07: where one is sent.


async def test_w06_no_address_of_ours_comes_from_the_request(visitor: Visitor) -> None:
    answer = await visitor.get("/", Host="evil.example", X_Forwarded_Host="evil.example")
    assert answer.headers["Location"] == "/sign-in"
    page = await visitor.get("/sign-in", Host="evil.example")
    assert "evil" not in page.text


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https:evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/%0d%0aSet-Cookie:x=1",
        "/x\r\nSet-Cookie: x=1",
        "javascript:alert(1)",
        "/sign-in/../../evil",
        "/" + "x" * 600,
        "/ü",
    ],
)
async def test_w07_one_is_sent_on_to_pages_of_ours_only(visitor: Visitor, service: Service, wanted: str) -> None:
    ute = await service.person(await service.company(), "ute.user")
    page = await visitor.get("/sign-in")
    answer = await visitor.fill(page, "/sign-in", login=ute.login, password=ute.password, next=wanted)
    if answer.status == 422:
        assert "x" * 501 in wanted
        return
    assert answer.headers["Location"] == "/"


async def test_after_signing_in_one_is_where_one_wanted_to_go(visitor: Visitor, uta: Person) -> None:
    answer = await visitor.get("/profile/activity?before=7")
    assert answer.headers["Location"] == "/sign-in?next=%2Fprofile%2Factivity%3Fbefore%3D7"
    page = await visitor.get(answer.headers["Location"])
    answer = await visitor.fill(page, "/sign-in", login=uta.login, password=uta.password)
    page = await visitor.get(answer.headers["Location"])
    answer = await visitor.fill(page, "/sign-in/code", code=visitor.service.code(uta))
    assert answer.headers["Location"] == "/profile/activity?before=7"


# Stages, rights, refusals.


async def test_e07_who_must_enrol_reaches_the_enrolment_only(visitor: Visitor, service: Service) -> None:
    company = await service.company()
    anna = await service.person(company, "anna.admin", "administrator", on=True)
    ute = await service.person(company, "ute.user")
    admin = await service.fresh_sign_in(anna)
    await service.call("POST", f"/v1/users/{ute.user_id}/two-factor/enable", admin, {"reason": "policy"})
    page = await visitor.get("/sign-in")
    shown = await visitor.fill(page, "/sign-in", login=ute.login, password=ute.password)
    assert shown.status == 200
    assert_guarded(shown)
    token = shown.forms[0].fields["form_token"]
    for route in ROUTES:
        if route.allow is Allow.ANYONE or route.path.startswith("/sign-in/enrolment") or "cancel" in route.path:
            continue
        if route.is_act:
            assert (await visitor.post(path_of(route), {"form_token": token})).status == 403, route.path
        else:
            answer = await visitor.get(path_of(route))
            assert answer.headers["Location"] == "/sign-in/enrolment", route.path


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_all_wrong_sign_ins_look_alike(visitor: Visitor, uta: Person, tag: str) -> None:
    texts = set()
    for login, password in ((uta.login, "wrong password"), ("nobody", "wrong password"), ("nobody", uta.password)):
        page = await visitor.get("/sign-in", Accept_Language=tag)
        answer = await visitor.fill(page, "/sign-in", login=login, password=password)
        assert answer.status == 401
        form = answer.form("/sign-in").fields
        assert form["login"] == login
        assert form["password"] == ""
        texts.add(answer.text.replace(form["once"], "").replace(login, "").replace(answer.headers["X-Request-Id"], ""))
    assert len(texts) == 1


async def test_who_tries_too_often_is_told_how_long_to_wait(visitor: Visitor) -> None:
    page = await visitor.get("/sign-in")
    for n in range(30):
        await visitor.fill(page, "/sign-in", login=f"nobody.{n}", password="wrong password")
    answer = await visitor.fill(page, "/sign-in", login="nobody", password="wrong password")
    assert answer.status == 429
    minutes = -(-int(answer.headers["Retry-After"]) // 60)
    assert 1 <= minutes <= 10
    assert re.findall(r"versuchen Sie es in (\d+) Minute", answer.text) == [str(minutes)]


async def test_a_form_that_is_sent_twice_is_one_act(visitor: Visitor, uta: Person) -> None:
    await visitor.sign_in(uta)
    visitor.service.clock.advance(seconds=60)
    page = await visitor.get("/profile/security/recovery-codes")
    fields = {**page.form("/profile/security/recovery-codes").fields, "code": visitor.service.code(uta)}
    both = await asyncio.gather(*(visitor.post("/profile/security/recovery-codes", fields) for _ in range(2)))
    assert sorted(answer.status for answer in both) == [200, 303]
    types = await visitor.service.event_types(uta.company_id)
    assert types.count("RecoveryCodesIssued") == 1 + types.count("TwoFactorEnabled")
    assert "CodeRejected" not in types


async def test_a_session_that_is_over_in_the_middle_of_a_form_leads_to_the_sign_in_and_back(
    visitor: Visitor, uta: Person
) -> None:
    page = await a_session(visitor, uta)
    visitor.service.clock.advance(hours=13)
    answer = await visitor.fill(page, "/profile/security/password", old_password="a", new_password="b")
    assert (answer.status, answer.headers["Location"]) == (303, "/sign-in?next=%2Fprofile%2Fsecurity")
    assert "Ihre Sitzung ist zu Ende" in (await visitor.get(answer.headers["Location"])).text


async def test_a_new_email_asks_who_it_is_and_loses_nothing_that_was_typed(visitor: Visitor, uta: Person) -> None:
    await visitor.sign_in(uta)
    visitor.service.clock.advance(minutes=6)
    page = await visitor.get("/profile/settings")
    typed = {"email": "new@acme.example", "language": "en", "time_zone": "Europe/Lisbon"}
    asked = await visitor.fill(page, "/profile/settings", **typed)
    assert asked.status == 401
    wrong = await visitor.fill(asked, "/profile/settings", code=visitor.service.wrong_code(uta))
    assert wrong.status == 401
    assert 'id="code-wrong"' in wrong.text
    done = await visitor.fill(wrong, "/profile/settings", code=visitor.service.code(uta))
    assert (done.status, done.headers["Location"]) == (303, "/profile/settings")
    page = await visitor.get("/profile/settings")
    assert "Your settings were saved." in page.text
    assert page.form("/profile/settings").fields["email"] == "new@acme.example"


async def test_the_first_page_is_small_and_all_of_it_is_ours(visitor: Visitor) -> None:
    page = await visitor.get("/sign-in")
    addresses = re.findall(r'(?:href|src)="([^"#]+)"', page.text)
    assert all(address.startswith("/") for address in addresses)
    total = len(page.text.encode())
    for address in {address for address in addresses if address.startswith("/static/")}:
        url = visitor.service.url + address
        async with visitor.http.get(url, headers={"Accept-Encoding": "gzip"}) as asset:
            assert asset.headers["Content-Encoding"] == "gzip"
            assert "immutable" in asset.headers["Cache-Control"]
            total += int(asset.headers["Content-Length"])
    print(f"first page: {total} bytes")
    assert total <= 60_000


async def test_no_page_of_a_route_is_forgotten() -> None:
    """An act can show its form again, or is a button that has none."""
    buttons = {"/language", "/sign-in/cancel", "/sign-out", "/profile/security/cancel", "/profile/settings/export"}
    without = {route.path for route in ACTS if route.page is None and "{" not in route.path}
    assert without == buttons | {"/profile/sessions/end-others"}


async def test_errors_are_told_in_the_language_of_who_is_signed_in(visitor: Visitor, uta: Person) -> None:
    await visitor.sign_in(uta)
    token = visitor.cookies[security.SESSION]
    await visitor.service.call("PATCH", "/v1/me", token, {"language": "en"})
    page = await visitor.get("/nothing", Accept="text/html", Accept_Language="de")
    assert "Nothing is here" in page.text


@pytest.mark.parametrize("session_id", ["00000000-0000-4000-8000-000000000000", "nonsense", "%00"])
async def test_z05_a_session_that_is_not_ones_own_is_not_there(visitor: Visitor, uta: Person, session_id: str) -> None:
    page = await a_session(visitor, uta)
    before = await the_log(visitor.service, uta)
    fields = page.form("/sign-out").fields
    answer = await visitor.post(f"/profile/sessions/{session_id}/end", fields)
    assert answer.status == 404
    assert_guarded(answer)
    assert await the_log(visitor.service, uta) == before


async def test_z05_one_ends_another_session_and_then_all_others(visitor: Visitor, uta: Person) -> None:
    service = visitor.service
    await visitor.sign_in(uta)
    others = [await service.fresh_sign_in(uta) for _ in range(3)]
    page = await visitor.get("/profile/sessions")
    ends = [form for form in page.forms if form.action.endswith("/end")]
    assert len(ends) == 3
    answer = await visitor.post(ends[0].action, ends[0].fields)
    assert answer.headers["Location"] == "/profile/sessions"
    alive = [(await service.call("GET", "/v1/me", token)).status for token in others]
    assert sorted(alive) == [200, 200, 401]
    page = await visitor.get("/profile/sessions/end-others")
    await visitor.fill(page, "/profile/sessions/end-others")
    assert {(await service.call("GET", "/v1/me", token)).status for token in others} == {401}
    assert (await visitor.get("/profile/sessions")).status == 200
