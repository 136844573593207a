"""News -> subject and text in the reader's language and time zone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from textwrap import fill
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workers.effects.mail.english import ENGLISH
from workers.effects.mail.german import GERMAN
from workers.effects.mail.topics import Author, News
from workers.effects.mail.wording import Wording

LANGUAGES: Final[Mapping[str, Wording]] = MappingProxyType({"de": GERMAN, "en": ENGLISH})
_WIDTH: Final = 76
_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What happened to whose account, as a mail tells it."""

    news: News
    at: datetime
    author: Author
    login: str | None = field(repr=False)  # None: about the company itself
    company: str
    ip: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads it: the account's owner, or an administrator."""

    language: str
    time_zone: str
    is_owner: bool


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    text: str = field(repr=False)


def write(occasion: Occasion, reader: Reader, public_url: str | None) -> Letter:
    """The finished text. Names are shown as one plain line; the only link is the configured one."""
    words = LANGUAGES.get(reader.language, ENGLISH)
    text = (words.to_user if reader.is_owner else words.to_administrators)[occasion.news.topic]
    advice = words.advice[occasion.author] if reader.is_owner else _advice_to_administrators(words, occasion)
    paragraphs = [
        words.greeting,
        fill(text.what.format(left=occasion.news.left), _WIDTH),
        _table(_rows(words, occasion, reader)),
        fill(advice, _WIDTH),
        *([f"{words.link}: {public_url}"] if public_url else []),
        fill(words.closing, _WIDTH),
    ]
    return Letter(text.subject, "\n\n".join(paragraphs) + "\n")


def _advice_to_administrators(words: Wording, occasion: Occasion) -> str:
    return words.advice_about_company if occasion.login is None else words.advice_to_administrators


def _rows(words: Wording, occasion: Occasion, reader: Reader) -> list[tuple[str, str]]:
    zone, name = _zone(reader.time_zone)
    authors = words.authors if reader.is_owner else words.authors_towards_others
    until = occasion.news.until
    rows = [
        _whose(words, occasion),
        (words.moment, f"{words.at(occasion.at.astimezone(zone))} ({name})"),
        (words.author, authors[occasion.author]),
    ]
    if occasion.ip is not None:
        rows.append((words.address, _plain(occasion.ip)))
    if until is not None:
        rows.append((words.until[occasion.news.topic], f"{words.at(until.astimezone(zone))} ({name})"))
    return rows


def _whose(words: Wording, occasion: Occasion) -> tuple[str, str]:
    if occasion.login is None:
        return words.company, _plain(occasion.company)
    return words.account, f"{_plain(occasion.login)} ({_plain(occasion.company)})"


def _table(rows: list[tuple[str, str]]) -> str:
    width = max(len(label) for label, _ in rows) + 2
    return "\n".join(f"{label + ':':<{width}}{value}" for label, value in rows)


def _zone(name: str) -> tuple[tzinfo, str]:
    try:
        return ZoneInfo(name), name
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC, "UTC"


def _plain(text: str) -> str:
    """One line of printable characters, so that a name cannot pretend to be more of the message."""
    return "".join(c if c.isprintable() else " " for c in text)[:_LONGEST_NAME]
