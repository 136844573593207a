"""Sentences and dates in the reader's language. English is what the code says; catalogues are compiled at start."""

import gettext
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, dates
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import Markup

LOCALES: Final = Path(__file__).with_name("locales")
DEFAULT: Final = "de"


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """`tag` is how users set it; `locale` decides about dates and numbers."""

    tag: str
    name: str  # in itself
    locale: Locale
    _catalogue: gettext.NullTranslations = field(repr=False)

    def text(self, sentence: str, /, **values: Any) -> str:
        """For code: plain text, escaped where it is shown."""
        return self._catalogue.gettext(sentence) % values

    def count(self, one: str, many: str, number: int, /, **values: Any) -> str:
        return self._catalogue.ngettext(one, many, number) % {"num": number, **values}

    def markup(self, sentence: str, /, **values: Any) -> Markup:
        """For templates: the sentence is ours and may hold tags, the values are escaped."""
        return Markup(self._catalogue.gettext(sentence)) % values  # noqa: S704 - of our own catalogues

    def markup_count(self, one: str, many: str, number: int, /, **values: Any) -> Markup:
        found = self._catalogue.ngettext(one, many, number)
        return Markup(found) % {"num": number, **values}  # noqa: S704 - of our own catalogues

    def moment(self, at: datetime, zone: str) -> str:
        """Day and minute in that time zone."""
        return str(dates.format_datetime(at, "medium", tzinfo=zone_of(zone), locale=self.locale)).replace("\u202f", " ")

    def exactly(self, at: datetime, zone: str) -> str:
        """With day of the week, seconds and time zone."""
        return str(dates.format_datetime(at, "full", tzinfo=zone_of(zone), locale=self.locale))

    def day(self, at: datetime, zone: str) -> str:
        return str(dates.format_date(at.astimezone(zone_of(zone)), "medium", locale=self.locale))

    def day_of_year(self, day: date) -> str:
        """Without the year, for days that are near."""
        return str(dates.format_skeleton("MMMd", day, locale=self.locale))


def zone_of(name: str) -> ZoneInfo:
    """The time zone; UTC for one that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _catalogue(folder: str) -> gettext.NullTranslations:
    with (LOCALES / folder / "LC_MESSAGES" / "messages.po").open("rb") as source:
        compiled = io.BytesIO()
        write_mo(compiled, read_po(source, locale=folder, abort_invalid=True))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _language(tag: str, name: str, locale: str, catalogue: gettext.NullTranslations) -> Language:
    return Language(tag=tag, name=name, locale=Locale.parse(locale), _catalogue=catalogue)


LANGUAGES: Final[Mapping[str, Language]] = {
    "de": _language("de", "Deutsch", "de", _catalogue("de")),
    # The sentences in the code are English: there is nothing to translate.
    "en": _language("en", "English", "en_GB", gettext.NullTranslations()),
    "pt-BR": _language("pt-BR", "Português", "pt_BR", _catalogue("pt_BR")),
}


def chosen(wanted: str | None, accepted: str) -> Language:
    """The language that is set, else the best one of an Accept-Language header, else German."""
    if wanted is not None and wanted in LANGUAGES:
        return LANGUAGES[wanted]
    return LANGUAGES[_best(accepted) or DEFAULT]


def _best(accepted: str) -> str | None:
    """The first of the most wanted languages that we speak."""
    known = {tag.split("-")[0]: tag for tag in LANGUAGES}
    ranked: list[tuple[float, str]] = []
    for part in accepted.split(",")[:20]:
        tag, _, weight = part.strip().partition(";q=")
        name = known.get(tag.split("-")[0].lower())
        if name is not None and (quality := _quality(weight)) > 0:
            ranked.append((-quality, name))
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None


def _quality(weight: str) -> float:
    try:
        return float(weight) if weight else 1.0
    except ValueError:
        return 0.0
