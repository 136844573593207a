"""Names and reasons in the rows of a report, as far as the keys of the people exist."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from events.codec import open_actor, open_reason
from events.envelope import Actor, ActorKind
from events.reports.rows import Reason, Row
from events.store.port import EventStore, RecordedEvent
from services.application.ports import KeyWrapper
from services.application.reports.ports import Log, Named, PersonId

_NOBODY = Named(None)


@dataclass(slots=True)
class People:
    """Everybody who stands in the rows. Keys are in clear for the length of one report."""

    company_id: UUID
    named: Mapping[PersonId, Named]
    keys: dict[PersonId, bytes] = field(default_factory=dict, repr=False)
    months: dict[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def alive(self) -> list[PersonId]:
        """Those whose erasure has to empty the file."""
        return [person for person, one in self.named.items() if one.wrapped is not None]

    def shown(self, value: Any) -> Any:
        """A row's value as it stands in the file."""
        match value:
            case Actor():
                return {"kind": str(value.kind), "id": _text(value.id), "label": self._label(value)}
            case Reason():
                return self._reason(value.recorded)
            case datetime():
                return value.isoformat().replace("+00:00", "Z")
            case UUID():
                return str(value)
            case dict():
                return {name: self.shown(one) for name, one in value.items()}
            case _:
                return value

    def row(self, row: Row) -> dict[str, Any]:
        """With the login behind each user's id."""
        shown: dict[str, Any] = {}
        for name, value in row.values.items():
            shown[name] = self.shown(value)
            if name == "user_id":
                shown["login"] = self.named.get((self.company_id, value), _NOBODY).label if value else None
        return {**shown, "rests_on": list(row.rests_on)}

    def _label(self, actor: Actor) -> str | None:
        person = _acting(actor)
        return self.named.get(person, _NOBODY).label if person is not None else None

    def _reason(self, recorded: RecordedEvent) -> str | None:
        """Under the key of whom it is about, else of who acted, else of the month; gone when either is erased."""
        acting = _acting(recorded.actor)
        if any(self._is_erased(person) for person in _people_of(recorded)):
            return None
        if recorded.stream_kind == "user":
            return open_reason(recorded, self.keys.get((recorded.company_id, recorded.stream_id)))
        box = recorded.sealed.actor
        if box is None:
            return None
        key = self.months.get(box.month) if box.month is not None else self.keys.get(acting) if acting else None
        return open_actor(recorded, key).get("reason")

    def _is_erased(self, person: PersonId) -> bool:
        return self.named.get(person, _NOBODY).wrapped is None


async def people_of(company_id: UUID, rows: Sequence[Row], store: EventStore, log: Log, wrapper: KeyWrapper) -> People:
    """Raises KeyUnavailable."""
    reasons = [value.recorded for row in rows for value in _flat(row.values) if isinstance(value, Reason)]
    wanted = {person for row in rows for person in _named_in(company_id, row)}
    wanted.update(person for recorded in reasons for person in _people_of(recorded))
    found = People(company_id, await log.people(sorted(wanted)))
    for person in {person for recorded in reasons for person in _people_of(recorded)}:
        wrapped = found.named.get(person, _NOBODY).wrapped
        if wrapped is not None:
            found.keys[person] = await wrapper.unwrap(wrapped)
    months = {r.sealed.actor.month for r in reasons if r.sealed.actor is not None and r.sealed.actor.month is not None}
    for month in sorted(months):
        wrapped = await store.trace_key(company_id, month)
        if wrapped is not None:
            found.months[month] = await wrapper.unwrap(wrapped)
    return found


def _named_in(company_id: UUID, row: Row) -> Iterator[PersonId]:
    user_id = row.values.get("user_id")
    if user_id is not None:
        yield company_id, user_id
    for value in _flat(row.values):
        person = _acting(value) if isinstance(value, Actor) else None
        if person is not None:
            yield person


def _people_of(recorded: RecordedEvent) -> Iterator[PersonId]:
    """Whom an entry is about, and the person who acted."""
    if recorded.stream_kind == "user":
        yield recorded.company_id, recorded.stream_id
    acting = _acting(recorded.actor)
    if acting is not None and recorded.actor.kind in (ActorKind.USER, ActorKind.PROVIDER):
        yield acting


def _acting(actor: Actor) -> PersonId | None:
    return (actor.company_id, actor.id) if actor.company_id is not None and actor.id is not None else None


def _flat(values: Mapping[str, Any]) -> Iterable[Any]:
    for value in values.values():
        yield from _flat(value) if isinstance(value, dict) else (value,)


def _text(value: UUID | None) -> str | None:
    return str(value) if value is not None else None
