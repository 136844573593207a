"""W-03 on every form of the portal, sent whole and right by somebody who may: only where it comes from is wrong."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from events.user.events import Stage
from services.portal.route import Allow, Route
from tests.support.portal_walk import ACTS, Walk, at_stage, of_a_stage
from tests.support.service import Person
from tests.support.visitor import Visitor, visitor_of

# What a browser says of a form on somebody else's page; old ones say the origin only, or nothing.
FOREIGN: Final[dict[str, dict[str, str]]] = {
    "another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "another host of ours": {"Sec-Fetch-Site": "same-site", "Origin": "https://other.factorlog.example"},
    "a frame without an origin": {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    "an old browser": {"Origin": "https://evil.example"},
    "an old browser, no origin": {"Origin": "null"},
    "an old browser, another port": {"Origin": "http://127.0.0.1:1"},
}


@pytest_asyncio.fixture
async def visitor(walk: Walk) -> AsyncIterator[Visitor]:
    made = visitor_of(walk.acme.service)
    yield made
    await made.http.close()


async def token_of(visitor: Visitor) -> str:
    page = await visitor.get("/profile/settings")
    return page.forms[0].fields["form_token"]


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
async def test_w03_no_form_is_taken_from_elsewhere(walk: Walk, foreign: dict[str, str]) -> None:
    tokens = {id(visitor): await token_of(visitor) for visitor in (walk.anna, walk.olga)}
    before = await walk.log()
    for route in ACTS:
        visitor, person = walk.whose(route)
        fields = {"form_token": tokens[id(visitor)], "once": "x" * 32, **walk.typed(route, person)}
        answer = await visitor._send("POST", walk.path(route), data=fields, headers=foreign)
        assert (answer.status, "Das kam nicht von hier" in answer.text) == (403, True), route.path
        assert "Set-Cookie" not in answer.headers, route.path
    assert await walk.log() == before


async def test_w03_no_form_is_taken_without_its_token_or_with_that_of_another(walk: Walk, visitor: Visitor) -> None:
    await visitor.sign_in(walk.acme.uta)
    theirs = await token_of(visitor)
    before = await walk.log()
    for route in ACTS:
        if route.allow is Allow.SIGN_IN:
            continue
        sender, person = walk.whose(route)
        await refused_without_token(sender, walk, route, person, theirs)
    assert await walk.log() == before


@pytest.mark.parametrize("stage", Stage)
async def test_w03_nor_in_the_middle_of_a_sign_in(walk: Walk, visitor: Visitor, stage: Stage) -> None:
    theirs = await token_of(walk.anna)
    person = await at_stage(walk, visitor, stage)
    before = await walk.log()
    for route in of_a_stage(stage):
        await refused_without_token(visitor, walk, route, person, theirs)
        for foreign in FOREIGN.values():
            fields = {"form_token": theirs, **typed(walk, route, person)}
            answer = await visitor._send("POST", walk.path(route), data=fields, headers=foreign)
            assert (answer.status, "Das kam nicht von hier" in answer.text) == (403, True), route.path
    assert await walk.log() == before


async def refused_without_token(visitor: Visitor, walk: Walk, route: Route, person: Person, theirs: str) -> None:
    for token in (None, "", theirs, "0" * 64):
        fields = typed(walk, route, person) | ({} if token is None else {"form_token": token})
        answer = await visitor.post(walk.path(route), fields)
        assert (answer.status, "Diese Seite ist veraltet" in answer.text) == (403, True), (route.path, token)


def typed(walk: Walk, route: Route, person: Person) -> dict[str, str]:
    return walk.typed(route, person if person.key else walk.acme.uta)
