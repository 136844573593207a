"""W-03 as a browser does it: somebody who is signed in opens a page that is not ours, and it sends our forms."""

from typing import Final

import pytest
from playwright.async_api import Page

from services.portal import security
from tests.support.browser import Open
from tests.support.portal_walk import ACTS, Walk
from tests.support.visitor import Visitor

pytestmark = pytest.mark.xdist_group("browser")

# The second one is of the same site as ours, which has the same host: the browser sends our cookie along.
ELSEWHERE: Final = ("http://evil.example/", "http://127.0.0.1:9/")
_SEND: Final = """([action, fields]) => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = action;
    for (const [name, value] of Object.entries(fields)) {
        const field = document.createElement("textarea");
        field.name = name;
        field.value = value;
        form.append(field);
    }
    document.body.append(form);
    form.submit();
}"""


async def in_the_same_browser(open_page: Open, visitor: Visitor, foreign: str) -> Page:
    """With the session of that visitor."""
    page = await open_page(reachable=("evil.example",))
    held = visitor.cookies[security.SESSION]
    await page.context.add_cookies(
        [{"name": security.SESSION, "value": held, "url": visitor.service.url, "sameSite": "Lax"}]
    )
    await page.route(f"{foreign}**", lambda route: route.fulfill(body="<body>", content_type="text/html"))
    return page


@pytest.mark.parametrize("foreign", ELSEWHERE)
async def test_w03_a_foreign_page_sends_every_form_and_nothing_comes_of_it(
    walk: Walk, open_page: Open, foreign: str
) -> None:
    url = walk.acme.service.url
    pages = {id(one): await in_the_same_browser(open_page, one, foreign) for one in (walk.anna, walk.olga)}
    tokens = {
        id(one): (await one.get("/profile/settings")).forms[0].fields["form_token"] for one in (walk.anna, walk.olga)
    }
    before = await walk.log()
    for route in ACTS:
        visitor, person = walk.whose(route)
        page, path = pages[id(visitor)], walk.path(route)
        # As if the page had come by everything else.
        fields = {"form_token": tokens[id(visitor)], "once": "x" * 32, **walk.typed(route, person)}
        await page.goto(foreign)
        async with page.expect_response(url + path) as answered:
            await page.evaluate(_SEND, [url + path, fields])
        answer = await answered.value
        await page.wait_for_url(url + path)
        sent = await answer.request.all_headers()
        assert answer.status == 403, route.path
        assert ("cookie" in sent) is ("127.0.0.1" in foreign), sent
    assert await walk.log() == before
    for page in pages.values():
        await page.goto(f"{url}/profile/settings")
        assert page.url == f"{url}/profile/settings"  # still signed in
