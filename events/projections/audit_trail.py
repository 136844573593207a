"""The audit trail, version 1: one row a fact, with what is personal as long as its keys exist."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from events.codec import open_traces, personal_part
from events.facts import is_user_fact
from events.projections.keyring import Keyring, Person, PersonId, acting_person, subject_of
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

    Whoever is erased within the batch is blank in all of it: the same that older rows become.
    """
    erased = [recorded.stream_id for recorded in batch if isinstance(recorded.data, UserErased)]
    for user_id in erased:
        keyring.forget(user_id)
    return [_row(recorded, keyring) for recorded in batch], erased


def _row(recorded: RecordedEvent, keyring: Keyring) -> Row:
    subject_id, actor = subject_of(recorded), acting_person(recorded)
    subject = keyring.person((recorded.company_id, subject_id)) if subject_id is not None else None
    acting = keyring.person(actor) if actor is not None else None
    ip = user_agent = reason = words = None
    if not _is_erased(subject) and not _is_erased(acting):
        ip, user_agent = _traces(recorded, keyring)
        reason = _reason(recorded, subject)
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


def _traces(recorded: RecordedEvent, keyring: Keyring) -> tuple[str | None, str | None]:
    box = recorded.sealed.traces
    if box is None or box.month is None:
        return None, None
    person = _keeper(recorded, box.person)
    key = keyring.person(person).key if person is not None else None
    traces = open_traces(recorded, keyring.month(box.month), key)
    return traces.get("ip"), traces.get("user_agent")


def _keeper(recorded: RecordedEvent, person_id: UUID | None) -> PersonId | None:
    """Under whose key the traces are: the actor's, which may be another company's, or the subject's."""
    if person_id is None:
        return None
    actor = acting_person(recorded)
    return actor if actor is not None and actor[1] == person_id else (recorded.company_id, person_id)


def _reason(recorded: RecordedEvent, subject: Person | None) -> str | None:
    """The only personal field that the trail shows: no other box is opened for it."""
    if subject is None or recorded.sealed.subject is None or not is_user_fact(recorded.data):
        return None
    if "reason" not in type(recorded.data).__dataclass_fields__:
        return None
    reason = getattr(personal_part(recorded, subject.key), "reason", None)
    return reason if isinstance(reason, str) else None


def _words(
    recorded: RecordedEvent, subject: Person | None, acting: Person | None, reason: str | None, ip: str | None
) -> str:
    words = set(words_of_type(recorded.type))
    if subject is not None:
        words |= subject.words
    if acting is not None and acting is not subject:
        words |= acting.words
    if reason is not None:
        words |= words_of_text(reason)
    if ip is not None:
        words.add(ip.lower())
    return " ".join(words)
