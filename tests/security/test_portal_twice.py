"""The same form sent twice at once, as a double click without JavaScript does: one fact, and an answer that helps."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import pytest
import pytest_asyncio

from events.user.events import Stage
from services.portal import security
from tests.support.acme import Acme, act
from tests.support.portal_walk import ACTS, Walk, at_stage
from tests.support.scene import REASON
from tests.support.service import PASSWORD, Person
from tests.support.visitor import Shown, Visitor, visitor_of

NEW_PASSWORD: Final = "ganz neu und lang 7"


@pytest_asyncio.fixture
async def visitor(acme: Acme) -> AsyncIterator[Visitor]:
    made = visitor_of(acme.service)
    yield made
    await made.http.close()


async def twice(visitor: Visitor, page: Shown, action: str, **typed: str) -> tuple[Shown, Shown]:
    """Both on their way before the first one is answered."""
    held = dict(visitor.cookies)
    fields = {**page.form(action).fields, **typed}
    headers = {"Sec-Fetch-Site": "same-origin", "Cookie": "; ".join(f"{n}={v}" for n, v in held.items())}
    sent = [alone(visitor, action, fields, headers) for _ in range(2)]
    first, second = await asyncio.gather(*sent)
    return first, second


async def alone(visitor: Visitor, action: str, fields: dict[str, str], headers: dict[str, str]) -> Shown:
    other = visitor_of(visitor.service)
    try:
        return await other._send("POST", action, data=fields, headers=headers)
    finally:
        await other.http.close()


@dataclass(frozen=True)
class Own:
    """An act of uta's own, on the page that asks for it."""

    page: str
    types: list[str]
    action: str = ""
    typed: tuple[tuple[str, str], ...] = ()
    by_code: bool = True


SETTINGS: Final = (("email", "new@acme.example"), ("language", "de"), ("time_zone", "Europe/Berlin"))
OWN: Final = {
    "settings": Own("/profile/settings", ["UserChanged"], typed=SETTINGS, by_code=False),
    "password": Own(
        "/profile/security",
        ["PasswordChanged"],
        "/profile/security/password",
        (("old_password", PASSWORD), ("new_password", NEW_PASSWORD), ("new_password_again", NEW_PASSWORD)),
        by_code=False,
    ),
    "replace": Own("/profile/security/replace", ["EnrolmentStarted"]),
    "reset": Own("/profile/security/reset", ["KeyReset"]),
    "disable": Own("/profile/security/disable", ["TwoFactorDisabled"]),
    "recovery codes": Own("/profile/security/recovery-codes", ["RecoveryCodesIssued"]),
    "sign out": Own("/profile/settings", ["SignedOut"], "/sign-out", by_code=False),
    "end other sessions": Own("/profile/sessions/end-others", ["SessionsEnded"], by_code=False),
    "step up": Own("/step-up", ["SteppedUp"]),
}


@pytest.mark.parametrize("case", OWN.values(), ids=OWN)
async def test_an_own_act_that_is_sent_twice_is_one_fact(acme: Acme, visitor: Visitor, case: Own) -> None:
    service = acme.service
    await service.fresh_sign_in(acme.uta)
    service.clock.advance(seconds=60)
    await visitor.sign_in(acme.uta)
    service.clock.advance(seconds=60)
    page = await visitor.get(case.page)
    before = await service.event_types(acme.uta.company_id)
    code = {"code": service.code(acme.uta)} if case.by_code else {}
    both = await twice(visitor, page, case.action or case.page, **dict(case.typed), **code)
    after = (await service.event_types(acme.uta.company_id))[len(before) :]
    assert after == case.types
    assert all(answer.status in (200, 303) for answer in both), [answer.text for answer in both]


FACTOR: Final[dict[str, tuple[str, list[str]]]] = {
    "enable": ("enable", ["TwoFactorOrdered"]),
    "disable": ("disable", ["TwoFactorDisabled"]),
    "reset": ("reset", ["KeyReset"]),
    "unlock": ("unlock", ["TwoFactorUnlocked"]),
    "break-glass": ("break-glass", ["BreakGlassCodeIssued"]),
    "exception": ("exception", ["TwoFactorOverridden"]),
    "networks": ("networks", ["TrustedNetworksChanged"]),
    "settings": ("settings", ["UserChanged"]),
    "password": ("password", ["PasswordReset"]),
    "deactivate": ("deactivate", ["UserDeactivated"]),
    "reactivate": ("reactivate", ["UserReactivated"]),
    "erase": ("erase", ["UserErased"]),
    "sessions/end": ("sessions/end", ["SessionsEnded"]),
}


@pytest.mark.parametrize(("rest", "types"), FACTOR.values(), ids=FACTOR)
async def test_an_act_on_somebody_that_is_sent_twice_is_one_fact(walk: Walk, rest: str, types: list[str]) -> None:
    acme, anna = walk.acme, walk.anna
    service, target = acme.service, acme.uta
    if rest == "enable":
        target = await service.person(acme.uta.company_id, "udo.user")
    if rest == "unlock":
        pending = await service.pending(target)
        for _ in range(5):
            await service.give(pending, service.wrong_code(target))
    await step_up(anna, acme.anna)
    if rest == "reactivate":
        await act(anna, acme.path("deactivate", target), reason="left")
    path = acme.path(rest, target)
    page = await anna.get(path)
    route = next(one for one in ACTS if one.path == f"/users/{{user_id}}/{rest}")
    before = await service.event_types(target.company_id)
    both = await twice(anna, page, path, **walk.typed(route, acme.anna))
    after = (await service.event_types(target.company_id))[len(before) :]
    assert after == types
    assert all(answer.status in (200, 303) for answer in both), [answer.text for answer in both]


async def step_up(visitor: Visitor, person: Person) -> None:
    visitor.service.clock.advance(seconds=60)
    answer = await act(visitor, "/step-up", code=visitor.service.code(person))
    assert answer.status == 303, answer.text


async def test_a_user_or_a_company_that_is_added_twice_is_one(walk: Walk) -> None:
    service = walk.acme.service
    for visitor, person, path, types in (
        (walk.anna, walk.acme.anna, "/users/add", ["UserCreated"]),
        (walk.olga, walk.operator, "/companies/add", []),
    ):
        await step_up(visitor, person)
        route = next(one for one in ACTS if one.path == path)
        page = await visitor.get(path)
        before = await service.event_types(walk.acme.uta.company_id)
        both = await twice(visitor, page, path, **walk.typed(route, person))
        after = (await service.event_types(walk.acme.uta.company_id))[len(before) :]
        assert after == types
        assert all(answer.status in (200, 303) for answer in both), [answer.text for answer in both]
    assert (await walk.olga.get("/companies")).text.count(">neue_firma<") == 1


@pytest.mark.parametrize("rest", ["", "/suspend"])
async def test_an_act_on_a_company_that_is_sent_twice_is_one_fact(walk: Walk, rest: str) -> None:
    await step_up(walk.olga, walk.operator)
    path = f"/companies/{walk.acme.uta.company_id}{rest}"
    page = await walk.olga.get(path)
    before = await walk.acme.service.event_types(walk.acme.uta.company_id)
    both = await twice(walk.olga, page, path, **({"reason": "unpaid"} if rest else {"name": "Anders GmbH"}))
    after = (await walk.acme.service.event_types(walk.acme.uta.company_id))[len(before) :]
    assert after == (["CompanySuspended"] if rest else ["CompanyRenamed"])
    assert [answer.status for answer in both] == [303, 303]


async def test_a_wrong_password_at_a_step_up_that_is_sent_twice_counts_once(acme: Acme, visitor: Visitor) -> None:
    """Of somebody without a factor; both forms say what was wrong."""
    udo = await acme.service.person(acme.uta.company_id, "udo.user")
    await visitor.sign_in(udo)
    acme.service.clock.advance(minutes=6)
    page = await visitor.get("/step-up")
    before = await acme.service.event_types(udo.company_id)
    both = await twice(visitor, page, "/step-up", password="not the password")
    after = (await acme.service.event_types(udo.company_id))[len(before) :]
    assert after == ["SessionPasswordRejected"]
    assert [answer.status for answer in both] == [401, 401]


# In the middle of a sign-in.

Begin = Callable[[Walk, Visitor], Awaitable[Person]]


async def test_a_password_that_is_sent_twice_is_one_sign_in_and_either_answer_goes_on(
    acme: Acme, visitor: Visitor
) -> None:
    page = await visitor.get("/sign-in")
    before = await acme.service.event_types(acme.uta.company_id)
    both = await twice(visitor, page, "/sign-in", login=acme.uta.login, password=acme.uta.password)
    assert (await acme.service.event_types(acme.uta.company_id))[len(before) :] == ["SignInStarted"]
    for answer in both:
        assert (answer.status, answer.headers["Location"]) == (303, "/sign-in/code")
    assert len({held(answer) for answer in both}) == 1
    visitor.http.cookie_jar.update_cookies({security.SESSION: held(both[1])})
    page = await visitor.get("/sign-in/code")
    done = await visitor.fill(page, "/sign-in/code", code=acme.service.code(acme.uta))
    assert done.headers["Location"] == "/"


async def test_a_password_alone_that_is_sent_twice_is_one_session(acme: Acme, visitor: Visitor) -> None:
    udo = await acme.service.person(acme.uta.company_id, "udo.user")
    page = await visitor.get("/sign-in")
    before = await acme.service.event_types(udo.company_id)
    both = await twice(visitor, page, "/sign-in", login=udo.login, password=udo.password)
    assert (await acme.service.event_types(udo.company_id))[len(before) :] == ["SignedIn"]
    assert [(answer.status, answer.headers["Location"]) for answer in both] == [(303, "/"), (303, "/")]
    assert len({held(answer) for answer in both}) == 1


async def test_the_same_form_with_another_password_or_in_another_browser_is_no_double(
    acme: Acme, visitor: Visitor
) -> None:
    udo = await acme.service.person(acme.uta.company_id, "udo.user")
    page = await visitor.get("/sign-in")
    once = page.form("/sign-in").fields["once"]
    first = await visitor.fill(page, "/sign-in", login=udo.login, password=udo.password)
    other = visitor_of(acme.service)
    page = await other.get("/sign-in")
    second = await other.fill(page, "/sign-in", login=udo.login, password=udo.password, once=once)
    wrong = await other.fill(page, "/sign-in", login=udo.login, password="wrong password", once=once)
    assert (first.status, second.status, wrong.status) == (303, 303, 401)
    assert held(first) != held(second)
    await other.http.close()


async def test_the_right_password_of_a_closed_account_looks_wrong_the_second_time_too(
    acme: Acme, visitor: Visitor
) -> None:
    service = acme.service
    admin = await service.fresh_sign_in(acme.anna)
    path = f"/v1/users/{acme.uta.user_id}/deactivate"
    assert (await service.call("POST", path, admin, REASON)).status == 200
    page = await visitor.get("/sign-in")
    for login, password in ((acme.uta.login, PASSWORD), (acme.uta.login, "wrong password"), ("nobody", PASSWORD)):
        for _ in range(2):
            answer = await visitor.fill(page, "/sign-in", login=login, password=password)
            assert answer.status == 401
            assert "Login oder Passwort stimmt nicht." in answer.text
        both = await twice(visitor, page, "/sign-in", login=login, password=password)
        assert [answer.status for answer in both] == [401, 401]


async def test_an_old_form_that_is_sent_again_after_signing_out_is_a_sign_in_of_its_own(
    acme: Acme, visitor: Visitor
) -> None:
    udo = await acme.service.person(acme.uta.company_id, "udo.user")
    page = await visitor.get("/sign-in")
    first = await visitor.fill(page, "/sign-in", login=udo.login, password=udo.password)
    await visitor.fill(await visitor.get("/profile/settings"), "/sign-out")
    second = await visitor.fill(page, "/sign-in", login=udo.login, password=udo.password)
    assert second.headers["Location"] == "/"
    assert held(first) != held(second)
    assert (await acme.service.call("GET", "/v1/me", held(first))).status == 401


def held(answer: Shown) -> str:
    found = re.search(rf"^{security.SESSION}=([^;]+);", answer.headers["Set-Cookie"])
    assert found is not None, answer.headers
    return found[1]


async def test_a_code_that_is_sent_twice_is_one_session_and_it_stays(walk: Walk, visitor: Visitor) -> None:
    """The second finds the sign-in done: whatever it says must not take away what the first one gave."""
    person = await at_stage(walk, visitor, Stage.CODE)
    page = await visitor.get("/sign-in/code")
    before = await walk.acme.service.event_types(person.company_id)
    both = await twice(visitor, page, "/sign-in/code", code=walk.acme.service.code(person))
    assert (await walk.acme.service.event_types(person.company_id))[len(before) :] == ["SignedIn"]
    gave = [answer for answer in both if answer.headers.get("Location") == "/"]
    late = [answer for answer in both if answer not in gave]
    assert (len(gave), len(late)) == (1, 1)
    assert not any(one.startswith(f"{security.SESSION}=") for one in late[0].headers.getall("Set-Cookie", []))  # type: ignore[attr-defined]
    visitor.http.cookie_jar.clear()
    visitor.http.cookie_jar.update_cookies({security.SESSION: held(gave[0])})
    assert (await visitor.get(late[0].headers["Location"])).headers["Location"] == "/"


# What is wrong is wrong both times.


async def test_a_wrong_code_that_is_sent_twice_is_one_try_and_told_both_times(acme: Acme, visitor: Visitor) -> None:
    service = acme.service
    await visitor.sign_in(acme.uta)
    service.clock.advance(seconds=60)
    for path in ("/profile/security/reset", "/step-up"):
        page = await visitor.get(path)
        both = await twice(visitor, page, path, code=service.wrong_code(acme.uta))
        for answer in both:
            assert (answer.status, 'id="code-wrong"' in answer.text) == (401, True), (path, answer.text)
    assert (await service.event_types(acme.uta.company_id)).count("CodeRejected") == 2


async def test_a_proof_and_its_act_that_are_sent_twice_are_one_each(walk: Walk) -> None:
    acme = walk.acme
    path = acme.path("reset")
    asked = await act(walk.anna, path, reason=REASON["reason"])
    assert asked.status == 401
    acme.service.clock.advance(seconds=60)
    before = await acme.service.event_types(acme.uta.company_id)
    both = await twice(walk.anna, asked, path, code=acme.service.code(acme.anna))
    after = (await acme.service.event_types(acme.uta.company_id))[len(before) :]
    assert sorted(after) == ["KeyReset", "SteppedUp"]
    assert all(answer.status == 303 for answer in both), [answer.text for answer in both]
