"""One request of a person: what a view gets, and what it may answer."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from events.company.roles import Level, Right
from services.application.application import Application
from services.application.context import Caller, Request
from services.portal.forms import Errors, Filled
from services.portal.languages import Language
from services.portal.messages import Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """`filled`: the form that came with the request, and what was wrong with it."""

    app: Application
    request: Request
    language: Language
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, UUID] = field(default_factory=dict)
    slug: str = ""  # the name in the path, where it has one
    filled: Filled = field(default_factory=Filled)
    known: Caller | None = None

    @property
    def caller(self) -> Caller:
        """Who is signed in, or signing in; routes for anyone have none."""
        assert self.known is not None  # noqa: S101 - the dispatcher sees to it
        return self.known

    @property
    def errors(self) -> Errors:
        return self.filled.errors

    @property
    def now(self) -> datetime:
        return self.app.clock.now()

    @property
    def zone(self) -> str:
        """The reader's time zone."""
        return self.known.user.state.time_zone if self.known is not None else "Europe/Berlin"

    @property
    def place(self) -> str:
        """What paths of the company's pages begin with: nothing, or the company where the provider acts."""
        elsewhere = self.known.elsewhere if self.known is not None else None
        return f"/companies/{elsewhere.id}" if elsewhere is not None else ""

    def text(self, sentence: str, /, **values: Any) -> str:
        return self.language.text(sentence, **values)

    def may(self, right: Right, level: Level) -> bool:
        return self.known is not None and self.known.is_session and self.known.may(right, level)

    def sees(self, right: str) -> bool:
        """For templates."""
        return self.may(Right(right), Level.VIEW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page to show. `token`: what the browser holds from now on."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    status: int = 200
    token: str | None = field(default=None, repr=False)
    said: Said | None = None  # on the next page
    language: str | None = None  # from this page on
    refused: str | None = None  # why, for the count; where none is named, its status says it
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goto:
    """On to another page, after an act with one sentence about it. `leave`: the browser forgets who was there."""

    path: str
    said: Said | None = None
    token: str | None = field(default=None, repr=False)
    language: str | None = None
    leave: bool = False
    clear: bool = False  # and whatever else it keeps of ours
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file to keep. In chunks it is streamed; `count`: how many rows the whole file has."""

    name: str
    kind: str
    body: bytes | AsyncIterator[bytes] = field(repr=False)
    count: int | None = None
    token: str | None = field(default=None, repr=False)
    said: None = None
    language: str | None = None
    refused: str | None = None


Answer: TypeAlias = Page | Goto | Download
