"""axe over every page, in every language, light and dark; and no page is wider than a phone."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from services.portal.languages import LANGUAGES
from tests.browser.company_tour import pages_of_a_company, pages_of_the_provider
from tests.browser.conftest import MakeReader
from tests.browser.tour import Tour, tour_of

Report: TypeAlias = list[tuple[str, str, str, int, int]]  # language, scheme, page, rules that applied, findings

# One walk is dozens of pages, each judged twice.
pytestmark = [pytest.mark.xdist_group("accessibility"), pytest.mark.timeout(400)]

_AXE: Final = Path(__file__).with_name("vendor") / "axe.min.js"
_TAGS: Final = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
_RUN: Final = """tags => axe.run(document, {runOnly: {type: "tag", values: tags}, resultTypes: ["violations"]}).then(
    found => ({
        rules: found.passes.length + found.violations.length,
        violations: found.violations.map(one => [one.id, one.nodes.map(node => node.html.slice(0, 200))]),
    }))"""


@pytest.fixture(scope="module")
def report() -> Iterator[Report]:
    """Written down when FACTORLOG_TEST_REPORT names a file."""
    rows: Report = []
    yield rows
    if (file := os.environ.get("FACTORLOG_TEST_REPORT")) is not None:
        Path(file).write_text(_document(rows))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_axe_finds_nothing_on_any_page(reader_of: MakeReader, language: str, report: Report) -> None:
    tour = await tour_of(reader_of, language)
    assert not (found := await _findings(tour, tour.pages(), language, report)), _lines(found)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("pages", [pages_of_a_company, pages_of_the_provider])
async def test_axe_finds_nothing_on_the_pages_about_others(
    reader_of: MakeReader, language: str, report: Report, pages: Callable[[Tour], AsyncIterator[str]]
) -> None:
    tour = await tour_of(reader_of, language)
    assert not (found := await _findings(tour, pages(tour), language, report)), _lines(found)


async def _findings(tour: Tour, pages: AsyncIterator[str], language: str, report: Report) -> list[Any]:
    found: list[Any] = []
    async for name in pages:
        page = tour.page
        assert await page.locator("html").get_attribute("lang") == language, name
        await page.evaluate(_AXE.read_text())
        for scheme in ("light", "dark"):
            # Colours that are on their way from one scheme to the other are nobody's.
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            result = await page.evaluate(_RUN, _TAGS)
            report.append((language, scheme, name, result["rules"], len(result["violations"])))
            found += [(name, scheme, *violation) for violation in result["violations"]]
        await page.set_viewport_size({"width": 360, "height": 740})
        width = await page.evaluate("document.documentElement.scrollWidth")
        await page.set_viewport_size({"width": 1280, "height": 720})
        if width > 360:
            found.append((name, "is wider than a phone", width))
    return found


def _lines(found: list[Any]) -> str:
    return "\n".join(str(one) for one in found)


def _document(rows: Report) -> str:
    version = _AXE.read_text()[:40].split("axe v")[1].split()[0]
    lines = [
        "# Accessibility",
        "",
        f"What axe-core {version} says of every page, with the rules tagged",
        f"{', '.join(f'`{tag}`' for tag in _TAGS)}, in headless Chromium. Made by `make accessibility`;",
        "the same pages are judged in each run of the suite.",
        "",
        "A tool finds a part of what can be wrong. Beyond it, the suite walks sign-in and enrolment by keyboard alone",
        "and every journey without JavaScript, and looks that no page is wider than 360 pixels. Nobody has tried a",
        "screen reader on these pages yet.",
        "",
        "| page | " + " | ".join(f"{language}, {scheme}" for language, scheme in _columns(rows)) + " |",
        "|---|" + "---|" * len(_columns(rows)),
    ]
    for name in dict.fromkeys(row[2] for row in rows):
        cells = [
            next(f"{row[4]} of {row[3]}" for row in rows if row[:3] == (language, scheme, name))
            for language, scheme in _columns(rows)
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "Each cell: rules with findings, of the rules that had something to look at."]
    return "\n".join(lines) + "\n"


def _columns(rows: Report) -> list[tuple[str, str]]:
    return list(dict.fromkeys((row[0], row[1]) for row in rows))
