"""The audit trail, version 1: one row a fact, with what is personal as long as its keys exist."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from events.codec import open_actor, open_reason, open_traces
from events.company.events import TracesDestroyed
from events.projections.keyring import Keyring, Person, acting_person, subject_of
from events.projections.words import words_of_text, words_of_type
from events.store.port import RecordedEvent
from events.user.events import UserErased

NAME: Final = "audit_trail_1"


class Row(NamedTuple):
    """As stored; the order is that of the SQL's parameters. `words` are separated by spaces."""

    position: int
    type: str
    at: datetime
    subject_id: UUID | None
    actor_id: UUID | None
    actor_kind: str
    ip: str | None
    user_agent: str | None
    reason: str | None
    words: str | None


def rows_of(batch: Sequence[RecordedEvent], keyring: Keyring) -> tuple[list[Row], list[UUID]]:
    """(rows, members of the company that this batch erases). Raises SealBroken.

    Whoever is erased within the batch, and whatever month, is blank in all of it: the same that older rows become.
    """
    for month in months_destroyed(batch):
        keyring.forget_month(month)
    erased = [recorded.stream_id for recorded in batch if isinstance(recorded.data, UserErased)]
    for user_id in erased:
        keyring.forget(user_id)
    return [_row(recorded, keyring) for recorded in batch], erased


def months_destroyed(batch: Sequence[RecordedEvent]) -> list[str]:
    """Months whose key is gone since this batch."""
    return [recorded.data.month for recorded in batch if isinstance(recorded.data, TracesDestroyed)]


def months_of(recorded: RecordedEvent) -> set[str]:
    """Months whose keys its boxes need."""
    boxes = (recorded.sealed.traces, recorded.sealed.actor)
    return {box.month for box in boxes if box is not None and box.month is not None}


def _row(recorded: RecordedEvent, keyring: Keyring) -> Row:
    subject_id, actor = subject_of(recorded), acting_person(recorded)
    subject = keyring.member(subject_id) if subject_id is not None else None
    acting = keyring.person(actor) if actor is not None else None
    ip = user_agent = reason = words = None
    if not _is_erased(subject) and not _is_erased(acting):
        ip, user_agent = _traces(recorded, keyring, subject, acting)
        reason = _reason(recorded, keyring, subject, acting)
        words = _words(recorded, subject, acting, reason, ip)
    return Row(
        recorded.position,
        recorded.type,
        recorded.at,
        subject_id,
        recorded.actor.id,
        recorded.actor.kind,
        ip,
        user_agent,
        reason,
        words,
    )


def _is_erased(person: Person | None) -> bool:
    return person is not None and person.key is None


def _traces(
    recorded: RecordedEvent, keyring: Keyring, subject: Person | None, acting: Person | None
) -> tuple[str | None, str | None]:
    """Under the actor's key, else under that of the user that was acted on, else under nobody's."""
    box = recorded.sealed.traces
    if box is None or box.month is None:
        return None, None
    keeper = acting if box.person == recorded.actor.id else subject
    key = keeper.key if keeper is not None and box.person is not None else None
    traces = open_traces(recorded, keyring.month(box.month), key)
    return traces.get("ip"), _storable(traces.get("user_agent"))


def _reason(recorded: RecordedEvent, keyring: Keyring, subject: Person | None, acting: Person | None) -> str | None:
    """What people typed; no box is opened for anything else."""
    if subject is None:
        return _reason_of_actor(recorded, keyring, acting)
    return _storable(open_reason(recorded, subject.key))


def _reason_of_actor(recorded: RecordedEvent, keyring: Keyring, acting: Person | None) -> str | None:
    """Of a fact that is about no person: it stands with the acting one's name."""
    box = recorded.sealed.actor
    if box is None:
        return None
    key = keyring.month(box.month) if box.month is not None else acting.key if acting is not None else None
    return _storable(open_actor(recorded, key).get("reason"))


def _storable(text: str | None) -> str | None:
    """The one character that Postgres keeps in no text: it must not stop a company's trail."""
    return text.replace("\x00", "\ufffd") if text is not None else None


def _words(
    recorded: RecordedEvent, subject: Person | None, acting: Person | None, reason: str | None, ip: str | None
) -> str:
    text = _names(recorded.type, subject, acting)
    if reason is not None:
        text = " ".join((text, *words_of_text(reason)))
    return f"{text} {ip.lower()}" if ip is not None else text


def _names(name: str, subject: Person | None, acting: Person | None) -> str:
    """Most facts are one person's own, again and again: those texts are kept as long as the person is."""
    one = subject if acting is None or acting is subject else acting if subject is None else None
    if one is None:
        both = (person.words for person in (subject, acting) if person is not None)
        return " ".join(words_of_type(name).union(*both))
    text = one.texts.get(name)
    if text is None:
        text = one.texts[name] = " ".join(words_of_type(name) | one.words)
    return text
