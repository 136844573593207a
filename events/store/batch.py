"""Commands of one company -> the arguments of the append function."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from events.codec import MAX_ENTRY_BYTES, Address, compose
from events.credentials import Credential
from events.envelope import month_of
from events.sealing import Random
from events.store.port import Alone, Append

_ROOM_FOR_PLACE: Final = 80  # position and time, which the append puts in front


class EntryTooLarge(Exception):
    """A fact that would not fit an entry: a bound on input is missing above."""


def entries(command: Append, new_id: Callable[[], UUID], random: Random) -> list[bytes]:
    """Entry bytes of one command's facts, but for position and time. Raises EntryTooLarge."""
    month = month_of(command.decided_at)
    bodies = []
    for version, event in enumerate(command.events, command.expected + 1):
        address = Address(
            company_id=command.company_id,
            stream_id=command.stream_id,
            stream_kind=command.stream_kind,
            version=version,
        )
        body = compose(event, address, new_id(), command.metadata, command.keys, month, random)
        if len(body) > MAX_ENTRY_BYTES - _ROOM_FOR_PLACE:
            raise EntryTooLarge(type(event).__name__)
        bodies.append(body)
    return bodies


def arguments(batch: Sequence[tuple[Append, list[bytes]]]) -> list[Any]:
    """The 46 arguments of `append`, in its order."""
    commands = [command for command, _ in batch]
    return [
        commands[0].company_id,
        [c.decided_at for c in commands],
        [c.stream_id for c in commands],
        [c.stream_kind for c in commands],
        [c.expected for c in commands],
        [c.state.schema if c.state else None for c in commands],
        [c.state.authority if c.state else None for c in commands],
        [c.state.doc if c.state else None for c in commands],
        *_callers(commands),
        _unless_empty([c.endings.spent_key for c in commands]),
        _unless_empty([c.endings.spent_step for c in commands]),
        _unless_empty([c.known_address for c in commands]),
        *_groups([len(bodies) for _, bodies in batch]),
        [type(event).__name__ for c in commands for event in c.events],
        [body for _, bodies in batch for body in bodies],
        *_ends(commands),
        *_alls(commands),
        *_news(commands),
        *_effects(commands),
        *_done(commands),
        _alone(commands[0].alone),
        _unless_empty([c.company_version for c in commands]),
        _unless_empty([c.caller.company_version if c.caller else None for c in commands]),
    ]


def _callers(commands: list[Append]) -> list[Any]:
    callers = [c.caller for c in commands]
    if not any(callers):
        return [None] * 5
    return [
        [c.credential_id if c else None for c in callers],
        [c.secret if c else None for c in callers],
        [c.company_id if c else None for c in callers],
        _unless_empty([c.actor_id if c else None for c in callers]),
        _unless_empty([c.authority if c else None for c in callers]),
    ]


def _groups(sizes: list[int]) -> list[Any]:
    """[index of the last element of each command]; [None] when no command has one."""
    if not any(sizes):
        return [None]
    ends, total = [], 0
    for size in sizes:
        total += size
        ends.append(total)
    return [ends]


def _unless_empty(values: list[Any]) -> list[Any] | None:
    """To the function an element of NULL is NULL, and costs both sides less than a list of them."""
    return values if any(value is not None for value in values) else None


def _ends(commands: list[Append]) -> list[Any]:
    ends = _groups([len(c.endings.ids) for c in commands])
    return [*ends, [i for c in commands for i in c.endings.ids]] if ends[0] else [None, None]


def _alls(commands: list[Append]) -> list[Any]:
    ends = _groups([len(c.endings.all_of) for c in commands])
    if not ends[0]:
        return [None] * 4
    alls = [a for c in commands for a in c.endings.all_of]
    return [*ends, [a.user_id for a in alls], [",".join(a.kinds) for a in alls], [a.keep for a in alls]]


def _news(commands: list[Append]) -> list[Any]:
    ends = _groups([len(c.credentials) for c in commands])
    if not ends[0]:
        return [None] * 9
    new: list[Credential] = [n for c in commands for n in c.credentials]
    return [
        *ends,
        [n.id for n in new],
        [n.user_id for n in new],
        [n.kind for n in new],
        [n.secret for n in new],
        _unless_empty([n.expires_at for n in new]),
        _unless_empty([n.seen_at for n in new]),
        _unless_empty([n.last_step for n in new]),
        [json.dumps(n.attributes) for n in new],
    ]


def _effects(commands: list[Append]) -> list[Any]:
    ends = _groups([len(c.effects) for c in commands])
    if not ends[0]:
        return [None] * 4
    effects = [e for c in commands for e in c.effects]
    return [*ends, [e.event for e in effects], [e.kind for e in effects], [e.target for e in effects]]


def _done(commands: list[Append]) -> list[Any]:
    done = [c.done for c in commands]
    if not any(done):
        return [None] * 5
    return [
        [d.position if d else None for d in done],
        [d.kind if d else None for d in done],
        [d.target if d else None for d in done],
        [d.attempts if d else None for d in done],
        [d.failed if d else None for d in done],
    ]


def _alone(alone: Alone | None) -> str | None:
    if alone is None:
        return None
    values: dict[str, Any] = {"user_id": str(alone.user_id)} if alone.user_id is not None else {}
    if alone.claim_login is not None:
        values["claim_login"] = alone.claim_login
    if alone.person_key is not None:
        values["person_key"] = alone.person_key.hex()
    if alone.forget:
        values["forget"] = True
    if alone.end_everyone is not None:
        everyone = alone.end_everyone
        keep = str(everyone.keep) if everyone.keep is not None else None
        values["end_everyone"] = {"kinds": everyone.kinds, "role": everyone.role, "keep": keep}
    if alone.unused_role is not None:
        values["unused_role"] = alone.unused_role
    if alone.idempotency is not None:
        claim = alone.idempotency
        values["idempotency"] = {"caller": claim.caller, "key": claim.key, "digest": claim.digest.hex()}
    return json.dumps(values)
