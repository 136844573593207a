"""Everything that a database holds: as stored, and as far as the keys that are still there open it."""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import asyncpg

from events.codec import decode
from events.envelope import Box, Recorded
from events.sealing import SealBroken, open_secret, place, trace_data_key, unseal
from services.application.ports import KeyWrapper
from tests.support.database import Connection, Database

_TABLES: Final = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name
"""


@dataclass
class Dump:
    """Table by table the rows' texts and raw bytes; `opened` is what sealed boxes and answers hold."""

    tables: dict[str, list[bytes]]
    opened: list[bytes] = field(default_factory=list)

    def tables_with(self, *needles: bytes) -> set[str]:
        """Tables where one of these stands, in whatever form; and "opened"."""
        forms = [form for needle in needles for form in forms_of(needle)]
        places = {**self.tables, "opened": self.opened}
        return {name for name, rows in places.items() if any(has_any(row, forms) for row in rows)}


def has_any(text: bytes, forms: Iterable[bytes]) -> bool:
    """Is one of them in the text, whatever the case of its letters?"""
    folded = text.lower()
    return any(form.lower() in folded for form in forms)


def forms_of(secret: bytes) -> list[bytes]:
    """A secret as raw bytes, hexadecimal, base32 and both base64, at every alignment."""
    forms = [secret, secret.hex().encode(), base64.b32encode(secret).rstrip(b"=")]
    for skip in range(3):
        # What stands before it shifts base64; the characters at the rims depend on their neighbours.
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            middle = encode(b"\0" * skip + secret)[skip + 1 if skip else 0 :].rstrip(b"=")
            forms.append(middle[:-1])
    return [form for form in forms if len(form) >= 4]


async def full_dump(database: Database, wrapper: KeyWrapper | None = None) -> Dump:
    """All rows of all tables, read by the owner; with a wrapper, also what the keys of these rows open."""
    connection: Connection = await asyncpg.connect(database.owner_url)
    try:
        dump = Dump({})
        for (name,) in await connection.fetch(_TABLES):
            texts = await connection.fetch(f'SELECT t::text FROM "{name}" AS t')
            rows = await connection.fetch(f'SELECT * FROM "{name}"')
            blobs = [value for row in rows for value in row.values() if isinstance(value, bytes)]
            dump.tables[name] = [*(row[0].encode() for row in texts), *blobs]
        if wrapper is not None:
            dump.opened = [text async for text in _opened(connection, wrapper)]
        return dump
    finally:
        await connection.close()


async def _opened(connection: Connection, wrapper: KeyWrapper) -> Any:
    people = await _keys(connection, wrapper, "SELECT user_id AS name, wrapped FROM person_key")
    months = await _keys(connection, wrapper, "SELECT month AS name, wrapped FROM trace_key")
    for row in await connection.fetch("SELECT type, entry FROM event"):
        recorded = decode(row["type"], row["entry"])
        for text in _boxes(recorded, people, months):
            yield text
    for row in await connection.fetch("SELECT company_id, caller, key, answer FROM idempotency"):
        context = f"{row['company_id']}|{row['caller']}|{row['key']}".encode()
        for _, key in people:
            try:
                yield open_secret(row["answer"] or b"", key, context)
            except SealBroken:
                continue


async def _keys(connection: Connection, wrapper: KeyWrapper, query: str) -> list[tuple[Any, bytes]]:
    return [(row["name"], await wrapper.unwrap(row["wrapped"])) for row in await connection.fetch(query)]


def _boxes(
    recorded: Recorded[Any], people: list[tuple[UUID, bytes]], months: list[tuple[str, bytes]]
) -> Iterator[bytes]:
    """What any key there is opens, whosever it is."""
    keys = [key for _, key in people]
    traces = [trace_data_key(month, key) for _, month in months for key in (None, *keys)]
    sealed = recorded.sealed
    yield from _tried(recorded, "subject", sealed.subject, keys)
    yield from _tried(recorded, "actor", sealed.actor, keys)
    yield from _tried(recorded, "traces", sealed.traces, traces)


def _tried(recorded: Recorded[Any], name: Any, box: Box | None, keys: list[bytes]) -> Iterator[bytes]:
    if box is None:
        return
    where = place(recorded.company_id, recorded.stream_id, recorded.version, name)
    for key in keys:
        try:
            yield unseal(box.box, box.commitment, key, where)
        except SealBroken:
            continue
