"""Every page, one after the other: for those who judge all of them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from playwright.async_api import Page, expect

from tests.browser.conftest import MakeReader
from tests.browser.reader import Reader
from tests.support.service import Person, Service
from workers.projector import Projector

LOCALES: Final = {"de": "de-DE", "en": "en-GB", "pt-BR": "pt-BR"}
# Whatever the language, the first button of the form in the middle.
_SEND: Final = "main form:not([action='/sign-out']):not([action='/language']) button:not([type=button])"


@dataclass
class Tour:
    """One walk, in one language."""

    reader: Reader
    admin: Person

    @property
    def page(self) -> Page:
        return self.reader.page

    @property
    def service(self) -> Service:
        return self.reader.service

    async def pages(self) -> AsyncIterator[str]:
        """The name of each page, while it is open."""
        async for name in self._signing_in():
            yield name
        async for name in self._inside():
            yield name
        async for name in self._off_and_on_again():
            yield name
        async for name in self._closed_doors():
            yield name

    async def send(self, **typed: str) -> None:
        """Fill in the form of the page and wait for the answer."""
        for name, value in typed.items():
            await self.page.fill(f"[name={name}]", value)
        async with self.page.expect_navigation():
            await self.page.locator(_SEND).first.click()

    async def open(self, path: str) -> None:
        await self.reader.open(path)

    async def _password(self) -> None:
        await self.open("/sign-in")
        await self.send(login=self.reader.person.login, password=self.reader.person.password)

    async def _signing_in(self) -> AsyncIterator[str]:
        await self.open("/")
        yield "sign in"
        await self.send(login=self.reader.person.login, password="wrong password")
        yield "sign in, refused"
        await self._password()
        yield "code"
        await self.send(code=self.service.wrong_code(self.reader.person))
        yield "code, refused"
        await self.open("/sign-in/recovery-code")
        yield "recovery code"
        await self.open("/sign-in/code")
        await self.send(code=self.service.code(self.reader.person))

    async def _inside(self) -> AsyncIterator[str]:
        await Projector(self.service.parts.pool, self.service.parts.wrapper).project()
        await self.service.fresh_sign_in(self.reader.person)
        for path in ("/", "/profile/settings", "/profile/security", "/profile/sessions", "/profile/activity"):
            await self.open(path)
            yield path
        await self.open("/profile/sessions/end-others")
        yield "/profile/sessions/end-others"
        for path in ("reset", "reset?recovery_code=1", "replace", "disable", "recovery-codes"):
            await self.open(f"/profile/security/{path}")
            yield f"/profile/security/{path}"
        await self.open("/step-up?next=/profile/settings")
        yield "/step-up"
        await self.open("/nothing")
        yield "not found"

    async def _off_and_on_again(self) -> AsyncIterator[str]:
        self.service.clock.advance(seconds=60)
        await self.open("/profile/security/disable")
        await self.send(code=self.service.code(self.reader.person))
        yield "/profile/security, off"
        await self.open("/profile/security/enable")
        yield "/profile/security/enable"
        await self.send(password=self.reader.person.password)
        yield "own enrolment"
        await self.send(code="000000")
        yield "own enrolment, refused"
        self.reader.person.key = "".join((await self.page.locator("#key").inner_text()).split())
        await self.send(code=self.service.code(self.reader.person))
        yield "recovery codes"

    async def _closed_doors(self) -> AsyncIterator[str]:
        person, admin = self.reader.person, await self.service.fresh_sign_in(self.admin)
        path = f"/v1/users/{person.user_id}"
        assert (
            await self.service.call("POST", f"{path}/two-factor/reset", admin, {"reason": "<b>lost</b> phone"})
        ).status == 200
        await self._password()
        yield "demanded enrolment"
        await self.open("/sign-in/enrolment")
        yield "demanded enrolment, opened again"
        self.service.clock.advance(hours=73)
        await self._password()
        yield "contact the administrator"
        await expect(self.page.locator("h1")).to_be_visible()


async def tour_of(reader_of: MakeReader, language: str, **options: object) -> Tour:
    """Starts nothing yet."""
    reader = await reader_of(on=True, locale=LOCALES[language], **options)
    admin = await reader.service.person(reader.person.company_id, "anna.admin", "administrator", on=True)
    account = await reader.service.sign_in(reader.person)
    settings = {"language": language}
    assert (await reader.service.call("PATCH", "/v1/me", account, settings)).status == 200
    reader.service.clock.advance(seconds=60)
    return Tour(reader, admin)
