"""What reports need from outside: the log in passing, names and keys of people, files, proofs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias
from uuid import UUID

from events.company.reports import Order
from events.store.port import RawEvent

PersonId: TypeAlias = tuple[UUID, UUID]  # company, user or API client
Status: TypeAlias = Literal["queued", "running", "ready", "failed"]


class PersonGone(Exception):
    """Somebody who stands in the file was erased while it was built: it has to be built anew."""


class NotCovered(Exception):
    """No signed checkpoint covers these entries yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReport:
    """The resource. `position`: of the last entry that counts, known once the building has begun."""

    id: UUID
    order: Order
    language: str
    status: Status
    requested_at: datetime
    requested_by_kind: str
    requested_by: UUID | None
    requested_position: int  # where the order stands in the log
    position: int | None = None
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Named:
    """Today's login of a person, or a program's name. `wrapped`: the person's data key."""

    label: str | None
    wrapped: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Covering:
    """Lines of the file: hashes of the tree that lead from its entries to the root, and the checkpoint of that root."""

    nodes: Sequence[Mapping[str, Any]]
    checkpoint: Mapping[str, Any]


class Log(Protocol):
    """One company's entries, read in passing."""

    async def entries(self, company_id: UUID, after: int, upto: int, types: Sequence[str]) -> list[RawEvent]:
        """Those of these types, in order."""
        ...

    async def lines(self, company_id: UUID, positions: Sequence[int]) -> list[tuple[int, bytes]]:
        """(position, exact entry) in order."""
        ...

    async def people(self, people: Sequence[PersonId]) -> Mapping[PersonId, Named]:
        """Whoever exists; without name and key who is erased."""
        ...


class Shelf(Protocol):
    """Reports as they are kept beside the log. Files can be made anew at any time."""

    async def page(self, company_id: UUID, limit: int, before: int | None) -> Sequence[ShownReport]:
        """Newest order first, before that position in the log."""
        ...

    async def find(self, company_id: UUID, report_id: UUID) -> ShownReport | None: ...

    async def open_ones(self, company_id: UUID) -> int:
        """How many are not built yet."""
        ...

    async def last_entry_at(self, company_id: UUID) -> datetime | None:
        """When the newest entry of the log was recorded; None: there is none."""
        ...

    async def progress(self, company_id: UUID, report_id: UUID, position: int, done: int, total: int) -> None: ...

    async def store(self, company_id: UUID, report_id: UUID, content: bytes, people: Sequence[PersonId]) -> None:
        """Instead of what was stored before. Raises PersonGone when one of the people has no data key any more."""
        ...

    async def content(self, company_id: UUID, report_id: UUID) -> bytes | None: ...


class Cover(Protocol):
    async def cover(self, company_id: UUID, positions: Sequence[int], at_least: int) -> Covering:
        """By the first signed checkpoint of that many entries or more. Raises NotCovered."""
        ...
