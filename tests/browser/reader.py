"""Somebody in front of the screen, in German: reads, types, clicks, scans."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Page, expect

from tests.support.browser import read_qr
from tests.support.service import Person, Service


@dataclass
class Reader:
    page: Page
    service: Service
    person: Person
    folder: Path

    async def open(self, path: str = "/") -> None:
        await self.page.goto(self.service.url + path)

    async def give_password(self) -> None:
        """The first step of signing in."""
        await self.open()
        await self.page.get_by_label("Login").fill(self.person.login)
        await self.page.get_by_label("Passwort", exact=True).fill(self.person.password)
        await self.press("Anmelden")

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def follow(self, name: str) -> None:
        await self.page.get_by_role("link", name=name, exact=True).first.click()

    async def give_code(self, button: str, code: str | None = None) -> None:
        """What the phone shows, typed in."""
        field = self.page.locator("[name=code]")
        await field.fill(code or self.service.code(self.person))
        await self.press(button)

    async def scan(self) -> None:
        """Reads the QR off the screen, as a phone does; the key beside it is the same."""
        await self.page.locator(".qr svg").wait_for()
        picture = self.folder / "screen.png"
        await self.page.screenshot(path=str(picture), full_page=True)
        uri = urlsplit(read_qr(picture))
        assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
        self.person.key = parse_qs(uri.query)["secret"][0]
        assert (await self.page.locator("#key").inner_text()).split() == [
            self.person.key[at : at + 4] for at in range(0, 32, 4)
        ]

    async def keep_recovery_codes(self) -> None:
        """Notes them down, ticks, goes on."""
        await self.sees("Ihre Wiederherstellungscodes")
        self.person.recovery_codes = (await self.page.locator("#codes li").all_inner_texts())[:]
        assert len(self.person.recovery_codes) == 10
        await self.press("Weiter")
        await self.sees("Ihre Wiederherstellungscodes")  # not without the tick
        await self.page.get_by_label("Ich habe diese Codes gesichert.").check()
        await self.press("Weiter")

    async def sign_in(self) -> None:
        """With the factor that is on."""
        self.service.clock.advance(seconds=60)
        await self.give_password()
        await self.give_code("Weiter")
        await self.is_at("/")

    async def sign_out(self) -> None:
        await self.page.locator(".unfolded").get_by_role("button", name="Abmelden").click()
        await self.sees("Sie sind abgemeldet.")

    async def sees(self, text: str) -> None:
        await expect(self.page.get_by_text(text, exact=False).first).to_be_visible()

    async def is_at(self, path: str) -> None:
        await expect(self.page).to_have_url(self.service.url + path)
