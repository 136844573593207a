"""The pictures of the portal: all of them shown, each with words for those who do not see it, and none heavy."""

import re
from pathlib import Path
from typing import Final

from tests.browser.screenshots import LARGEST

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"


def test_every_picture_is_shown_with_words_and_is_small() -> None:
    shown = dict(re.findall(r"!\[([^\]]*)\]\(screenshots/([^)]+)\)", (DOCS / "screenshots.md").read_text()))
    there = {file.name: file.stat().st_size for file in (DOCS / "screenshots").iterdir()}
    assert set(shown.values()) == set(there)
    assert all(len(words) > 20 for words in shown)
    assert {name for name, size in there.items() if size >= LARGEST} == set()
