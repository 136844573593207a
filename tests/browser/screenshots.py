"""Pictures of the main pages, in German and English, from the demo data: `make screenshots`."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
from playwright.async_api import Browser, Page, async_playwright

from tests.support.browser import PROGRAM
from tests.support.people import Phone
from tests.support.processes import Installation, eventually, new_installation

DESKTOP: Final = {"width": 1280, "height": 860}
PHONE: Final = {"width": 390, "height": 780}
LARGEST: Final = 150_000  # bytes; what is larger is no picture for a page of prose
# Whatever the language, the first button of the form in the middle.
_SEND: Final = "main form:not([action='/sign-out']):not([action='/language']) button:not([type=button])"
_FILES: Final = "a[href*='/file']"


@dataclass
class Photographer:
    """Somebody of the demo in front of a screen, with a camera."""

    page: Page
    url: str
    folder: Path
    user: dict[str, Any]
    taken: list[Path]

    async def open(self, path: str) -> None:
        await self.page.goto(self.url + path)

    async def send(self, **typed: str) -> None:
        for name, value in typed.items():
            await self.page.fill(f"[name={name}]", value)
        async with self.page.expect_navigation():
            await self.page.locator(_SEND).first.click()

    async def sign_in(self) -> None:
        await self.open("/sign-in")
        await self.send(login=self.user["login"], password=self.user["password"])
        if self.user["totp_key"]:
            await self.send(code=await Phone(self.user["totp_key"]).code())

    async def speak(self, language: str) -> None:
        await self.open("/profile/settings")
        await self.page.select_option("#language", language)
        await self.page.locator("form[action='/profile/settings'] button").click()
        await self.page.wait_for_load_state()

    async def take(self, name: str, path: str | None = None, *, phone: bool = False) -> None:
        """One picture of what a reader sees first."""
        await self.page.set_viewport_size(PHONE if phone else DESKTOP)  # type: ignore[arg-type]
        if path is not None:
            await self.open(path)
        file = self.folder / f"{name}.png"
        # Nothing is typed in: a blinking cursor would make a picture of its own each time.
        await self.page.evaluate("document.activeElement?.blur()")
        await self.page.screenshot(path=str(file), animations="disabled")
        self.taken.append(file)


async def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    taken: list[Path] = []
    with new_installation() as demo:
        demo.start()
        await demo.up.ready()
        await eventually(lambda: _has_caught_up(demo.document["database_url"]), 60, "a complete audit trail")
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox", "--disable-gpu"])
            await _of_administrator(browser, demo, folder, taken)
            await _of_user(browser, demo, folder, taken)
            await _of_operator(browser, demo, folder, taken)
            await browser.close()
    for file in taken:
        size = file.stat().st_size
        print(f"{file.name}: {size:,} bytes")
        assert size < LARGEST, file


@asynccontextmanager
async def _somebody(
    browser: Browser, demo: Installation, folder: Path, taken: list[Path], login: str, locale: str = "de-DE"
) -> AsyncIterator[Photographer]:
    user = next(one for one in demo.document["users"] if one["login"] == login)
    context = await browser.new_context(locale=locale, color_scheme="light", reduced_motion="reduce")
    yield Photographer(await context.new_page(), demo.document["base_url"], folder, user, taken)
    await context.close()


async def _of_administrator(browser: Browser, demo: Installation, folder: Path, taken: list[Path]) -> None:
    async with _somebody(browser, demo, folder, taken, "gerda.admin") as gerda:
        await gerda.take("de-sign-in", "/sign-in")
        await gerda.sign_in()
        await gerda.open("/roles/add")
        await gerda.page.select_option("#users", "view")
        await gerda.page.select_option("#two_factor_others", "full")
        await gerda.send(name="helpdesk")
        await gerda.take("de-start-phone", "/", phone=True)
        for language in ("de", "en"):
            await gerda.speak(language)
            await _main_pages(gerda, language)
        await gerda.take("en-integrations", "/integrations")
        await gerda.take("en-profile-security", "/profile/security")
        await gerda.speak("de")


async def _main_pages(gerda: Photographer, language: str) -> None:
    await gerda.take(f"{language}-start", "/")
    await gerda.take(f"{language}-users", "/users")
    await gerda.take(f"{language}-user-security", await _first_with_a_factor(gerda))
    await gerda.take(f"{language}-roles", "/roles")
    await gerda.open("/policy")
    await gerda.page.select_option("#requirement", "required")
    await gerda.send()
    await gerda.take(f"{language}-policy-tried")
    await gerda.take(f"{language}-audit", "/audit")
    await gerda.open("/audit?verify=now#signed")
    await gerda.page.locator("#signed details summary").click()
    await gerda.take(f"{language}-signed-log")
    await _order_report(gerda)
    await gerda.take(f"{language}-report")


async def _order_report(gerda: Photographer) -> None:
    """Who is protected, as of today's beginning; waits until it is built."""
    await gerda.open("/reports")
    await gerda.page.locator("form[action='/reports'] button").click()
    await gerda.page.wait_for_load_state()
    if not await gerda.page.locator(_FILES).count():
        await gerda.open("/reports")
        await gerda.page.locator("tbody th a").first.click()
    for _ in range(60):
        await gerda.page.wait_for_load_state()
        if await gerda.page.locator(_FILES).count():
            return
        await gerda.page.reload()
        await asyncio.sleep(0.5)


async def _first_with_a_factor(reader: Photographer) -> str:
    await reader.open("/users?two_factor=on&role=user")
    return str(await reader.page.locator("tbody th a").first.get_attribute("href"))


async def _of_user(browser: Browser, demo: Installation, folder: Path, taken: list[Path]) -> None:
    """The key that is shown is void when the picture is taken: the demo is gone by then."""
    async with _somebody(browser, demo, folder, taken, "udo.user", "en-GB") as udo:
        await udo.take("en-sign-in", "/sign-in")
        await udo.sign_in()
        await udo.take("de-profile-security-phone", "/profile/security", phone=True)
        for language in ("de", "en"):
            await udo.speak(language)
            await udo.open("/profile/security/enable")
            await udo.send(password=udo.user["password"])
            await udo.take(f"{language}-enrolment")


async def _of_operator(browser: Browser, demo: Installation, folder: Path, taken: list[Path]) -> None:
    async with _somebody(browser, demo, folder, taken, "operator", "en-GB") as operator:
        await operator.sign_in()
        await operator.speak("en")
        await operator.take("en-companies", "/companies")


async def _has_caught_up(url: str) -> bool:
    connection: Any = await asyncpg.connect(url)
    try:
        behind: int = await connection.fetchval(
            "SELECT count(*) FROM company_log AS l LEFT JOIN projection AS p USING (company_id)"
            " WHERE p.position IS DISTINCT FROM l.position"
        )
    finally:
        await connection.close()
    return behind == 0


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
