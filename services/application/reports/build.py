"""A report's file: the log folded up to a moment, rows, the entries they rest on, proofs. Same order, same bytes."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from pydantic_core import from_json

from events.codec import decode
from events.company.events import CompanyCreated, CompanyRenamed
from events.company.reports import LEAST, Order
from events.reports.kinds import begins, fold_of
from events.reports.rows import Fold, Told
from events.store.port import EventStore
from services.application.ports import KeyWrapper
from services.application.reports.people import People, people_of
from services.application.reports.ports import Cover, Covering, Log, PersonId

FORMAT: Final = 1
TIME_ZONE: Final = "UTC"
WINDOW: Final = 5_000  # positions looked at in one read
_LINES: Final = 1_000

# (position, entries looked at, entries to look at)
Progress: TypeAlias = Callable[[int, int, int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Built:
    """`people`: whoever stands in it with a name and can still be erased."""

    position: int
    rows: int
    content: bytes = field(repr=False)
    people: Sequence[PersonId]


class Builder:
    def __init__(self, store: EventStore, log: Log, cover: Cover, wrapper: KeyWrapper) -> None:
        self._store = store
        self._log = log
        self._cover = cover
        self._wrapper = wrapper

    async def build(self, company_id: UUID, order: Order, before: int, progress: Progress) -> Built:
        """`before`: the position of the order itself, behind which nothing is as old as the moment it names.

        Raises Unavailable, KeyUnavailable, NotCovered.
        """
        position = await self._position_at(company_id, before, order.cut)
        fold = fold_of(order)
        await self._read(company_id, order, fold, position, progress)
        told = await asyncio.to_thread(fold.told)
        people = await people_of(company_id, told.rows, self._store, self._log, self._wrapper)
        positions = _positions(told)
        covering = await self._cover.cover(company_id, positions, position)
        name = await self._name(company_id, position)
        first = await self._first_position(company_id, position, order)
        head = _header(company_id, name, order, (first, position), fold, told) | {"entries": len(positions)}
        entries = [line async for line in self._entries(company_id, positions)]
        content = await asyncio.to_thread(_content, head, told, people, entries, covering)
        return Built(position, len(told.rows), content, people.alive)

    async def _position_at(self, company_id: UUID, before: int, moment: datetime) -> int:
        """The last position below `before` that was recorded at that moment or earlier; 0: none."""
        low, high = 0, before - 1
        while low < high:
            middle = (low + high + 1) // 2
            (event,) = await self._store.events(company_id, middle - 1, 1)
            low, high = (middle, high) if _at(event.entry) <= moment else (low, middle - 1)
        return low

    async def _first_position(self, company_id: UUID, position: int, order: Order) -> int:
        """Of the first entry of the period."""
        if order.from_at is None:
            return 1
        return await self._position_at(company_id, position + 1, order.from_at - LEAST) + 1

    async def _read(self, company_id: UUID, order: Order, fold: Fold, position: int, progress: Progress) -> None:
        since = begins(order)
        first = await self._position_at(company_id, position + 1, since) if since is not None else 0
        # One before it too: an entry of exactly that moment belongs to the period.
        first, types = max(first - 1, 0), sorted(fold.types)
        total = position - first
        await progress(position, 0, total)
        for after in range(first, position, WINDOW):
            upto = min(after + WINDOW, position)
            raw = await self._log.entries(company_id, after, upto, types)
            for number, event in enumerate(raw):
                fold.take(decode(event.type, event.entry))
                if number % 500 == 499:
                    await asyncio.sleep(0)  # revocations and mails go on meanwhile
            await progress(position, upto - first, total)

    async def _name(self, company_id: UUID, position: int) -> str:
        """What the company was called then."""
        name, version = "", 0
        while raw := await self._store.stream_events(company_id, company_id, version, _LINES):
            for event in raw:
                if event.position > position:
                    return name
                if event.type in (CompanyCreated.__name__, CompanyRenamed.__name__):
                    fact = decode(event.type, event.entry).data
                    name = fact.name if isinstance(fact, CompanyCreated | CompanyRenamed) else name
            version += len(raw)
        return name

    async def _entries(self, company_id: UUID, positions: Sequence[int]) -> AsyncIterator[tuple[int, bytes]]:
        for begin in range(0, len(positions), _LINES):
            for line in await self._log.lines(company_id, positions[begin : begin + _LINES]):
                yield line


def _at(entry: bytes) -> datetime:
    at: str = from_json(entry)["at"]
    return datetime.fromisoformat(at).astimezone(UTC)


def _positions(told: Told) -> list[int]:
    return sorted({*told.rests_on, *(position for row in told.rows for position in row.rests_on)})


def _header(
    company_id: UUID, name: str, order: Order, places: tuple[int, int], fold: Fold, told: Told
) -> dict[str, Any]:
    """`types`, `covers` and `first_position` say which entries of the log no row may leave out."""
    return {
        "factorlog_report": FORMAT,
        "company_id": str(company_id),
        "company": name,
        "kind": str(order.kind),
        "as_of": _moment(order.as_of),
        "from": _moment(order.from_at),
        "to": _moment(order.to_at),
        "time_zone": TIME_ZONE,
        "first_position": places[0],
        "position": places[1],
        "types": sorted(fold.complete),
        "covers": fold.covers,
        "rows": len(told.rows),
        "totals": dict(told.totals),
        "rests_on": list(told.rests_on),
    }


def _moment(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at is not None else None


def _content(
    head: Mapping[str, Any], told: Told, people: People, entries: Iterable[tuple[int, bytes]], covering: Covering
) -> bytes:
    return b"".join(_line(one) for one in _objects(head, told, people, entries, covering))


def _objects(
    head: Mapping[str, Any], told: Told, people: People, entries: Iterable[tuple[int, bytes]], covering: Covering
) -> Iterator[Mapping[str, Any]]:
    """The order of lines that docs/reports.md promises."""
    yield {**head, "nodes": len(covering.nodes)}
    for row in told.rows:
        yield people.row(row)
    for position, entry in entries:
        yield {"entry": position, "line": entry.decode()}
    yield from covering.nodes
    yield covering.checkpoint


def _line(one: Mapping[str, Any]) -> bytes:
    """No `<` stands in it, so that the lines can be put into a page as they are."""
    text = json.dumps(one, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").encode() + b"\n"
