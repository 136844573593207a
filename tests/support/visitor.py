"""A browser as far as forms and cookies go: reads a page, fills in a form of it, sends it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import aiohttp

from tests.support.service import Person, Service


@dataclass
class HtmlForm:
    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[HtmlForm] = []
        self.open: HtmlForm | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form" and (found.get("method") or "").lower() == "post":
            self.open = HtmlForm(found["action"] or "")
            self.forms.append(self.open)
        elif tag in ("input", "button") and self.open is not None and found.get("name"):
            self.open.fields.setdefault(str(found["name"]), found.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = None


@dataclass
class Shown:
    """A page."""

    status: int
    headers: Mapping[str, str]
    text: str
    path: str

    def form(self, action: str) -> HtmlForm:
        parser = _Forms()
        parser.feed(self.text)
        return next(form for form in parser.forms if form.action == action)

    @property
    def key(self) -> str:
        """The authenticator's key that it shows."""
        found = re.search(r'id="key"[^>]*>(.*?)</p>', self.text, re.DOTALL)
        assert found is not None, self.text
        return re.sub(r"<[^>]+>|\s", "", found[1])

    @property
    def forms(self) -> list[HtmlForm]:
        parser = _Forms()
        parser.feed(self.text)
        return parser.forms


@dataclass
class Visitor:
    """Somebody with a cookie jar of their own."""

    service: Service
    http: aiohttp.ClientSession

    async def get(self, path: str, **headers: str) -> Shown:
        return await self._send("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    async def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Shown:
        """As a browser sends it from a page of ours; `headers` say otherwise."""
        ours = {"Sec-Fetch-Site": "same-origin", "Origin": self.service.url}
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._send("POST", path, data=dict(fields), headers={**ours, **sent})

    async def _send(self, method: str, path: str, **rest: Any) -> Shown:
        async with self.http.request(method, self.service.url + path, allow_redirects=False, **rest) as answer:
            return Shown(answer.status, answer.headers, await answer.text(), path)

    async def fill(self, page: Shown, action: str, **typed: str) -> Shown:
        return await self.post(action, {**page.form(action).fields, **typed})

    async def sign_in(self, person: Person) -> Shown:
        """Through the forms; the answer of the last one."""
        page = await self.get("/sign-in")
        answer = await self.fill(page, "/sign-in", login=person.login, password=person.password)
        if answer.headers.get("Location") == "/sign-in/code":
            page = await self.get("/sign-in/code")
            answer = await self.fill(page, "/sign-in/code", code=self.service.code(person))
        assert (answer.status, answer.headers.get("Location")) == (303, "/"), answer.text[:2000]
        return answer

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self.http.cookie_jar}


def visitor_of(service: Service) -> Visitor:
    """Close its `http` at the end. Cookies are kept although the host is an address."""
    return Visitor(service, aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)))
