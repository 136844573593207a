"""The product's list of known defects as far as pages are concerned; the second stands in test_portal_codes.py."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from html import unescape
from typing import Final

import pytest
import pytest_asyncio

from events.company.policy import Policy
from services.portal import security
from tests.support.acme import Acme, SignedIn, act, proven
from tests.support.scene import make_role
from tests.support.service import Person
from tests.support.visitor import Shown, Visitor, visitor_of
from workers.projector import Projector

NEW_PASSWORD: Final = "ganz neu und lang 7"
OWN_RESET: Final = 'href="/profile/security/reset"'
BADGE_OFF: Final = '<span class="badge off">Aus</span>'
AWAITING: Final = '<span class="badge waiting">Einrichtung ausstehend</span>'


@pytest_asyncio.fixture
async def uta(acme: Acme, signed_in: SignedIn) -> Visitor:
    return await signed_in(acme.uta)


@pytest_asyncio.fixture
async def anna(acme: Acme, signed_in: SignedIn) -> Visitor:
    return await signed_in(acme.anna)


@pytest_asyncio.fixture
async def stranger(acme: Acme) -> AsyncIterator[Visitor]:
    """A browser in which nobody is signed in."""
    made = visitor_of(acme.service)
    yield made
    await made.http.close()


async def done_by_anna(acme: Acme, anna: Visitor, rest: str, person: Person | None = None, **typed: str) -> Shown:
    """Through the page that asks, with a code where one is asked for."""
    path = acme.path(rest, person)
    answer = await act(anna, path, **typed)
    if answer.status == 401:
        acme.service.clock.advance(seconds=60)
        answer = await proven(anna, answer, path, acme.anna)
    return answer


async def password_given(visitor: Visitor, person: Person) -> Shown:
    """The answer to login and password."""
    page = await visitor.get("/sign-in")
    return await visitor.fill(page, "/sign-in", login=person.login, password=person.password)


async def is_signed_in(visitor: Visitor) -> bool:
    return (await visitor.get("/profile/settings")).status == 200


async def test_defect_01_nothing_is_on_before_a_code_confirms_it_in_the_portal(
    acme: Acme, signed_in: SignedIn, stranger: Visitor
) -> None:
    udo = await acme.service.person(acme.uta.company_id, "udo.user")
    visitor = await signed_in(udo)
    shown = await act(visitor, "/profile/security/enable", password=udo.password)
    udo.key = shown.key
    page = await visitor.get("/profile/security")
    assert BADGE_OFF in page.text
    assert OWN_RESET not in page.text
    assert (await password_given(stranger, udo)).headers["Location"] == "/"
    done = await visitor.fill(shown, "/profile/security/confirmation", code=acme.service.code(udo))
    assert done.status == 200, done.text
    page = await visitor.get("/profile/security")
    assert '<span class="badge good">Ein</span>' in page.text


async def test_defect_03_resetting_somebody_else_leaves_the_administrator_signed_in_in_the_portal(
    acme: Acme, anna: Visitor, uta: Visitor
) -> None:
    answer = await done_by_anna(acme, anna, "reset", reason="lost phone")
    assert answer.status == 303
    assert await is_signed_in(anna)
    assert not await is_signed_in(uta)


async def test_defect_03_resetting_oneself_signs_out_everywhere_in_the_portal(
    acme: Acme, uta: Visitor, signed_in: SignedIn
) -> None:
    elsewhere = await signed_in(acme.uta)
    answer = await act(uta, "/profile/security/reset", code=acme.service.code(acme.uta))
    assert answer.headers["Location"] == "/sign-in"
    assert security.SESSION not in uta.cookies
    assert "Sie sind überall abgemeldet" in (await uta.get("/sign-in")).text
    assert not await is_signed_in(elsewhere)


async def test_defect_04_reset_is_offered_as_long_as_there_is_a_key_in_the_portal(
    acme: Acme, signed_in: SignedIn, anna: Visitor
) -> None:
    udo = await acme.service.person(acme.uta.company_id, "udo.user")
    visitor = await signed_in(udo)
    theirs = f'href="{acme.path("reset", udo)}"'

    async def offered() -> tuple[bool, bool]:
        own, other = await visitor.get("/profile/security"), await anna.get(acme.path("security", udo))
        return OWN_RESET in own.text, theirs in other.text

    assert await offered() == (False, False)
    shown = await act(visitor, "/profile/security/enable", password=udo.password)
    udo.key = shown.key
    assert await offered() == (False, False)
    await visitor.fill(shown, "/profile/security/confirmation", code=acme.service.code(udo))
    assert await offered() == (True, True)
    await done_by_anna(acme, anna, "reset", udo, reason="lost phone")
    assert theirs not in (await anna.get(acme.path("security", udo))).text
    # The pages of the act itself are not there either, and what comes of an old tab changes nothing.
    assert (await anna.get(acme.path("reset", udo))).headers["Location"] == acme.path("security", udo)


async def test_defect_04_an_old_tab_cannot_reset_what_is_no_longer_there_in_the_portal(
    acme: Acme, anna: Visitor
) -> None:
    old_tab = await anna.get(acme.path("reset"))
    await done_by_anna(acme, anna, "reset", reason="lost phone")
    answer = await anna.fill(old_tab, acme.path("reset"), reason="once more")
    page = await anna.get(acme.path("security"))
    assert answer.status in (303, 409)
    assert (await acme.service.event_types(acme.uta.company_id)).count("KeyReset") == 1
    assert "Es gibt noch keinen Schlüssel" in page.text


@pytest.mark.parametrize("requirement", ["required", "required_for_roles"])
async def test_defect_05_pages_show_what_holds_and_not_what_is_stored_in_the_portal(
    acme: Acme, signed_in: SignedIn, anna: Visitor, requirement: str
) -> None:
    udo = await acme.service.person(acme.uta.company_id, "udo.user")
    visitor = await signed_in(udo)
    assert AWAITING not in (await visitor.get("/profile/security")).text
    roles = ("user",) if requirement == "required_for_roles" else ()
    policy = Policy(requirement=requirement, roles=roles, grace_days=7)  # type: ignore[arg-type]
    await acme.service.parts.console.change_policy(udo.company_id, policy)
    await Projector(acme.service.parts.pool, acme.service.parts.wrapper).project()
    own, other = await visitor.get("/profile/security"), await anna.get(acme.path("security", udo))
    listed = await anna.get("/users?q=udo")
    for page in (own, other, listed):
        assert BADGE_OFF in page.text, page.path  # there is still time
    assert f"Ihr Unternehmen verlangt 2FA für {'Ihre Rolle' if roles else 'alle'}." in own.text
    assert f"Die Richtlinie des Unternehmens verlangt 2FA {'für diese Rolle' if roles else 'von allen'}." in other.text
    for page in (own, other):
        assert "Zeit bis" in page.text, page.path
    acme.service.clock.advance(days=8)
    visitor.http.cookie_jar.clear()
    assert (await password_given(visitor, udo)).status == 200  # the key to be bound
    acme.service.clock.advance(minutes=1)
    await anna.sign_in(acme.anna)
    for path in ("/users?q=udo", "/users?two_factor=enrolment_required", acme.path("security", udo)):
        assert AWAITING in (await anna.get(path)).text, path


async def test_defect_06_an_expired_password_is_renewed_behind_the_second_factor_in_the_portal(
    acme: Acme, stranger: Visitor
) -> None:
    service, uta = acme.service, acme.uta
    await service.parts.console.change_policy(uta.company_id, Policy(password_max_age_days=1))
    service.clock.advance(days=2)
    answer = await password_given(stranger, uta)
    assert answer.headers["Location"] == "/sign-in/code"
    # Not before the code.
    assert (await stranger.get("/sign-in/password")).headers["Location"] == "/sign-in/code"
    page = await stranger.get("/sign-in/code")
    answer = await stranger.fill(page, "/sign-in/code", code=service.code(uta))
    assert answer.headers["Location"] == "/sign-in/password"
    assert (await stranger.get("/")).headers["Location"] == "/sign-in/password"
    page = await stranger.get("/sign-in/password")
    wrong = await stranger.fill(page, "/sign-in/password", new_password=NEW_PASSWORD, new_password_again="anders")
    assert (wrong.status, 'id="new_password_again-wrong"' in wrong.text) == (422, True)
    answer = await stranger.fill(page, "/sign-in/password", new_password=NEW_PASSWORD, new_password_again=NEW_PASSWORD)
    assert answer.headers["Location"] == "/"
    assert await is_signed_in(stranger)


async def test_defect_07_who_may_only_look_at_others_sees_why_and_changes_nothing_in_the_portal(
    acme: Acme, signed_in: SignedIn
) -> None:
    words = dict.fromkeys(("users", "two_factor_others", "sessions_others", "policy", "audit"), "view")
    await make_role(acme.service, acme.uta.company_id, "helpdesk", {**words, "own_security": "full"})
    hans = await acme.service.person(acme.uta.company_id, "hans.help", "helpdesk", on=True)
    visitor = await signed_in(hans)
    for path in (acme.path("settings"), acme.path("security"), acme.path("sessions"), "/policy", "/users"):
        page = await visitor.get(path)
        assert (page.status, "Ihre Rolle darf das ansehen, aber nicht ändern." in page.text) == (200, True), path
        assert active_controls(page) == [], path


def active_controls(page: Shown) -> list[str]:
    """What can be pressed in the middle of a page, searches and ways to look at something aside."""
    content = page.text.partition('<main id="content">')[2]
    content = re.sub(r'<div role="search">.*?</div>\s*(?=<p)', "", content, flags=re.DOTALL)
    content = re.sub(r"<fieldset disabled>.*?</fieldset>\s*</form>", "", content, flags=re.DOTALL)
    buttons = re.findall(r"<button(?![^>]* disabled)[^>]*>[^<]*", content)
    buttons = [one for one in buttons if "Suchen" not in one]
    return buttons + re.findall(r'<a class="(?:switch|button outline)[^"]*" href="[^"]*"', content)


async def test_defect_07_who_may_only_look_at_the_own_security_starts_nothing_in_the_portal(
    acme: Acme, signed_in: SignedIn, anna: Visitor
) -> None:
    service, uta = acme.service, acme.uta
    await make_role(service, uta.company_id, "viewer", {"own_security": "view"})
    admin = await service.fresh_sign_in(acme.anna)
    assert (await service.call("PATCH", f"/v1/users/{uta.user_id}", admin, {"role": "viewer"})).status == 200
    service.clock.advance(seconds=60)
    visitor = await signed_in(uta)
    page = await visitor.get("/profile/security")
    assert "Ihre Rolle darf das ansehen, aber nicht ändern." in page.text
    for rest in ("enable", "disable", "reset", "replace", "recovery-codes"):
        assert f'href="/profile/security/{rest}"' not in page.text, rest
        asked = await visitor.get(f"/profile/security/{rest}")
        assert asked.status in (303, 403), rest
    token = page.forms[0].fields["form_token"]
    before = await service.event_types(uta.company_id)
    for rest in ("disable", "reset", "replace", "recovery-codes"):
        fields = {"form_token": token, "code": service.code(uta)}
        assert (await visitor.post(f"/profile/security/{rest}", fields)).status == 403, rest
    after = (await service.event_types(uta.company_id))[len(before) :]
    assert set(after) == {"AccessDenied"}
    # The code was not used up by it.
    assert (await act(visitor, "/step-up", code=service.code(uta))).status == 303


async def test_defect_08_a_new_key_that_is_not_confirmed_leaves_the_old_one_in_the_portal(
    acme: Acme, uta: Visitor, stranger: Visitor
) -> None:
    shown = await act(uta, "/profile/security/replace", code=acme.service.code(acme.uta))
    assert shown.key != acme.uta.key
    uta.http.cookie_jar.clear()  # the tab, and the browser, are gone
    acme.service.clock.advance(seconds=60)
    await stranger.sign_in(acme.uta)
    assert await is_signed_in(stranger)
    page = await stranger.get("/profile/security")
    assert "10 / 10" in page.text


async def test_defect_09_what_is_demanded_is_said_and_cannot_be_switched_off_in_the_portal(
    acme: Acme, uta: Visitor, anna: Visitor
) -> None:
    service = acme.service
    await service.parts.console.change_policy(acme.uta.company_id, Policy(requirement="required"))
    page = await uta.get("/profile/security")
    assert 'href="/profile/security/disable"' not in page.text
    assert "Für Sie ist 2FA vorgeschrieben und lässt sich daher nicht ausschalten." in page.text
    assert (await uta.get("/profile/security/disable")).headers["Location"] == "/profile/security"
    fields = {"form_token": page.forms[0].fields["form_token"], "code": service.code(acme.uta)}
    refused = await uta.post("/profile/security/disable", fields)
    assert (refused.status, "verlangt die Zwei-Faktor-Authentifizierung" in refused.text) == (409, True), refused.text
    assert (await act(uta, "/step-up", code=service.code(acme.uta))).status == 303  # it was not used up
    # After an administrator's reset it is demanded as before.
    await done_by_anna(acme, anna, "reset", reason="lost phone")
    assert AWAITING in (await anna.get(acme.path("security"))).text
    uta.http.cookie_jar.clear()
    answer = await password_given(uta, acme.uta)
    assert (answer.status, 'id="key"' in answer.text) == (200, True)


async def test_defect_09_an_administrator_who_demands_it_of_everybody_is_told_of_the_own_account_in_the_portal(
    acme: Acme, signed_in: SignedIn
) -> None:
    typed = {"requirement": "required", "grace_days": "0", "order_hours": "72", "networks": ""}
    adam = await acme.service.person(acme.uta.company_id, "adam.admin", "administrator")
    visitor = await signed_in(adam)
    token = (await visitor.get("/profile/settings")).forms[0].fields["form_token"]
    tried = await visitor.post("/policy/dry-run", {"form_token": token, **typed})
    assert "Das betrifft auch Sie" in tried.text
    assert "PolicyChanged" not in await acme.service.event_types(acme.uta.company_id)


Ending = Callable[[Acme, Visitor], Awaitable[object]]


async def _reset(acme: Acme, anna: Visitor) -> object:
    return await done_by_anna(acme, anna, "reset", reason="lost phone")


async def _disable(acme: Acme, anna: Visitor) -> object:
    return await done_by_anna(acme, anna, "disable", reason="handed over")


async def _password(acme: Acme, anna: Visitor) -> object:
    return await done_by_anna(acme, anna, "password", new_password=NEW_PASSWORD, reason="forgotten")


async def _deactivate(acme: Acme, anna: Visitor) -> object:
    return await done_by_anna(acme, anna, "deactivate", reason="left")


async def _end_sessions(acme: Acme, anna: Visitor) -> object:
    return await done_by_anna(acme, anna, "sessions/end")


async def _erase(acme: Acme, anna: Visitor) -> object:
    return await done_by_anna(acme, anna, "erase", confirm="on")


async def _through_the_api(acme: Acme, anna: Visitor) -> object:
    admin = await acme.service.fresh_sign_in(acme.anna)
    path = f"/v1/users/{acme.uta.user_id}/two-factor/reset"
    return await acme.service.call("POST", path, admin, {"reason": "lost phone"})


@pytest.mark.parametrize("end", [_reset, _disable, _password, _deactivate, _end_sessions, _erase, _through_the_api])
async def test_defect_10_sessions_and_sign_ins_in_progress_end_with_the_state_they_began_in_in_the_portal(
    acme: Acme, uta: Visitor, anna: Visitor, stranger: Visitor, end: Ending
) -> None:
    acme.service.clock.advance(seconds=60)
    code_page = None
    if end is not _end_sessions:
        await password_given(stranger, acme.uta)
        code_page = await stranger.get("/sign-in/code")
    step_up = await uta.get("/step-up")
    answer = await end(acme, anna)
    assert getattr(answer, "status", 0) in (200, 303), answer
    if acme.uta.key is not None:
        code = acme.service.code(acme.uta)
        answer = await uta.fill(step_up, "/step-up", code=code)
        assert answer.headers["Location"].startswith("/sign-in"), answer
        if code_page is not None:
            answer = await stranger.fill(code_page, "/sign-in/code", code=code)
            assert answer.headers["Location"] == "/sign-in", answer
    assert not await is_signed_in(uta)
    assert not await is_signed_in(stranger)


async def test_defect_11_one_code_opens_one_door_once_in_the_portal(acme: Acme) -> None:
    browsers = [visitor_of(acme.service) for _ in range(4)]
    pages = []
    for browser in browsers:
        await password_given(browser, acme.uta)
        pages.append(await browser.get("/sign-in/code"))
    code = acme.service.code(acme.uta)
    sent = [browser.fill(page, "/sign-in/code", code=code) for browser, page in zip(browsers, pages, strict=True)]
    answers = await asyncio.gather(*sent)
    assert sorted(answer.status for answer in answers) == [303, 401, 401, 401]
    for browser in browsers:
        await browser.http.close()


async def test_defect_12_another_browser_does_not_begin_to_count_anew_in_the_portal(acme: Acme) -> None:
    for n in range(6):
        browser = visitor_of(acme.service)
        await password_given(browser, acme.uta)
        page = await browser.get("/sign-in/code")
        given = acme.service.code(acme.uta) if n == 5 else acme.service.wrong_code(acme.uta)
        answer = await browser.fill(page, "/sign-in/code", code=given)
        assert answer.status == 401, n
        await browser.http.close()
    types = await acme.service.event_types(acme.uta.company_id)
    assert types.count("TwoFactorPaused") == 1


async def test_defect_14_the_audit_log_says_from_where_and_which_key_in_the_portal(acme: Acme, anna: Visitor) -> None:
    await done_by_anna(acme, anna, "reset", reason="lost phone")
    await Projector(acme.service.parts.pool, acme.service.parts.wrapper).project()
    page = await anna.get("/audit?type=KeyReset")
    told = page.text.partition('<ol class="happenings">')[2]
    for part in ("durch anna.admin (die Administration)", "von 127.0.0.1", "lost phone", "key_id"):
        assert part in unescape(told), part


async def test_defect_16_who_is_exempt_is_shown_so_with_an_end_and_not_hit_by_the_dry_run_in_the_portal(
    acme: Acme, anna: Visitor
) -> None:
    robot = await acme.service.person(acme.uta.company_id, "fax.server")
    until = {"override": "exempt", "until": "2099-12-31", "reason": "a machine has no phone"}
    assert (await done_by_anna(acme, anna, "exception", robot, **until)).status == 303
    page = await anna.get(acme.path("security", robot))
    assert "Die Administration hat diesen Benutzer von der Richtlinie ausgenommen." in page.text
    assert "2099" in page.text
    await acme.service.person(acme.uta.company_id, "udo.user")
    typed = {"requirement": "required", "grace_days": "0", "order_hours": "72", "networks": ""}
    token = (await anna.get("/policy")).forms[0].fields["form_token"]
    tried = await anna.post("/policy/dry-run", {"form_token": token, **typed})
    assert "<strong>udo.user</strong>" in tried.text
    assert "fax.server" not in tried.text
