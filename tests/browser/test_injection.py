"""W-08: what people fill in anywhere is text for everybody who sees it; looked at by each role, page by page."""

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit
from uuid import UUID

import pytest
import pytest_asyncio
from playwright.async_api import Error, Page

from events.company.policy import Policy
from tests.browser.reader import Reader
from tests.support.browser import Open
from tests.support.scene import make_role
from tests.support.service import Person, Service
from workers.projector import Projector

pytestmark = pytest.mark.xdist_group("injection")

HARM: Final = "'\"><img src=x onerror=alert(1) data-harm><b data-harm>"
SCRIPT: Final = "</textarea></script><script data-harm>alert(2)</script>{{7*7}}"
_LOGIN: Final = f"x{HARM}"[:64]
_MOST: Final = 120  # pages of one walk
_PAGES: Final = (
    "/profile/settings",
    "/profile/security",
    "/profile/sessions",
    "/profile/activity",
    "/users?",
    "/audit?",
)
_SEEN_BY: Final = {
    "administrator": ("/users", "/users/…/security", "/users/…/activity", "/users/…/reset", "/policy", "/audit"),
    "security_officer": ("/users", "/users/…/security", "/users/…/reset", "/policy", "/audit"),
    "auditor": ("/audit",),
    "operator": ("/companies", "/companies/…", "/companies/…/users/…/security", "/companies/…/audit"),
    "provider_auditor": ("/companies", "/companies/…", "/companies/…/audit"),
}
ROLES: Final = ("administrator", "security_officer", "auditor", "user", "operator", "provider_auditor")

_INJECTED: Final = "document.querySelectorAll('[data-harm], img[src=x], script:not([src])').length"
_LINKS: Final = "[...document.querySelectorAll('a[href]')].map(link => link.getAttribute('href'))"
# As somebody without the browser's own checks; what is hidden stays as it is, so that the server takes the form.
_FILL: Final = """([at, harm]) => {
    const form = document.querySelectorAll("form")[at];
    form.noValidate = true;
    for (const field of form.elements) {
        if (field.type === "hidden" || field.type === "checkbox" || field.tagName === "BUTTON") continue;
        if (field.tagName === "SELECT") field.append(new Option(harm, harm, true, true));
        else { field.type = field.tagName === "INPUT" ? "text" : field.type; field.removeAttribute("maxlength");
               field.value = harm; }
    }
}"""
_FORMS: Final = """[...document.querySelectorAll("main form")].map(
    (form, at) => [[...document.querySelectorAll("form")].indexOf(form), form.getAttribute("action")])"""


@dataclass
class Town:
    """A company, and the provider, in which everything that can be filled in is."""

    service: Service
    company: UUID
    people: dict[str, Person]
    complaints: list[str] = field(default_factory=list)


@pytest_asyncio.fixture
async def town(service: Service) -> Town:
    company = await service.company(f"Acme {HARM}")
    provider = await service.company(f"Nordlicht {HARM}", provider=True)
    people = {
        role: await service.person(
            provider if role in ("operator", "provider_auditor") else company,
            f"{role[:8]}{HARM}"[:64],
            role,
            on=True,
            email=f"{role}@acme.example",
        )
        for role in ROLES
    }
    made = Town(service, company, people)
    await _fill_in(made)
    return made


async def _fill_in(town: Town) -> None:
    """By the API, with a program whose name is harm as well."""
    service, user = town.service, town.people["user"]
    agent = {"User-Agent": f"Mozilla/5.0 Firefox/{HARM} Windows {SCRIPT}"}
    await make_role(service, town.company, "helpdesk", {"users": "view", "own_security": "full"})
    body = {"login": user.login, "password": user.password}
    started = await service.call("POST", "/v1/sign-ins", json=body, headers=agent)
    for code in (service.wrong_code(user), service.code(user)):
        await service.call("POST", "/v1/sign-ins/current/code", started.json["token"], {"code": code}, headers=agent)
    await service.call("POST", "/v1/sign-ins", json={"login": user.login, "password": SCRIPT}, headers=agent)
    admin = await service.fresh_sign_in(town.people["administrator"])
    path, reason = f"/v1/users/{user.user_id}", {"reason": f"{HARM}{SCRIPT}"}
    for act in ("two-factor/enable", "two-factor/unlock", "deactivate", "reactivate"):
        await service.call("POST", f"{path}/{act}", admin, reason, headers=agent)
    client = {"name": HARM, "scopes": ["users.read"], **reason}
    await service.call("POST", "/v1/api-clients", admin, client, headers=agent)
    await service.parts.console.change_policy(town.company, Policy(grace_days=3))
    await Projector(service.parts.pool, service.parts.wrapper).project()


@pytest.mark.parametrize("role", ROLES)
async def test_w08_what_anybody_filled_in_runs_on_no_page_of_any_role(
    town: Town, open_page: Open, tmp_path: Path, role: str
) -> None:
    page = await _watched(town, open_page)
    person = town.people[role]
    town.service.clock.advance(seconds=60)
    reader = Reader(page, town.service, person, tmp_path)
    await reader.open(f"/sign-in?next={quote(HARM)}")
    await page.fill("[name=login]", HARM)
    await page.fill("[name=password]", SCRIPT)
    await reader.press("Anmelden")
    await _judge(town, page)
    await reader.sign_in()
    town.service.clock.advance(minutes=6)
    seen = await _walk(town, page)
    assert {"/", *_PAGES, *_SEEN_BY.get(role, ())} <= seen
    assert town.complaints == []


async def _watched(town: Town, open_page: Open) -> Page:
    page = await open_page(user_agent=f"Mozilla/5.0 Firefox/{HARM}")
    page.on("dialog", lambda dialog: town.complaints.append(dialog.message))
    return page


async def _judge(town: Town, page: Page) -> None:
    if await page.evaluate(_INJECTED) or "</script>49" in await page.inner_text("body"):
        town.complaints.append(page.url)


async def _walk(town: Town, page: Page) -> set[str]:
    """Every page that links lead to, its forms filled in with harm and sent; none is sent with a code."""
    harm = quote(HARM)
    searches = [f"/{name}?q={harm}&ip={harm}&type={harm}&role={harm}&sort={harm}&from={harm}" for name in _SEARCHED]
    # Of the pages of a user the first that is found counts: somebody on whom all of these may act.
    user = [f"/users/{town.people['user'].user_id}/{tab}" for tab in ("settings", "security", "sessions", "activity")]
    waiting, seen, sent = deque([*user, "/", *searches, f"/nothing/{harm}"]), set[str](), set[str]()
    while waiting and len(seen) < _MOST:
        path = waiting.popleft()
        if _kind(path) in seen:
            continue
        seen.add(_kind(path))
        await page.goto(town.service.url + path)
        await _judge(town, page)
        waiting.extend(link for link in await page.evaluate(_LINKS) if link.startswith("/") and "#" not in link)
        for at, action in await page.evaluate(_FORMS):
            # A file that is saved is no page to go to.
            if (
                action in _LEFT
                or action.partition("?")[0].endswith("/export")
                or (kind := f"{_kind(path)} {_kind(action)}") in sent
            ):
                continue
            sent.add(kind)
            await _send(town, page, path, at)
    return seen


_SEARCHED: Final = ("users", "audit", "companies")
_LEFT: Final = ("/sign-out", "/language", "/profile/security/cancel")


def _kind(path: str) -> str:
    """The page, whoever it is about, searches apart."""
    parts = urlsplit(path)
    return "/".join("…" if len(part) == 36 else part for part in parts.path.split("/")) + ("?" if parts.query else "")


async def _send(town: Town, page: Page, path: str, at: int) -> None:
    await page.goto(town.service.url + path)
    await page.evaluate(_FILL, [at, HARM + SCRIPT])
    button = page.locator("form").nth(at).locator("button:not([type=button])").first
    if not await button.count() or await button.is_disabled():
        return
    try:
        async with page.expect_navigation():
            await button.evaluate("button => button.click()")
    except Error as error:
        # A file: the page stays where it is.
        if "ERR_ABORTED" not in str(error):
            raise
    await _judge(town, page)
