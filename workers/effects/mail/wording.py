"""What every language brings along."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from workers.effects.mail.topics import Author, Topic


@dataclass(frozen=True, slots=True)
class Text:
    """A subject line and what happened. `{left}` is the number of recovery codes that are left."""

    subject: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """All sentences of one language. `to_user` has every topic about a user, `to_administrators` what they are told."""

    greeting: str
    account: str
    company: str
    moment: str
    author: str
    address: str
    until: Mapping[Topic, str]
    authors: Mapping[Author, str]
    authors_towards_others: Mapping[Author, str]
    advice: Mapping[Author, str]
    advice_to_administrators: str
    advice_about_company: str
    to_user: Mapping[Topic, Text]
    to_administrators: Mapping[Topic, Text]
    link: str
    closing: str
    at: Callable[[datetime], str]
