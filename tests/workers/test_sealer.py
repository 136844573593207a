"""Every entry comes under a signed checkpoint, and nothing is ever signed that contradicts what was signed."""

import asyncio
from base64 import b64decode
from pathlib import Path
from uuid import UUID

import pytest

from events.integrity.checkpoint import Checkpoint, Signed, checkpoint_of
from events.integrity.proof import root_of_inclusion, roots_of_consistency
from events.integrity.tree import Edge, consistency_ranges, inclusion_ranges, leaf_hash
from events.trees.blinding import blinded_entry
from events.trees.growing import BATCH, INSTALLATION
from events.trees.reading import TreeReader
from services.adapters.last_signed import FileLastSigned
from services.application.ports import Entropy
from services.application.signing import LastSigned, Signer, SigningRefused
from tests.support.database import Pool
from tests.support.service import Service
from workers.sealer import Sealer

NAME = "factorlog.example/log"


def sealer_of(service: Service, last: LastSigned | None = None) -> Sealer:
    parts = service.parts
    entropy: Entropy = parts.entropy
    signer = Signer(parts.store, parts.wrapper, entropy, last or FileLastSigned(parts.settings.signed_path))
    return Sealer(parts.pool, signer, service.clock, entropy, NAME)


def reader_of(service: Service, company: UUID) -> TreeReader:
    return TreeReader(service.parts.pool, company)


async def newest(service: Service, company: UUID) -> Checkpoint:
    """The newest checkpoint, opened with the company's key."""
    signed = await reader_of(service, company).newest()
    assert signed is not None
    return checkpoint_of(signed.note, await service.parts.signer.verifier_key(f"{NAME}/{company}"))


async def some_facts(service: Service, company: UUID, count: int) -> None:
    for _ in range(count):
        login = f"user-{service.parts.entropy.uuid()}"
        await service.parts.console.create_user(company, login=login, role="user", password="x" * 12)


async def entries(service: Service, company: UUID) -> list[bytes]:
    return [event.entry for event in await service.parts.store.events(company, 0, 100_000)]


async def refused(owner: Pool, company: UUID) -> str | None:
    text: str | None = await owner.fetchval("SELECT refused FROM tree WHERE company_id = $1", company)
    return text


async def test_what_is_signed_is_the_tree_of_the_entries(service: Service) -> None:
    company = await service.company()
    await some_facts(service, company, 5)
    assert await sealer_of(service).seal() == 1
    stored, checkpoint = await entries(service, company), await newest(service, company)
    edge = Edge()
    edge.extend(leaf_hash(entry) for entry in stored)
    assert checkpoint == Checkpoint(f"{NAME}/{company}", len(stored), edge.root())


async def test_nothing_new_signs_nothing(service: Service) -> None:
    await service.company()
    sealer = sealer_of(service)
    assert [await sealer.seal() for _ in range(3)] == [1, 0, 0]


async def test_each_tree_extends_the_one_before_and_proves_every_entry(service: Service) -> None:
    company, sealer = await service.company(), sealer_of(service)
    seen: list[Checkpoint] = []
    for count in (1, 2, 5, 3):
        await some_facts(service, company, count)
        await sealer.seal()
        seen.append(await newest(service, company))
    reader, last = reader_of(service, company), seen[-1]
    for old in seen[:-1]:
        hashes = await reader.hashes(consistency_ranges(old.size, last.size), last.size)
        assert roots_of_consistency(old.size, last.size, old.root, hashes) == (old.root, last.root)
    for index, entry in enumerate((await entries(service, company))[: last.size]):
        hashes = await reader.hashes(inclusion_ranges(index, last.size), last.size)
        assert root_of_inclusion(leaf_hash(entry), index, last.size, hashes) == last.root


async def test_more_than_a_batch_is_taken_in_at_once(service: Service, owner_pool: Pool) -> None:
    company = await service.company()
    await owner_pool.execute(
        """
        INSERT INTO event (company_id, position, stream_id, version, type, entry)
        SELECT $1, n, gen_random_uuid(), 1, 'X', convert_to(n::text, 'UTF8')
        FROM generate_series((SELECT position + 1 FROM company_log WHERE company_id = $1), $2::bigint) AS n
        """,
        company,
        2 * BATCH + 300,
    )
    await owner_pool.execute("UPDATE company_log SET position = $2 WHERE company_id = $1", company, 2 * BATCH + 300)
    await sealer_of(service).seal()
    checkpoint = await newest(service, company)
    assert checkpoint.size == 2 * BATCH + 300
    assert await reader_of(service, company).root(checkpoint.size) == checkpoint.root
    assert await owner_pool.fetchval("SELECT count(*) FROM checkpoint WHERE company_id = $1", company) == 1


async def test_every_signed_checkpoint_stands_once_in_the_log_of_checkpoints_under_a_blinded_name(
    service: Service, owner_pool: Pool
) -> None:
    one, other = await service.company("One"), await service.company("Other")
    sealer = sealer_of(service)
    await sealer.seal()
    await some_facts(service, one, 2)
    await sealer.seal()
    expected = {}
    for row in await owner_pool.fetch(
        "SELECT t.blind, c.note FROM checkpoint c JOIN tree t USING (company_id, origin)"
    ):
        if row["note"].startswith(NAME + "/"):
            checkpoint = Checkpoint(*_parts(row["note"]))
            expected[blinded_entry(checkpoint, row["blind"])] = checkpoint
    published = [row[0] for row in await owner_pool.fetch("SELECT entry FROM checkpoint_entry ORDER BY position")]
    assert sorted(published) == sorted(expected)
    assert len(published) == 3
    assert not any(str(company).encode() in entry for entry in published for company in (one, other))
    signed = await reader_of(service, INSTALLATION).newest()
    assert signed is not None
    edge = Edge()
    edge.extend(map(leaf_hash, published))
    assert checkpoint_of(signed.note, await service.parts.signer.verifier_key(NAME)) == Checkpoint(NAME, 3, edge.root())


def _parts(note: str) -> tuple[str, int, bytes]:
    origin, size, root = note.split("\n")[:3]
    return origin, int(size), b64decode(root)


# What contradicts what was signed.


async def cut(owner: Pool, company: UUID, keep: int) -> None:
    """Set one company back consistently, as somebody who owns the database could."""
    async with owner.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("DELETE FROM event WHERE company_id = $1 AND position > $2", company, keep)
        await connection.execute("UPDATE company_log SET position = $2 WHERE company_id = $1", company, keep)
        for table in ("tree", "tree_leaves", "tree_node", "checkpoint"):
            await connection.execute(f"DELETE FROM {table} WHERE company_id = $1", company)


async def test_a_log_that_was_set_back_is_not_signed_again(service: Service, owner_pool: Pool) -> None:
    company, sealer = await service.company(), sealer_of(service)
    await some_facts(service, company, 4)
    await sealer.seal()
    await cut(owner_pool, company, 2)
    assert await sealer.seal() == 0
    assert "it was set back" in (await refused(owner_pool, company) or "")
    await some_facts(service, company, 9)
    assert await sealer_of(service).seal() == 0
    assert "does not extend" in (await refused(owner_pool, company) or "")


async def test_a_history_that_was_rewritten_is_not_signed(service: Service, owner_pool: Pool) -> None:
    company, sealer = await service.company(), sealer_of(service)
    await some_facts(service, company, 4)
    await sealer.seal()
    size = (await newest(service, company)).size
    await cut(owner_pool, company, 2)
    await some_facts(service, company, size - 2)
    assert await sealer.seal() == 0
    assert "another tree of size" in (await refused(owner_pool, company) or "") or "does not extend" in (
        await refused(owner_pool, company) or ""
    )


async def test_an_edge_that_was_changed_is_not_signed(service: Service, owner_pool: Pool) -> None:
    company, sealer = await service.company(), sealer_of(service)
    await some_facts(service, company, 4)
    await sealer.seal()
    await owner_pool.execute(
        "UPDATE tree SET edge = overlay(edge placing '\\x00' from 3) WHERE company_id = $1", company
    )
    await some_facts(service, company, 1)
    assert await sealer.seal() == 0
    assert "extend" in (await refused(owner_pool, company) or "")


async def test_without_the_record_outside_the_database_nothing_is_signed(service: Service, owner_pool: Pool) -> None:
    company, sealer = await service.company(), sealer_of(service)
    await sealer.seal()
    for note in Path(service.parts.settings.signed_path).glob("*.note"):
        note.unlink()
    await some_facts(service, company, 1)
    assert await sealer.seal() == 0
    assert "record of the last signed checkpoint is gone" in (await refused(owner_pool, company) or "")


async def test_a_record_that_somebody_else_wrote_is_not_believed(service: Service, owner_pool: Pool) -> None:
    company, sealer = await service.company(), sealer_of(service)
    await sealer.seal()
    for note in Path(service.parts.settings.signed_path).glob("*.note"):
        note.write_text(Checkpoint(f"{NAME}/{company}", 1, bytes(32)).signed(bytes(32)))
    await some_facts(service, company, 1)
    assert await sealer.seal() == 0
    assert "is not ours" in (await refused(owner_pool, company) or "")


async def test_a_missing_entry_stops_its_company_and_no_other(service: Service, owner_pool: Pool) -> None:
    broken, sound = await service.company("Broken"), await service.company("Sound")
    await some_facts(service, broken, 3)
    async with owner_pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("DELETE FROM event WHERE company_id = $1 AND position = 2", broken)
    assert await sealer_of(service).seal() == 1
    assert await refused(owner_pool, broken) == "the entry at position 2 is missing"
    assert (await newest(service, sound)).size > 0


# Two at once, and ends in the middle.


async def test_two_sealers_at_once_sign_one_history(service: Service, owner_pool: Pool) -> None:
    company = await service.company()
    one, other = sealer_of(service), sealer_of(service)
    for _ in range(6):
        await asyncio.gather(some_facts(service, company, 2), one.seal(), other.seal(), one.seal())
    await one.seal()
    await demand_one_history(service, owner_pool, company)
    assert (await newest(service, company)).size == len(await entries(service, company))


async def demand_one_history(service: Service, owner: Pool, company: UUID) -> None:
    """No two trees of one size were signed, and all of them are prefixes of the log."""
    notes = await owner.fetch("SELECT size, note FROM checkpoint WHERE company_id = $1 ORDER BY size", company)
    assert len({row[0] for row in notes}) == len(notes)
    stored, edge = await entries(service, company), Edge()
    for row in notes:
        edge.extend(map(leaf_hash, stored[edge.size : row[0]]))
        assert _parts(row[1])[1:] == (row[0], edge.root())


class Dying:
    """The real record, whose process dies at one step: before or after it is durable."""

    def __init__(self, real: FileLastSigned, *, after: bool) -> None:
        self._real = real
        self._after = after

    async def read(self, origin: str) -> str | None:
        return await self._real.read(origin)

    async def advance(self, origin: str, expected: str | None, note: str) -> bool:
        if self._after:
            await self._real.advance(origin, expected, note)
        raise asyncio.CancelledError


@pytest.mark.parametrize("after", [False, True])
async def test_a_sealer_that_dies_around_the_record_leaves_work_that_the_next_one_ends(
    service: Service, owner_pool: Pool, after: bool
) -> None:
    company = await service.company()
    await some_facts(service, company, 2)
    await sealer_of(service).seal()
    await some_facts(service, company, 2)
    dying = Dying(FileLastSigned(service.parts.settings.signed_path), after=after)
    with pytest.raises(asyncio.CancelledError):
        await sealer_of(service, dying).seal()
    await some_facts(service, company, 1)
    assert await sealer_of(service).seal() == 1
    await demand_one_history(service, owner_pool, company)


async def test_the_signer_never_signs_two_trees_of_one_size(service: Service) -> None:
    signer = service.parts.signer
    origin = "factorlog.example/any"

    async def never(size: int) -> bytes:
        raise AssertionError(size)

    first = Checkpoint(origin, 3, bytes(32))
    note = await signer.sign(first, 0, never)
    assert await signer.sign(first, 3, never) == note
    with pytest.raises(SigningRefused, match="another tree of size 3"):
        await signer.sign(Checkpoint(origin, 3, bytes([1]) * 32), 3, never)
    with pytest.raises(SigningRefused, match="set back"):
        await signer.sign(Checkpoint(origin, 2, bytes(32)), 2, never)


async def test_the_first_checkpoint_that_covers_a_position_stays_the_same(service: Service) -> None:
    company, sealer = await service.company(), sealer_of(service)
    found: list[Signed | None] = []
    for _ in range(3):
        await some_facts(service, company, 2)
        await sealer.seal()
        found.append(await reader_of(service, company).first_covering(2))
    assert found[0] is not None
    assert found == [found[0]] * 3
