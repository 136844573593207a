"""Debian's Chromium, driven by Playwright: one process a worker, a fresh profile a test."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.support.processes import wait_until

PROGRAM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS: Final = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
)

Open: TypeAlias = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
def chromium() -> Iterator[str]:
    """The address of a Chromium that runs for all tests of this worker."""
    if PROGRAM is None:
        assert os.environ.get("CI") != "true", "Chromium is missing; tests/prepare.sh installs it"
        pytest.skip("Chromium is missing: apt-get install chromium")
    folder = Path(tempfile.mkdtemp(prefix="fl-chromium-"))
    process = subprocess.Popen(
        [PROGRAM, *_FLAGS, f"--user-data-dir={folder}"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        yield wait_until(lambda: _address(folder), 30, "Chromium listens")
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _address(folder: Path) -> str | None:
    """Where it listens; Chromium writes it into its profile."""
    with suppress(FileNotFoundError, ValueError):
        port, path = (folder / "DevToolsActivePort").read_text().split()
        return f"ws://127.0.0.1:{port}{path}"
    return None


@pytest_asyncio.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        yield await playwright.chromium.connect_over_cdp(chromium)


@pytest_asyncio.fixture
async def open_page(browser: Browser) -> AsyncIterator[Open]:
    """Makes pages, each in a profile of its own: `await open_page(locale="de-DE", java_script_enabled=False)`.

    Whatever happens there, no script fails, the policy on content is never broken, and no request goes to another host
    than ours, or one of `reachable`.
    """
    complaints: list[str] = []
    async with AsyncExitStack() as stack:

        async def make(*, reachable: tuple[str, ...] = (), **options: Any) -> Page:
            context: BrowserContext = await browser.new_context(**{"locale": "de-DE", **options})
            stack.push_async_callback(context.close)
            context.set_default_timeout(10_000)
            page = await context.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            context.on("request", lambda sent: complaints.append(sent.url) if _leaves(sent.url, reachable) else None)
            page.on("console", lambda said: complaints.append(said.text) if _is_complaint(said.text) else None)
            return page

        yield make
    assert complaints == []


def _leaves(url: str, reachable: tuple[str, ...]) -> bool:
    """Is that another host?"""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("127.0.0.1", *reachable)


def _is_complaint(text: str) -> bool:
    return "Content Security Policy" in text or "Refused to" in text


def read_qr(picture: Path) -> str:
    """What a foreign reader finds on a screenshot."""
    done = subprocess.run(
        ["zbarimg", "--quiet", "--raw", str(picture)], capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout.strip()
