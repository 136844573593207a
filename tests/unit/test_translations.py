"""Every sentence of the portal is there in every language, and says the same."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

from events.catalogue import EVENTS
from events.decision import Refusal
from services.portal import catalogue, messages, sentences
from services.portal.languages import LANGUAGES, chosen
from services.portal.messages import Said

_PLACES: Final = re.compile(r"%\(\w+\)s")


@pytest.fixture(params=catalogue.paths(), ids=lambda path: path.parts[-3])
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def test_german_and_portuguese_have_catalogues() -> None:
    assert [path.parts[-3] for path in catalogue.paths()] == ["de", "pt_BR"]


def test_a_catalogue_holds_exactly_the_sentences_of_code_and_templates(path: Path) -> None:
    _, text = catalogue.up_to_date(path)
    assert path.read_bytes() == text, "run `make messages`"


def test_every_sentence_is_translated_and_none_by_guess(path: Path) -> None:
    found, _ = catalogue.up_to_date(path)
    assert len(found) > 200
    assert [m.id for m in found if m.id and not catalogue.is_translated(m.string)] == []
    assert [m.id for m in found if m.id and m.fuzzy] == []


def test_a_translation_has_the_places_of_its_sentence(path: Path) -> None:
    found, _ = catalogue.up_to_date(path)
    for message in found:
        for original, translated in zip(_forms(message.id), _forms(message.string), strict=False):
            assert set(_PLACES.findall(translated)) == set(_PLACES.findall(original)), message.id


def _forms(text: Any) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_refusal_and_every_act_has_a_sentence(tag: str) -> None:
    language = LANGUAGES[tag]
    assert all(messages.refused(refusal, language) for refusal in Refusal)
    assert all(messages.said(what, language) for what in Said)


def test_every_fact_has_a_sentence() -> None:
    assert set(EVENTS) == sentences.NAMES


@pytest.mark.parametrize(
    ("wanted", "accepted", "tag"),
    [
        (None, "", "de"),
        (None, "en-US,en;q=0.9", "en"),
        (None, "fr-FR,fr;q=0.9,en;q=0.3,de;q=0.5", "de"),
        (None, "pt-PT", "pt-BR"),
        (None, "fr, *;q=0.1", "de"),
        (None, "en;q=0, de;q=x", "de"),
        ("pt-BR", "en", "pt-BR"),
        ("xx", "en", "en"),
    ],
)
def test_the_language_is_the_set_one_or_the_best_that_the_browser_takes(
    wanted: str | None, accepted: str, tag: str
) -> None:
    assert chosen(wanted, accepted).tag == tag
