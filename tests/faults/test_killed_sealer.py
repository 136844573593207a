"""Sealers are killed at each step, alone and beside another one: one history is signed, and nothing is left undone."""

import signal
from pathlib import Path

import asyncpg
import pytest

from events.integrity.checkpoint import Checkpoint, checkpoint_of
from events.integrity.tree import Edge, leaf_hash
from services.adapters.last_signed import FileLastSigned
from services.application.signing import Signer
from tests.integrity.exporting import checked
from tests.support.processes import Connection, environment, eventually, spawn
from tests.support.service import Service
from tests.support.sizes import sized
from tests.workers.test_sealer import NAME, demand_one_history, entries, newest, sealer_of, some_facts
from workers.sealer import Sealer


class Killed(BaseException):
    """Nothing in the program catches it."""


class Fate:
    """Which of the steps outside of the process is the last one."""

    def __init__(self, dies_at: int) -> None:
        self.dies_at = dies_at
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.dies_at:
            raise Killed


class MortalRecord(FileLastSigned):
    """The folder, with death before and after each replacement."""

    fate: Fate

    async def advance(self, origin: str, expected: str | None, note: str) -> bool:
        self.fate.step()
        done = await super().advance(origin, expected, note)
        self.fate.step()
        return done


class MortalPool:
    """The pool, with death before and after each statement of its own and each transaction."""

    def __init__(self, pool: object, fate: Fate) -> None:
        self._pool = pool
        self._fate = fate

    def __getattr__(self, name: str) -> object:
        found = getattr(self._pool, name)
        if name not in ("execute", "fetch", "fetchrow", "fetchval"):
            return found

        async def mortal(*arguments: object, **options: object) -> object:
            self._fate.step()
            done = await found(*arguments, **options)
            self._fate.step()
            return done

        return mortal


def mortal_sealer(service: Service, fate: Fate) -> Sealer:
    parts = service.parts
    record = MortalRecord(parts.settings.signed_path)
    record.fate = fate
    signer = Signer(parts.store, parts.wrapper, parts.entropy, record)
    return Sealer(MortalPool(parts.pool, fate), signer, service.clock, parts.entropy, NAME)  # type: ignore[arg-type]


async def test_killed_at_any_step_it_leaves_what_the_next_one_ends(
    service: Service, owner_pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    company = await service.company()
    for dies_at in range(1, 100):
        await some_facts(service, company, 1)
        fate = Fate(dies_at)
        try:
            await mortal_sealer(service, fate).seal()
            survived = True
        except Killed:
            survived = False
        await sealer_of(service).seal()
        await demand_one_history(service, owner_pool, company)
        assert (await newest(service, company)).size == len(await entries(service, company))
        if survived:
            break
    assert dies_at > 8
    assert await checked(service, company) == []
    published = await owner_pool.fetchval("SELECT count(*) FROM checkpoint_entry")
    assert published == await owner_pool.fetchval("SELECT count(*) FROM checkpoint WHERE company_id = $1", company)


@pytest.mark.timeout(300)
async def test_worker_processes_killed_again_and_again_sign_one_history(service: Service, tmp_path: Path) -> None:
    """Two of them on one folder; after each kill the log goes on."""
    company = await service.company()
    settings = service.parts.settings
    env = environment(
        FACTORLOG_DATABASE_URL=service.database.app_url,
        FACTORLOG_DATA_DIR=str(settings.data_dir),
        FACTORLOG_LOG_NAME=NAME,
    )
    owner: Connection = await asyncpg.connect(service.database.owner_url)
    children = [spawn(tmp_path, "work", env=env) for _ in range(2)]
    try:
        for number in range(sized(4, 40)):
            await some_facts(service, company, 3)
            size = len(await entries(service, company))

            async def is_covered(size: int = size) -> bool:
                return bool(
                    await owner.fetchval("SELECT signed_size >= $1 FROM tree WHERE company_id = $2", size, company)
                )

            await eventually(is_covered, 60, "a checkpoint")
            children[number % 2].send(signal.SIGKILL)
            children[number % 2].process.wait()
            children[number % 2] = spawn(tmp_path, "work", env=env)
        for child in children:
            child.kill()
        rows = await owner.fetch("SELECT size, note FROM checkpoint WHERE company_id = $1 ORDER BY size", company)
    finally:
        for child in children:
            child.kill()
        await owner.close()
    stored, edge = await entries(service, company), Edge()
    assert len({row[0] for row in rows}) == len(rows)
    for size, note in rows:
        edge.extend(map(leaf_hash, stored[edge.size : size]))
        key = await service.parts.signer.verifier_key(f"{NAME}/{company}")
        assert checkpoint_of(note, key) == Checkpoint(key.name, size, edge.root())
    assert await checked(service, company) == []
