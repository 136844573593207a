"""Somebody who owns the database changes it: whatever it is, it is found, and where (requirement A-05, defect 15)."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID

import pytest
import pytest_asyncio

from events.integrity.verify import read_key, verify
from services.adapters.evidence import PostgresEvidence
from services.application.audit_check import check
from services.application.evidence import Finding
from tests.integrity.exporting import checked, export_to
from tests.support.database import Pool
from tests.support.scene import REASON, scene_of
from tests.support.service import Service
from tests.support.sizes import sized
from tests.workers.support import Worker
from tests.workers.test_sealer import sealer_of, some_facts

# What is put back after each act.
TABLES: Final = (
    "event",
    "company_log",
    "tree",
    "tree_leaves",
    "tree_node",
    "checkpoint",
    "user_state",
    "company_state",
)
CHUNKS: Final = 4
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T")


@dataclass
class Log:
    """A sealed company of some 300 entries in a database whose owner is the enemy."""

    service: Service
    owner: Pool
    company: UUID

    async def findings(self) -> list[Finding]:
        """All that `factorlog check` finds."""
        evidence = PostgresEvidence(self.service.parts.pool, self.service.parts.wrapper)
        found = await check(evidence, lambda done, total: None)
        return found + await checked(self.service, self.company)

    async def keep(self) -> None:
        for table in TABLES:
            await self.owner.execute(f"CREATE TABLE kept_{table} AS SELECT {await self.columns(table)} FROM {table}")

    async def put_back(self) -> None:
        async with self.owner.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            for table in TABLES:
                columns = await self.columns(table)
                await connection.execute(f"DELETE FROM {table}")
                await connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM kept_{table}")

    async def columns(self, table: str) -> str:
        rows = await self.owner.fetch(
            "SELECT column_name FROM information_schema.columns WHERE table_name = $1 AND is_generated = 'NEVER'", table
        )
        return ", ".join(row[0] for row in rows)


@pytest_asyncio.fixture
async def log(service: Service, owner_pool: Pool) -> AsyncIterator[Log]:
    scene = await scene_of(service, "anna", "udo")
    company = scene.companies["acme"]
    token = await scene.fresh("anna")
    await service.call("POST", scene.path("udo", "/two-factor/reset"), token, REASON)
    sealer = sealer_of(service)
    for _ in range(5):
        await some_facts(service, company, 55)
        await sealer.seal()
    await Worker(service.parts, Path(service.parts.settings.data_dir)).project()
    one = Log(service, owner_pool, company)
    assert await one.findings() == []
    await one.keep()
    yield one


Act = Callable[["Enemy"], Awaitable[int | None]]


@dataclass
class Enemy:
    """One random act; answers with the position that it touched, where it touched one."""

    connection: Any
    company: UUID
    random: Random

    async def position(self) -> int:
        head = await self.connection.fetchval("SELECT position FROM company_log WHERE company_id = $1", self.company)
        return self.random.randint(1, head)

    async def flip_entry(self) -> int:
        position = await self.position()
        entry = await self._entry(position)
        await self._set_entry(position, self._flipped(entry))
        return position

    async def rewrite_entry(self) -> int:
        position = await self.position()
        said = json.loads(await self._entry(position))
        said["actor"]["kind"] = "provider"
        await self._set_entry(position, json.dumps(said, separators=(",", ":")).encode())
        return position

    async def swap_entries(self) -> int:
        first, second = sorted({await self.position(), await self.position(), 1, 2})[:2]
        one, other = await self._entry(first), await self._entry(second)
        await self._set_entry(first, other)
        await self._set_entry(second, one)
        return first

    async def delete_entry(self) -> int:
        position = await self.position()
        await self._run("DELETE FROM event WHERE company_id = $1 AND position = $2", position)
        return position

    async def insert_entry(self) -> int:
        position: int = 1 + await self.connection.fetchval(
            "SELECT position FROM company_log WHERE company_id = $1", self.company
        )
        entry = (await self._entry(1)).replace(b'"position":1,', f'"position":{position},'.encode())
        await self.connection.execute(
            "INSERT INTO event (company_id, position, stream_id, version, type, entry) "
            "VALUES ($1, $2, gen_random_uuid(), 1, 'CompanyCreated', $3)",
            self.company,
            position,
            entry,
        )
        return position

    async def cut_tail(self) -> int:
        position = await self.position()
        await self._run("DELETE FROM event WHERE company_id = $1 AND position >= $2", position)
        return position

    async def change_copy(self) -> int:
        """One of the columns beside the entry."""
        position = await self.position()
        change = self.random.choice(
            ("stream_id = gen_random_uuid()", "version = version + 1000000", "type = 'SignedOut' || type")
        )
        await self._run(f"UPDATE event SET {change} WHERE company_id = $1 AND position = $2", position)
        return position

    async def flip_leaf(self) -> int:
        rows = await self._rows("SELECT first, hashes FROM tree_leaves WHERE company_id = $1 ORDER BY first")
        first, hashes = self.random.choice(rows)
        at = self.random.randrange(len(hashes))
        changed = hashes[:at] + bytes([hashes[at] ^ 1 << self.random.randrange(8)]) + hashes[at + 1 :]
        await self.connection.execute(
            "UPDATE tree_leaves SET hashes = $3 WHERE company_id = $1 AND first = $2", self.company, first, changed
        )
        return int(first) + at // 32 + 1

    async def delete_leaves(self) -> int:
        rows = await self._rows("SELECT first FROM tree_leaves WHERE company_id = $1 ORDER BY first")
        first: int = self.random.choice(rows)[0]
        await self._run("DELETE FROM tree_leaves WHERE company_id = $1 AND first = $2", first)
        return 256 * (first // 256) + 1

    async def flip_node(self) -> int:
        node = await self.connection.fetchval("SELECT hash FROM tree_node WHERE company_id = $1", self.company)
        await self.connection.execute(
            "UPDATE tree_node SET hash = $2 WHERE company_id = $1", self.company, self._flipped(node)
        )
        return 1

    async def delete_node(self) -> int:
        await self.connection.execute("DELETE FROM tree_node WHERE company_id = $1", self.company)
        return 1

    async def flip_edge(self) -> None:
        edge = await self.connection.fetchval("SELECT edge FROM tree WHERE company_id = $1", self.company)
        await self.connection.execute(
            "UPDATE tree SET edge = $2 WHERE company_id = $1", self.company, self._flipped(edge)
        )

    async def shrink_tree(self) -> None:
        await self.connection.execute(
            "UPDATE tree SET size = size - 1, signed_size = size - 1 WHERE company_id = $1", self.company
        )

    async def delete_tree(self) -> None:
        for table in ("tree", "tree_leaves", "tree_node", "checkpoint"):
            await self.connection.execute(f"DELETE FROM {table} WHERE company_id = $1", self.company)

    async def change_note(self) -> None:
        size, note = self.random.choice(await self._rows("SELECT size, note FROM checkpoint WHERE company_id = $1"))
        at = self.random.randrange(len(note))
        changed = note[:at] + ("A" if note[at] != "A" else "B") + note[at + 1 :]
        await self.connection.execute(
            "UPDATE checkpoint SET note = $3 WHERE company_id = $1 AND size = $2", self.company, size, changed
        )

    async def delete_newest_note(self) -> None:
        await self.connection.execute(
            "DELETE FROM checkpoint WHERE company_id = $1 "
            "AND size = (SELECT max(size) FROM checkpoint WHERE company_id = $1)",
            self.company,
        )

    async def insert_note(self) -> None:
        """Of another company, which is signed by the same key."""
        await self.connection.execute(
            "INSERT INTO checkpoint SELECT $1, size, origin, note, signed_at FROM checkpoint "
            "WHERE company_id <> $1 ORDER BY size DESC LIMIT 1",
            self.company,
        )

    async def change_user_state(self) -> None:
        await self._change_doc("user_state")

    async def change_company_state(self) -> None:
        await self._change_doc("company_state")

    async def change_state_version(self) -> None:
        table = self.random.choice(("user_state", "company_state"))
        stream = await self._stream(table)
        await self.connection.execute(
            f"UPDATE {table} SET version = version + 1 WHERE company_id = $1 AND stream_id = $2", self.company, stream
        )

    async def delete_user_state(self) -> None:
        await self._run(
            "DELETE FROM user_state WHERE company_id = $1 AND stream_id = $2", await self._stream("user_state")
        )

    async def _change_doc(self, table: str) -> None:
        stream = await self._stream(table)
        doc = json.loads(
            await self.connection.fetchval(
                f"SELECT doc FROM {table} WHERE company_id = $1 AND stream_id = $2", self.company, stream
            )
        )
        places = list(_scalars(doc))
        holder, key, value = self.random.choice(places)
        holder[key] = _other(value)
        await self.connection.execute(
            f"UPDATE {table} SET doc = $3 WHERE company_id = $1 AND stream_id = $2",
            self.company,
            stream,
            json.dumps(doc),
        )

    async def _stream(self, table: str) -> UUID:
        """The user's, or the company's own: the other streams of that table have no fold to compare with."""
        if table == "company_state":
            return self.company
        rows = await self._rows("SELECT stream_id FROM user_state WHERE company_id = $1 ORDER BY stream_id")
        stream: UUID = self.random.choice(rows)[0]
        return stream

    async def _rows(self, query: str) -> list[Any]:
        return list(await self.connection.fetch(query, self.company))

    async def _run(self, statement: str, *values: object) -> None:
        await self.connection.execute(statement, self.company, *values)

    async def _entry(self, position: int) -> bytes:
        entry: bytes = await self.connection.fetchval(
            "SELECT entry FROM event WHERE company_id = $1 AND position = $2", self.company, position
        )
        return entry

    async def _set_entry(self, position: int, entry: bytes) -> None:
        await self.connection.execute(
            "UPDATE event SET entry = $3 WHERE company_id = $1 AND position = $2", self.company, position, entry
        )

    def _flipped(self, content: bytes) -> bytes:
        at = self.random.randrange(len(content))
        return content[:at] + bytes([content[at] ^ 1 << self.random.randrange(8)]) + content[at + 1 :]


def _scalars(doc: Any) -> Any:
    items = doc.items() if isinstance(doc, dict) else enumerate(doc) if isinstance(doc, list) else ()
    for key, value in items:
        if isinstance(value, dict | list):
            yield from _scalars(value)
        elif value is not None:
            yield doc, key, value


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return "2031" + value[4:] if _TIME.match(value) else value + "x"


ACTS: Final[tuple[Act, ...]] = (
    Enemy.flip_entry,
    Enemy.rewrite_entry,
    Enemy.swap_entries,
    Enemy.delete_entry,
    Enemy.insert_entry,
    Enemy.cut_tail,
    Enemy.change_copy,
    Enemy.flip_leaf,
    Enemy.delete_leaves,
    Enemy.flip_node,
    Enemy.delete_node,
    Enemy.flip_edge,
    Enemy.shrink_tree,
    Enemy.delete_tree,
    Enemy.change_note,
    Enemy.delete_newest_note,
    Enemy.insert_note,
    Enemy.change_user_state,
    Enemy.change_company_state,
    Enemy.change_state_version,
    Enemy.delete_user_state,
)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("chunk", range(CHUNKS))
async def test_a05_every_act_of_a_database_owner_is_found_and_named(log: Log, chunk: int) -> None:
    count = sized(100, 1000) // CHUNKS
    for number in range(count):
        random = Random(f"{chunk}/{number}")
        act = ACTS[(chunk * count + number) % len(ACTS)]
        async with log.owner.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            position = await act(Enemy(connection, log.company, random))
        findings = await log.findings()
        what = (act.__name__, number, position, findings[:5])
        assert findings, what
        if position is not None:
            assert position in {one.position for one in findings}, what
        await log.put_back()
    assert await log.findings() == []


async def test_defect_15_rows_deleted_at_the_end_with_everything_that_speaks_of_them_are_missed(log: Log) -> None:
    """The whole database as it was before, which is sound in itself; the record outside is not of that time."""
    await some_facts(log.service, log.company, 4)
    await sealer_of(log.service).seal()
    await log.put_back()
    found = [one for one in await log.findings() if one.problem == "log_set_back"]
    assert len(found) == 1
    head = await log.owner.fetchval("SELECT position FROM company_log WHERE company_id = $1", log.company)
    assert found[0].position == head + 1
    await some_facts(log.service, log.company, 1)
    assert await sealer_of(log.service).seal() == 0


async def test_what_the_enemy_changed_in_the_log_is_in_the_export_and_the_verifier_names_it(
    log: Log, tmp_path: Path
) -> None:
    """Somebody who trusts only the key that was handed over before."""
    sound = await export_to(log.service, log.company, tmp_path / "sound")
    key = read_key(sound / "vkey")
    assert verify(sound, key, None, lambda done, total: None).is_sound
    for number, act in enumerate((Enemy.flip_entry, Enemy.rewrite_entry, Enemy.swap_entries, Enemy.flip_leaf)):
        async with log.owner.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            position = await act(Enemy(connection, log.company, Random(number)))
        folder = await export_to(log.service, log.company, tmp_path / str(number))
        verdict = verify(folder, key, None, lambda done, total: None)
        assert verdict.in_order()[0].position == position, (act.__name__, verdict.findings)
        await log.put_back()
