"""What a restore of the database must not undo, as the use cases see it: kept outside of the database."""

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias
from uuid import UUID

import structlog

log = structlog.get_logger()

Erased: TypeAlias = tuple[UUID, UUID]  # company, user
Month: TypeAlias = tuple[UUID, str]  # company, YYYY-MM


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalContents:
    """`epoch` 0: nothing was ever written. What came after the last epoch's begin stands in `*_since`, too."""

    epoch: int = 0
    erased: frozenset[Erased] = frozenset()
    months: frozenset[Month] = frozenset()
    erased_since: frozenset[Erased] = frozenset()
    months_since: frozenset[Month] = frozenset()


class JournalUnavailable(Exception):
    """The journal cannot be read or written, or is damaged; the text says where."""


class Journal(Protocol):
    """Append-only. Whatever returns is durable; what stands there already is not written again.

    Safe to call concurrently and from several processes. Raises JournalUnavailable.
    """

    async def contents(self) -> JournalContents: ...

    async def epoch_begun(self, epoch: int, at: datetime) -> None: ...

    async def erased(self, people: Iterable[Erased]) -> None: ...

    async def months_destroyed(self, months: Iterable[Month]) -> None: ...


async def note(writing: Awaitable[None]) -> None:
    """After a commit, which holds whatever becomes of this. What is missed is written by a worker or the next start."""
    try:
        await writing
    except JournalUnavailable as error:
        log.error("journal_unavailable", why=str(error))
