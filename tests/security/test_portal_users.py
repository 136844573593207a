"""The pages about other people: who sees and does what, what a missing right looks like, what is shown once."""

import re
from html import unescape
from typing import Final
from uuid import uuid4

import pytest

from events.company.roles import BUILT_IN, PROVIDER_ONLY, Level, Right
from services.portal.route import Route
from services.portal.routes import ROUTES
from tests.support.acme import XSS, Acme, SignedIn, act, proven
from tests.support.scene import make_role
from tests.support.service import PASSWORD, Person
from tests.support.visitor import Shown, visitor_of

ACTS_ON_A_USER: Final = [route for route in ROUTES if route.is_act and route.path.startswith("/users/{user_id}")]
PAGES_OF_A_USER: Final = [route for route in ROUTES if not route.is_act and route.path.startswith("/users/{user_id}")]


# The list.


async def test_the_list_counts_and_is_narrowed_by_its_address(acme: Acme, signed_in: SignedIn) -> None:
    await acme.service.person(acme.uta.company_id, "axel.audit", "auditor")
    anna = await signed_in(acme.anna)
    page = await anna.get("/users")
    assert "3 Benutzer" in page.text
    assert logins(page) == ["anna.admin", "axel.audit", "uta.user"]
    assert logins(await anna.get("/users?sort=-login")) == ["uta.user", "axel.audit", "anna.admin"]
    assert logins(await anna.get("/users?role=auditor")) == ["axel.audit"]
    narrowed = await anna.get("/users?two_factor=on&q=ACME.example")
    assert logins(narrowed) == ["uta.user"]
    assert "1 Benutzer" in narrowed.text
    assert "Niemand passt zu dieser Suche." in (await anna.get("/users?q=nobody")).text
    for nonsense in ("role=x", "two_factor=x", "after=x", f"before={uuid4()}", "sort=x", "unknown=1"):
        assert len(logins(await anna.get(f"/users?{nonsense}"))) == 3, nonsense
    assert (await anna.get("/users?q=%00%ff")).status == 200


def logins(page: Shown) -> list[str]:
    return re.findall(r'<th scope="row"><a href="[^"]+">([^<]+)</a>', page.text)


async def test_the_list_shows_who_is_locked_and_counts_them(acme: Acme, signed_in: SignedIn) -> None:
    lea = await acme.service.person(acme.uta.company_id, "lea.locked", on=True)
    pending = await acme.service.pending(lea)
    for _ in range(5):
        await acme.service.give(pending, acme.service.wrong_code(lea))
    visitor = visitor_of(acme.service)
    await visitor.sign_in(acme.anna)
    page = await visitor.get("/users?two_factor=locked")
    assert (logins(page), "1 Benutzer" in page.text) == (["lea.locked"], True)
    acme.service.clock.advance(hours=1)
    page = await visitor.get("/users?two_factor=locked")
    assert (logins(page), "Niemand passt zu dieser Suche." in page.text) == ([], True)
    await visitor.http.close()


@pytest.mark.parametrize("sort", ["", "-login"])
async def test_pages_lead_through_everybody_and_back(acme: Acme, signed_in: SignedIn, sort: str) -> None:
    for n in range(110):
        await acme.service.parts.console.create_user(
            acme.uta.company_id, login=f"user.{n:03}", role="user", password=PASSWORD
        )
    anna = await signed_in(acme.anna)
    pages = [await anna.get(f"/users?sort={sort}")]
    while later := re.search(r'rel="next" href="([^"]+)"', pages[-1].text):
        pages.append(await anna.get(unescape(later[1])))
    assert [len(logins(page)) for page in pages] == [50, 50, 12]
    everybody = [login for page in pages for login in logins(page)]
    assert everybody == sorted(everybody, reverse=bool(sort))
    assert len(set(everybody)) == 112
    back = pages[-1]
    for page in pages[-2::-1]:
        earlier = re.search(r'rel="prev" href="([^"]+)"', back.text)
        assert earlier is not None
        back = await anna.get(unescape(earlier[1]))
        assert logins(back) == logins(page)
    assert 'rel="prev"' not in back.text


# Rights.


@pytest.mark.parametrize("role", [name for name in BUILT_IN if name not in PROVIDER_ONLY])
async def test_pages_and_acts_are_for_those_with_the_right(acme: Acme, signed_in: SignedIn, role: str) -> None:
    visitor = await signed_in(await acme.service.person(acme.uta.company_id, "some.body", role, on=True))
    page = await visitor.get("/profile/settings")
    token = page.forms[0].fields["form_token"]
    rights = BUILT_IN[role]

    def may(route: Route) -> bool:
        return all(rights[right] >= level for right, level in route.rights)

    assert ('href="/users"' in page.text) is (rights[Right.USERS] >= Level.VIEW)
    for route in PAGES_OF_A_USER:
        shown = await visitor.get(route.path.replace("{user_id}", str(acme.uta.user_id)))
        assert (shown.status != 403) is may(route), route.path
    for route in ACTS_ON_A_USER:
        if not may(route):
            path = route.path.replace("{user_id}", str(acme.uta.user_id)).replace("{session_id}", str(uuid4()))
            assert (await visitor.post(path, {"form_token": token})).status == 403, route.path


async def test_defect_7_who_may_only_look_sees_controls_that_do_nothing_and_why(
    acme: Acme, signed_in: SignedIn
) -> None:
    words = {"users": "view", "two_factor_others": "view", "sessions_others": "view", "own_security": "full"}
    await make_role(acme.service, acme.uta.company_id, "helpdesk", words)
    hans = await acme.service.person(acme.uta.company_id, "hans.help", "helpdesk", on=True)
    visitor = await signed_in(hans)
    for tab in ("settings", "security", "sessions"):
        page = await visitor.get(acme.path(tab))
        assert page.status == 200
        assert "Ihre Rolle darf das ansehen" in page.text, tab
        assert not re.search(
            rf'href="{acme.path("")}(enable|disable|reset|unlock|exception|networks|erase|pass)', page.text
        )
    assert "<fieldset disabled>" in (await visitor.get(acme.path("settings"))).text


async def test_nobody_acts_on_the_own_account_here_nor_on_more_rights_than_the_own(
    acme: Acme, signed_in: SignedIn
) -> None:
    sven = await acme.service.person(acme.uta.company_id, "sven.security", "security_officer", on=True)
    visitor = await signed_in(sven)
    own = await visitor.get(acme.path("security", sven))
    assert "Das ist Ihr eigenes Konto." in own.text
    above = await visitor.get(acme.path("security", acme.anna))
    assert "Dieser Benutzer hat Rechte, die Sie nicht haben" in above.text
    for target in (sven, acme.anna):
        answer = await act(visitor, acme.path("reset", target), reason="forgotten")
        answer = await proven(visitor, answer, acme.path("reset", target), sven)
        assert answer.status == 403
        acme.service.clock.advance(minutes=6)
    types = await acme.service.event_types(acme.uta.company_id)
    assert types.count("AccessDenied") == 2
    assert "KeyReset" not in types


async def test_users_of_other_companies_are_not_there(acme: Acme, signed_in: SignedIn) -> None:
    bert = await acme.service.person(await acme.service.company("Beta AG"), "bert.user", on=True)
    anna = await signed_in(acme.anna)
    for route in PAGES_OF_A_USER:
        missing = await anna.get(route.path.replace("{user_id}", str(uuid4())))
        foreign = await anna.get(route.path.replace("{user_id}", str(bert.user_id)))
        if route.path == "/users/{user_id}":
            continue
        assert (missing.status, foreign.status) == (404, 404), route.path
    token = (await anna.get("/profile/settings")).forms[0].fields["form_token"]
    for path in (acme.path("reset", bert), f"/users/{uuid4()}/reset", "/users/x/reset", "/users/x/sessions/y/end"):
        answer = await anna.post(path, {"form_token": token, "reason": "x"})
        if answer.status == 401:
            answer = await proven(anna, answer, path, acme.anna)
            acme.service.clock.advance(minutes=6)
        assert answer.status in (404, 422), path
    assert "KeyReset" not in await acme.service.event_types(bert.company_id)


async def test_an_administrator_without_a_factor_is_told_to_switch_it_on_first(acme: Acme, signed_in: SignedIn) -> None:
    adam = await acme.service.person(acme.uta.company_id, "adam.admin", "administrator")
    visitor = await signed_in(adam)
    page = await visitor.get(acme.path("security"))
    assert "Dafür brauchen Sie selbst eine Zwei-Faktor-Authentifizierung." in page.text
    assert (await visitor.get(acme.path("reset"))).status == 403


# Acts.


async def test_defect_4_reset_is_active_as_long_as_there_is_a_key(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    path, link = acme.path("security"), f'href="{acme.path("reset")}"'
    assert link in (await anna.get(path)).text
    answer = await act(anna, acme.path("reset"), reason="lost phone")
    answer = await proven(anna, answer, acme.path("reset"), acme.anna)
    assert (answer.status, answer.headers["Location"]) == (303, path)
    page = await anna.get(path)
    assert "Der Schlüssel ist ungültig, und der Benutzer ist überall abgemeldet." in page.text
    assert link not in page.text
    assert "Es gibt noch keinen Schlüssel" in page.text
    assert (await anna.get(acme.path("reset"))).headers["Location"] == path
    udo = await acme.service.person(acme.uta.company_id, "udo.user")
    assert f'href="{acme.path("reset", udo)}"' not in (await anna.get(acme.path("security", udo))).text
    await acme.service.enrol(udo)
    assert f'href="{acme.path("reset", udo)}"' in (await anna.get(acme.path("security", udo))).text


async def test_each_act_asks_for_a_reason_and_loses_nothing_that_was_typed(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    path = acme.path("exception")
    answer = await act(anna, path, override="exempt", until="2099-12-31", reason=" ")
    assert (answer.status, 'id="reason-wrong"' in answer.text) == (422, True)
    assert answer.form(path).fields["until"] == "2099-12-31"
    answer = await anna.fill(answer, path, override="exempt", reason="until the new phone is there")
    wrong = await anna.fill(answer, path, code=acme.service.wrong_code(acme.anna))
    assert (wrong.status, 'id="code-wrong"' in wrong.text) == (401, True)
    assert f'<a href="{acme.path("security")}">' in wrong.text
    done = await anna.fill(wrong, path, code=acme.service.code(acme.anna))
    assert done.status == 303, done.text
    page = await anna.get(acme.path("security"))
    assert "Die Richtlinie verlangt keine 2FA von diesem Benutzer." in page.text


async def test_a_made_up_password_is_shown_once_and_works(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    typed = {"login": "nina.new", "role": "user", "language": "en", "time_zone": "Europe/Lisbon"}
    answer = await act(anna, "/users/add", **typed, expiration="2099-01-31", password="")
    shown = await proven(anna, answer, "/users/add", acme.anna)
    assert shown.status == 200, shown.text
    found = re.search(r'id="secret">([^<]+)<', shown.text)
    assert found is not None
    again = await anna.fill(await anna.get("/users/add"), "/users/add", **typed)
    assert (again.status, 'id="login-wrong"' in again.text) == (409, True)
    assert again.form("/users/add").fields["login"] == "nina.new"
    await signed_in(Person("nina.new", uuid4(), acme.uta.company_id, password=found[1]))


async def test_an_own_password_is_held_to_the_rules_and_not_shown(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    path = acme.path("password")
    answer = await act(anna, path, new_password="kurz", reason="forgotten")
    answer = await proven(anna, answer, path, acme.anna)
    assert (answer.status, 'id="new_password-wrong"' in answer.text) == (422, True)
    assert 'value="kurz"' not in answer.text
    shown = await anna.fill(answer, path, new_password="lang genug und neu 7")
    assert shown.status == 200
    assert "lang genug" not in shown.text
    acme.uta.password = "lang genug und neu 7"
    await signed_in(acme.uta)


async def test_a_break_glass_code_is_shown_once_and_lets_the_user_in(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    answer = await act(anna, acme.path("break-glass"), reason="phone at home")
    shown = await proven(anna, answer, acme.path("break-glass"), acme.anna)
    found = re.search(r'id="secret">([^<]+)<', shown.text)
    assert found is not None, shown.text
    pending = await acme.service.pending(acme.uta)
    used = await acme.service.call(
        "POST", "/v1/sign-ins/current/recovery-code", pending, {"recovery_code": unescape(found[1])}
    )
    assert used.json["status"] == "enrolment_required", used


async def test_networks_are_checked_line_by_line(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    path = acme.path("networks")
    answer = await act(anna, path, networks="192.0.2.0/24\n192.0.2.7/24", reason="office")
    answer = await proven(anna, answer, path, acme.anna)
    assert (answer.status, 'id="networks-wrong"' in answer.text) == (422, True)
    assert "192.0.2.7/24</textarea>" in answer.text
    done = await anna.fill(answer, path, networks="192.0.2.0/24\r\n 2001:DB8::/32", reason="office")
    assert done.status == 303, done.text
    assert "<li>2001:db8::/32</li>" in (await anna.get(acme.path("security"))).text


async def test_days_that_were_not_touched_change_nothing(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    uta = await acme.service.sign_in(acme.uta)
    body = {"expiration_date": "2099-05-05T17:30:00Z"}
    fresh = await acme.service.fresh_sign_in(acme.anna)
    assert (await acme.service.call("PATCH", f"/v1/users/{acme.uta.user_id}", fresh, body)).status == 200
    uta = await acme.service.fresh_sign_in(acme.uta)
    page = await anna.get(acme.path("settings"))
    fields = {"email": "u@acme.example", "role": "user", "language": "de", "time_zone": "Europe/Berlin"}
    answer = await anna.fill(page, acme.path("settings"), **fields)
    acme.service.clock.advance(seconds=60)
    answer = await proven(anna, answer, acme.path("settings"), acme.anna)
    assert answer.status == 303, answer.text
    assert (await acme.service.call("GET", "/v1/me", uta)).status == 200
    user = await acme.service.parts.store.user(acme.uta.company_id, acme.uta.user_id)
    assert user is not None
    assert user.state.expiration_at is not None
    assert user.state.expiration_at.isoformat() == "2099-05-05T17:30:00+00:00"


async def test_sessions_are_ended_one_by_one_and_all_at_once(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    sessions = [await acme.service.fresh_sign_in(acme.uta) for _ in range(3)]
    page = await anna.get(acme.path("sessions"))
    ends = [form.action for form in page.forms if form.action.endswith("/end") and "/sessions/" in form.action]
    assert len(ends) == 3
    answer = await anna.fill(page, ends[0])
    acme.service.clock.advance(seconds=60)
    answer = await proven(anna, answer, ends[0], acme.anna)
    assert answer.headers["Location"] == acme.path("sessions")
    assert sorted([(await acme.service.call("GET", "/v1/me", one)).status for one in sessions]) == [200, 200, 401]
    answer = await act(anna, acme.path("sessions/end"))
    assert answer.status == 303
    assert [(await acme.service.call("GET", "/v1/me", one)).status for one in sessions] == [401, 401, 401]


async def test_erasing_asks_for_a_tick_and_leaves_nothing_to_open(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    path = acme.path("erase")
    page = await anna.get(path)
    fields = page.form(path).fields
    refused = await anna.post(path, {name: value for name, value in fields.items() if name != "confirm"})
    assert (refused.status, 'id="confirm-wrong"' in refused.text) == (422, True)
    answer = await anna.fill(refused, path, confirm="on")
    answer = await proven(anna, answer, path, acme.anna)
    assert answer.headers["Location"] == "/users"
    assert (await anna.get(acme.path("settings"))).status == 404
    assert "uta.user" not in (await anna.get("/users")).text


async def test_deactivated_means_signed_out_and_shut_out_until_reactivated(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    session = await acme.service.sign_in(acme.uta)
    answer = await act(anna, acme.path("deactivate"), reason="left")
    acme.service.clock.advance(seconds=60)
    assert (await proven(anna, answer, acme.path("deactivate"), acme.anna)).status == 303
    assert (await acme.service.call("GET", "/v1/me", session)).status == 401
    assert "Deaktiviert" in (await anna.get("/users")).text
    again = await act(anna, acme.path("deactivate"), reason="left")
    assert (again.status, "deaktiviert" in again.text) == (409, True)
    assert (await act(anna, acme.path("reactivate"), reason="came back")).status == 303
    acme.service.clock.advance(seconds=60)
    await signed_in(acme.uta)


# What people type is text.


async def test_w05_what_people_type_is_shown_as_text(acme: Acme, signed_in: SignedIn) -> None:
    login = f"x{XSS}"[:64]
    xaver = await acme.service.person(acme.uta.company_id, login, email="x@acme.example")
    anna = await signed_in(acme.anna)
    answer = await act(anna, acme.path("deactivate", xaver), reason=XSS)
    await proven(anna, answer, acme.path("deactivate", xaver), acme.anna)
    pages = [await anna.get(f"/users?q={part}") for part in ("%3Cscript%3E", "%22%27%3E%3Cimg")]
    pages += [
        await anna.get(acme.path(tab, xaver)) for tab in ("settings", "security", "sessions", "activity", "erase")
    ]
    pages.append(await act(anna, "/users/add", login=XSS, email=XSS, role=XSS, language=XSS, time_zone=XSS))
    pages.append(await act(anna, acme.path("networks"), networks=f"</textarea>{XSS}", reason=XSS))
    pages.append(await act(anna, acme.path("exception"), override=XSS, until=XSS, reason=XSS))
    for page in pages:
        assert "<script>alert" not in page.text, page.path
        assert "<img src=x" not in page.text, page.path
        assert "&lt;script&gt;" in page.text or "&lt;img" in page.text or page.path.endswith("activity"), page.path


async def test_a_double_click_on_an_act_is_one_fact(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    udo = await acme.service.person(acme.uta.company_id, "udo.user")
    path = acme.path("enable", udo)
    asked = await act(anna, path, reason="policy")
    await proven(anna, asked, path, acme.anna)
    fields = {**(await anna.get(path)).form(path).fields, "reason": "once more"}
    first, second = [await anna.post(path, fields) for _ in range(2)]
    assert (first.status, second.status) == (303, 303)
    assert second.headers["Location"] == acme.path("security", udo)
    assert (await acme.service.event_types(udo.company_id)).count("TwoFactorOrdered") == 2
