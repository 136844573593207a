"""Defect 2 at every form that takes a code: said at the field, in the reader's language, and nothing else is lost."""

import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Final

import pytest
import pytest_asyncio

from events.user.events import Stage
from services.portal import messages
from services.portal.languages import LANGUAGES, Language
from services.portal.route import Allow, Route
from tests.support.portal_walk import ACTS, Walk, at_stage
from tests.support.service import Person
from tests.support.visitor import Shown, Visitor, visitor_of

ASKING_AGAIN: Final = [route for route in ACTS if route.fresh]
WITH_A_CODE: Final = [route for route in ACTS if {"code", "recovery_code"} & route.form.model_fields.keys()]
NO_CODE: Final = "AAAA-BBBB-CCCC-DDDD"


@pytest_asyncio.fixture
async def visitor(walk: Walk) -> AsyncIterator[Visitor]:
    made = visitor_of(walk.acme.service)
    yield made
    await made.http.close()


async def speaking(walk: Walk, person: Person, tag: str) -> Language:
    token = await walk.acme.service.fresh_sign_in(person)
    assert (await walk.acme.service.call("PATCH", "/v1/me", token, {"language": tag})).status == 200
    return LANGUAGES[tag]


async def clear_count(walk: Walk, person: Person) -> None:
    """By a right code elsewhere: five wrong ones in a row would be a pause. That session ends, as there is a most."""
    token = await walk.acme.service.fresh_sign_in(person)
    await walk.acme.service.call("POST", "/v1/me/sign-out", token)


def assert_told_at_the_field(page: Shown, name: str, language: Language) -> None:
    """Marked, described by the message, empty, and the first thing in focus."""
    assert page.status == 401, (page.path, page.text)
    field = re.search(rf'<input id="{name}"[^>]*>', page.text)
    assert field is not None, page.text
    assert re.search(rf'aria-describedby="[^"]*\b{name}-wrong"', field[0]), field[0]
    assert all(part in field[0] for part in ('value=""', 'aria-invalid="true"', " autofocus")), field[0]
    told = re.search(rf'id="{name}-wrong">([^<]+)<', page.text)
    assert told is not None
    assert unescape(told[1]) == language.text(messages.CODE_REJECTED)
    assert f"<title>{language.text('Error')}: " in page.text


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_defect_02_a_wrong_code_before_an_act_is_told_and_loses_nothing_in_the_portal(
    walk: Walk, tag: str
) -> None:
    service = walk.acme.service
    language = await speaking(walk, walk.acme.anna, tag)
    await speaking(walk, walk.operator, tag)
    service.clock.advance(minutes=6)
    for route in ASKING_AGAIN:
        visitor, person = walk.whose(route)
        path, typed = walk.path(route), walk.typed(route, person)
        # Both, so that neither session is over when its turn comes.
        pages = {id(one): await one.get("/profile/settings") for one in (walk.anna, walk.olga)}
        token = pages[id(visitor)].forms[0].fields["form_token"]
        asked = await visitor.post(path, {"form_token": token, "once": "x" * 32, **typed})
        assert (asked.status, 'name="step_up"' in asked.text) == (401, True), (route.path, asked.text)
        wrong = await visitor.fill(asked, path, code=service.wrong_code(person))
        assert_told_at_the_field(wrong, "code", language)
        kept = {name[5:]: unescape(value) for name, value in fields(wrong, path).items() if name.startswith("kept.")}
        assert kept == typed, route.path
        await clear_count(walk, person)
    assert all("SteppedUp" not in types for types in await walk.log())


def fields(page: Shown, path: str) -> dict[str, str]:
    return page.form(path).fields


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_defect_02_a_wrong_code_is_told_at_the_field_of_each_own_form_in_the_portal(
    walk: Walk, visitor: Visitor, tag: str
) -> None:
    service, uta = walk.acme.service, walk.acme.uta
    language = await speaking(walk, uta, tag)
    service.clock.advance(seconds=60)
    await visitor.sign_in(uta)
    for route in WITH_A_CODE:
        if route.allow is not Allow.SESSION:
            continue
        for name in {"code", "recovery_code"} & route.form.model_fields.keys():
            service.clock.advance(minutes=6)
            page = await shown_form(visitor, walk, route, name)
            given = service.wrong_code(uta) if name == "code" else NO_CODE
            wrong = await visitor.fill(page, walk.path(route), **{name: given})
            assert_told_at_the_field(wrong, name, language)
            await clear_count(walk, uta)
    types = await service.event_types(uta.company_id)
    assert types.count("CodeRejected") == sum(
        len({"code", "recovery_code"} & route.form.model_fields.keys())
        for route in WITH_A_CODE
        if route.allow is Allow.SESSION
    )


async def shown_form(visitor: Visitor, walk: Walk, route: Route, name: str) -> Shown:
    """The page on which somebody fills it in."""
    if route.path.endswith("/confirmation"):
        page = await visitor.get("/profile/security/replace")
        return await visitor.fill(page, "/profile/security/replace", code=walk.acme.service.code(walk.acme.uta))
    return await visitor.get(walk.path(route) + ("?recovery_code=1" if name == "recovery_code" else ""))


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize(
    ("stage", "path", "name"),
    [
        (Stage.CODE, "/sign-in/code", "code"),
        (Stage.CODE, "/sign-in/recovery-code", "recovery_code"),
        (Stage.ENROLMENT, "/sign-in/enrolment/confirmation", "code"),
    ],
)
async def test_defect_02_a_wrong_code_is_told_while_signing_in_and_the_way_on_is_kept_in_the_portal(
    walk: Walk, visitor: Visitor, tag: str, stage: Stage, path: str, name: str
) -> None:
    service = walk.acme.service
    wanted = "/profile/activity?before=7"
    visitor.http.headers["Accept-Language"] = tag
    person = await at_stage(walk, visitor, stage)
    if person.key is None:
        page = await visitor.get(f"/sign-in/enrolment?next={wanted}")
        page = await visitor.fill(page, "/sign-in/enrolment")
        person.key = page.key
    else:
        page = await visitor.get(f"{path}?next={wanted}")
    given = service.wrong_code(person) if name == "code" else NO_CODE
    token = (await visitor.get("/sign-in")).forms[0].fields["form_token"]
    assert (await visitor.post("/language", {"form_token": token, "language": tag})).status == 303
    wrong = await visitor.fill(page, path, **{name: given})
    assert_told_at_the_field(wrong, name, LANGUAGES[tag])
    assert fields(wrong, path)["next"] == wanted
    if stage is Stage.ENROLMENT:
        assert wrong.key == person.key
    right = service.code(person) if name == "code" else person.recovery_codes[0]
    done = await visitor.fill(wrong, path, **{name: right})
    assert done.status in (200, 303), done.text


def test_every_form_with_a_code_is_among_those_tried() -> None:
    tried = {"/sign-in/code", "/sign-in/recovery-code", "/sign-in/enrolment/confirmation"}
    signing_in = {route.path for route in WITH_A_CODE if route.allow is not Allow.SESSION}
    assert signing_in == tried
