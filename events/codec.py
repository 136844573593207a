"""Fact <-> entry bytes. Strict both ways; personal fields leave the clear part and go into a sealed box."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from events.catalogue import EVENTS, Event
from events.envelope import Box, Metadata, Recorded, Sealed, StreamKind
from events.fact import instant_fields, personal_fields
from events.sealing import Random, SealBroken, place, seal, trace_data_key, unseal
from events.upcasters import upcast

MAX_ENTRY_BYTES: Final = 65_535

_ADAPTERS: Final[dict[str, TypeAdapter[Any]]] = {n: TypeAdapter(cls) for n, cls in EVENTS.items()}
_RECORDED: Final[dict[str, TypeAdapter[Any]]] = {n: TypeAdapter(Recorded[cls]) for n, cls in EVENTS.items()}  # type: ignore[valid-type]
_PERSONAL: Final[dict[str, frozenset[str]]] = {n: personal_fields(cls) for n, cls in EVENTS.items()}
_INSTANTS: Final[dict[str, tuple[str, ...]]] = {n: instant_fields(cls) for n, cls in EVENTS.items()}
_CURRENT: Final[dict[str, bytes]] = {n: f',"v":{cls.VERSION},'.encode() for n, cls in EVENTS.items()}

_SEALED: Final = TypeAdapter(Sealed)


class UndecodableEntry(Exception):
    """An entry that no known shape reads: corruption, or written by a newer program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingKeys:
    """Data keys for the boxes of one append, in clear for its length only."""

    subject: bytes | None = None
    subject_id: UUID | None = None
    actor: bytes | None = None
    month: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a fact will stand; position and time are given to it in the append."""

    company_id: UUID
    stream_id: UUID
    stream_kind: StreamKind
    version: int


def compose(
    event: Event,
    address: Address,
    event_id: UUID,
    metadata: Metadata,
    keys: SealingKeys,
    now_month: str,
    random: Random,
) -> bytes:
    """The entry without `position` and `at`, which `complete` puts in front. Raises ValueError without a needed key."""
    name = type(event).__name__
    _refuse_naive(event, _INSTANTS[name])
    personal = _PERSONAL[name]
    data = _ADAPTERS[name].dump_json(event, exclude=set(personal) if personal else None)
    sealed = _seal_boxes(event, personal, address, metadata, keys, now_month, random)
    causation = f'"{metadata.causation_id}"' if metadata.causation_id else "null"
    head = (
        f'"company_id":"{address.company_id}","stream_id":"{address.stream_id}",'
        f'"stream_kind":"{address.stream_kind}","version":{address.version},"id":"{event_id}",'
        f'"type":"{name}","v":{event.VERSION},"actor":{_actor_json(metadata)},'
        f'"request_id":{json.dumps(metadata.request_id)},"causation_id":{causation},"data":'
    )
    return head.encode() + data + b',"sealed":' + sealed + b"}"


def complete(body: bytes, position: int, at: str) -> bytes:
    """The exact entry bytes: what the append in the database does, for stores that are not one."""
    return f'{{"position":{position},"at":"{at}",'.encode() + body


def decode(name: str, entry: bytes) -> Recorded[Event]:
    """Today's shape of a stored entry, boxes unopened. Raises UndecodableEntry."""
    adapter = _RECORDED.get(name)
    if adapter is None:
        raise UndecodableEntry(f"unknown event type {name!r}")
    try:
        recorded: Recorded[Event] = adapter.validate_json(entry if _CURRENT[name] in entry else _upcast(entry))
    except (ValueError, TypeError, LookupError) as error:
        raise UndecodableEntry(f"entry of type {name!r} does not decode") from error
    if recorded.type != name or recorded.v != EVENTS[name].VERSION:
        raise UndecodableEntry(f"entry of type {recorded.type!r} version {recorded.v} is not of a known shape")
    return recorded


def _upcast(entry: bytes) -> bytes:
    old = from_json(entry)
    if not isinstance(old, dict):
        raise ValueError("not an object")
    return to_json(upcast(old))


def _refuse_naive(event: Event, instants: tuple[str, ...]) -> None:
    """A time without a zone would be written, and could never be read again."""
    for name in instants:
        at = getattr(event, name)
        if at is not None and at.tzinfo is None:
            raise ValueError(f"a naive time in {name}")


def personal_part(recorded: Recorded[Event], data_key: bytes | None) -> Event:
    """The fact with its personal fields; without them when the person's key is gone. Raises SealBroken."""
    personal = _PERSONAL[recorded.type]
    values = personal_values(recorded, data_key)
    return replace(recorded.data, **{name: value for name, value in values.items() if name in personal})


def open_reason(recorded: Recorded[Event], data_key: bytes | None) -> str | None:
    """What people typed as the reason of a fact about a person, as far as the person's key exists."""
    return personal_values(recorded, data_key).get("reason")


def personal_values(recorded: Recorded[Event], data_key: bytes | None) -> dict[str, Any]:
    """Everything in the subject box: personal fields, and a reason that the shape of the fact has no place for."""
    box = recorded.sealed.subject
    if box is None or data_key is None:
        return {}
    values = from_json(unseal(box.box, box.commitment, data_key, _place(recorded, "subject")))
    if not isinstance(values, dict) or not values.keys() <= {*_PERSONAL[recorded.type], "reason"}:
        raise SealBroken
    return values


def open_actor(recorded: Recorded[Event], data_key: bytes | None) -> Mapping[str, str]:
    """`label`, the acting person's login at that time, and `reason`, as far as the entry has them and the key exists.

    The key is the acting person's, or the month's where the box names a month.
    """
    box = recorded.sealed.actor
    if box is None or data_key is None:
        return {}
    values = from_json(unseal(box.box, box.commitment, data_key, _place(recorded, "actor")))
    return values if isinstance(values, dict) else {}


def open_traces(recorded: Recorded[Event], month_key: bytes | None, person_key: bytes | None) -> Mapping[str, str]:
    """Address (`ip`) and `user_agent`, as far as known and readable."""
    box = recorded.sealed.traces
    if box is None or month_key is None or (box.person is not None and person_key is None):
        return {}
    key = trace_data_key(month_key, person_key if box.person is not None else None)
    values = from_json(unseal(box.box, box.commitment, key, _place(recorded, "traces")))
    return values if isinstance(values, dict) else {}


def _place(recorded: Recorded[Event], box: Any) -> bytes:
    return place(recorded.company_id, recorded.stream_id, recorded.version, box)


def _actor_json(metadata: Metadata) -> str:
    actor = metadata.actor
    who = f'"{actor.id}"' if actor.id else "null"
    company = f'"{actor.company_id}"' if actor.company_id else "null"
    return f'{{"kind":"{actor.kind}","id":{who},"company_id":{company}}}'


def _seal_boxes(
    event: Event,
    personal: frozenset[str],
    address: Address,
    metadata: Metadata,
    keys: SealingKeys,
    month: str,
    random: Random,
) -> bytes:
    boxes = Sealed(
        subject=_subject_box(event, personal, address, metadata, keys, random),
        actor=_actor_box(address, metadata, keys, month, random),
        traces=_traces_box(address, metadata, keys, month, random),
    )
    return _SEALED.dump_json(boxes, exclude_none=True)


def _subject_box(
    event: Event, personal: frozenset[str], address: Address, metadata: Metadata, keys: SealingKeys, random: Random
) -> Box | None:
    values = {name: value for name in sorted(personal) if (value := getattr(event, name)) is not None}
    if metadata.reason is not None and keys.subject is not None:
        values.setdefault("reason", metadata.reason)
    if not values:
        return None
    if keys.subject is None:
        raise ValueError("a personal field without a subject's data key")
    where = place(address.company_id, address.stream_id, address.version, "subject")
    box, commitment = seal(to_json(values), keys.subject, where, random)
    return Box(person=keys.subject_id, box=box, commitment=commitment)


def _actor_box(address: Address, metadata: Metadata, keys: SealingKeys, month: str, random: Random) -> Box | None:
    """Under the acting person's key; what a program gave as a reason under the month's: it has no key of its own."""
    label = metadata.actor_label if keys.actor is not None else None
    said = (("label", label), ("reason", metadata.reason if keys.subject is None else None))
    values = {name: value for name, value in said if value is not None}
    key = keys.actor or keys.month
    if not values or key is None:
        return None
    where = place(address.company_id, address.stream_id, address.version, "actor")
    box, commitment = seal(to_json(values), key, where, random)
    if keys.actor is None:
        return Box(month=month, box=box, commitment=commitment)
    return Box(person=metadata.actor.id, box=box, commitment=commitment)


def _traces_box(address: Address, metadata: Metadata, keys: SealingKeys, month: str, random: Random) -> Box | None:
    traces = metadata.traces
    values = {k: v for k, v in (("ip", traces.ip), ("user_agent", traces.user_agent)) if v is not None}
    if not values or keys.month is None:
        return None
    person, person_key = _trace_person(metadata, keys)
    where = place(address.company_id, address.stream_id, address.version, "traces")
    box, commitment = seal(to_json(values), trace_data_key(keys.month, person_key), where, random)
    return Box(person=person, month=month, box=box, commitment=commitment)


def _trace_person(metadata: Metadata, keys: SealingKeys) -> tuple[UUID | None, bytes | None]:
    """Whose habits the traces tell: the actor's, else those of the user that was acted on."""
    if keys.actor is not None:
        return metadata.actor.id, keys.actor
    if keys.subject is not None:
        return keys.subject_id, keys.subject
    return None, None
