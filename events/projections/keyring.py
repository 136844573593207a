"""Data keys and logins of the people in a batch, in clear for the length of one pass over a log."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias
from uuid import UUID

from events.envelope import ActorKind
from events.facts import is_about_user
from events.projections.words import words_of_text
from events.sql import statement
from events.store.port import RecordedEvent

_PEOPLE: Final = statement(__file__, "people")
_MONTHS: Final = statement(__file__, "months")

MOST: Final = 50_000  # people kept at once

Unwrap: TypeAlias = Callable[[bytes], Awaitable[bytes]]
PersonId: TypeAlias = tuple[UUID, UUID]  # company, user


class Connection(Protocol):
    """A pool, or one connection of it."""

    async def fetch(self, query: str, *args: Any) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class Person:
    """`key` None: erased, so nothing of this person is shown or found any more."""

    key: bytes | None = field(default=None, repr=False)
    words: frozenset[str] = frozenset()
    texts: dict[str, str] = field(default_factory=dict, repr=False, compare=False)


NOBODY: Final = Person()


def subject_of(recorded: RecordedEvent) -> UUID | None:
    """The user that a fact is about; None where it is about the company."""
    if recorded.stream_kind == "user":
        return recorded.stream_id
    return recorded.data.user_id if is_about_user(recorded.data) else None


def acting_person(recorded: RecordedEvent) -> PersonId | None:
    """The acting person; None for programs, the system and strangers."""
    actor = recorded.actor
    if actor.id is None or actor.company_id is None or actor.kind not in (ActorKind.USER, ActorKind.PROVIDER):
        return None
    return actor.company_id, actor.id


class Keyring:
    """Of one company's log. Members of other companies are asked for at every batch: their erasure stands elsewhere."""

    def __init__(self, company_id: UUID, unwrap: Unwrap) -> None:
        self._company_id = company_id
        self._unwrap = unwrap
        self._members: dict[UUID, Person] = {}
        self._foreign: dict[PersonId, Person] = {}
        self._months: dict[str, bytes | None] = {}

    async def load(self, connection: Connection, batch: Iterable[RecordedEvent]) -> None:
        """Fetch what these facts need. Raises what `unwrap` raises."""
        members: set[UUID | None] = set()
        foreign: set[PersonId] = set()
        months: set[str | None] = set()
        for recorded in batch:
            members.add(subject_of(recorded))
            actor = acting_person(recorded)
            if actor is not None and actor[0] == self._company_id:
                members.add(actor[1])
            elif actor is not None:
                foreign.add(actor)
            months.update(box.month for box in (recorded.sealed.traces, recorded.sealed.actor) if box is not None)
        await self._load_people(connection, {m for m in members if m is not None}, foreign)
        await self._load_months(connection, {m for m in months if m is not None and m not in self._months})

    def member(self, user_id: UUID) -> Person:
        """A user of the company who was loaded; somebody without a data key is erased."""
        return self._members.get(user_id, NOBODY)

    def person(self, person: PersonId) -> Person:
        """A user of whatever company."""
        return self.member(person[1]) if person[0] == self._company_id else self._foreign.get(person, NOBODY)

    def month(self, month: str) -> bytes | None:
        return self._months.get(month)

    def forget(self, user_id: UUID) -> None:
        """From here on this member of the company is erased."""
        self._members[user_id] = NOBODY

    def forget_month(self, month: str) -> None:
        """Its key is destroyed, whatever was read of it before."""
        self._months[month] = None

    def foreigners(self) -> list[PersonId]:
        """Members of other companies that act in this batch and are not erased."""
        return [person for person, held in self._foreign.items() if held.key is not None]

    async def _load_people(self, connection: Connection, members: set[UUID], foreign: set[PersonId]) -> None:
        if len(self._members) > MOST:
            self._members.clear()
        self._foreign = {}
        wanted = [*((self._company_id, m) for m in members if m not in self._members), *foreign]
        if not wanted:
            return
        rows = await connection.fetch(_PEOPLE, [p[0] for p in wanted], [p[1] for p in wanted])
        for company_id, user_id, login, wrapped in rows:
            held = NOBODY
            if wrapped is not None:
                held = Person(await self._unwrap(wrapped), frozenset(words_of_text(login or "")))
            if company_id == self._company_id:
                self._members[user_id] = held
            else:
                self._foreign[(company_id, user_id)] = held

    async def _load_months(self, connection: Connection, missing: set[str]) -> None:
        if not missing:
            return
        found = {row[0]: row[1] for row in await connection.fetch(_MONTHS, self._company_id, list(missing))}
        for month in missing:
            self._months[month] = await self._unwrap(found[month]) if month in found else None
