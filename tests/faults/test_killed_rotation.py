"""A rotation of the key-encryption key that is killed anywhere is gone on with by the next one."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

import asyncpg

from services.adapters.key_file import create_key_file, read_key_file
from services.adapters.key_wrapper import LocalKeyWrapper
from services.adapters.wrapped_keys import PostgresWrappedKeys
from services.application.key_rotation import KeyRotation, Rotated, WrappedKey
from services.bootstrap import Runtime
from tests.support.processes import environment, eventually, spawn
from tests.support.scene import scene_of
from tests.support.service import Service


class Killed(BaseException):
    """Nothing in the program catches it."""


@dataclass
class Fate:
    """Which of the steps outside of the process is the last one."""

    dies_at: int
    steps: int = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.dies_at:
            raise Killed


@dataclass
class MortalKeys:
    """The key file, with death before and after each change."""

    keys: LocalKeyWrapper
    fate: Fate

    @property
    def ids(self) -> tuple[str, ...]:
        return self.keys.ids

    @property
    def changed_at(self) -> datetime:
        return self.keys.changed_at

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        with self.keys.exclusively():
            self.fate.step()
            yield

    def add(self) -> None:
        self.fate.step()
        self.keys.add()
        self.fate.step()

    def drop_old(self) -> None:
        self.fate.step()
        self.keys.drop_old()
        self.fate.step()


class MortalRows(PostgresWrappedKeys):
    """The rows, with death before and after each page and each change."""

    fate: Fate

    async def pages(self) -> AsyncIterator[list[WrappedKey]]:
        async for page in super().pages():
            self.fate.step()
            yield page

    async def rewrap(self, changes: Sequence[tuple[WrappedKey, bytes]]) -> int:
        self.fate.step()
        done = await super().rewrap(changes)
        self.fate.step()
        return done


def rotation(parts: Runtime, dies_at: int = 0) -> KeyRotation:
    """By a new process; 0: it lives."""
    wrapper, fate, rows = LocalKeyWrapper(parts.settings.key_path, os.urandom), Fate(dies_at), MortalRows(parts.pool)
    rows.fate = fate
    return KeyRotation(wrapper, MortalKeys(wrapper, fate), rows, parts.clock)


async def rotate(parts: Runtime, dies_at: int = 0) -> Rotated | None:
    """None: killed."""
    try:
        return await rotation(parts, dies_at).rotate(lambda done, total: None)
    except Killed:
        return None


async def drop_old(parts: Runtime, dies_at: int = 0) -> bool:
    try:
        await rotation(parts, dies_at).drop_old()
    except Killed:
        return False
    return True


async def test_c03_a_rotation_killed_at_any_step_is_finished_by_the_next(service: Service) -> None:
    scene = await scene_of(service, "udo", "ben")
    key_file = service.parts.settings.key_path
    for dies_at in count(1):
        if await rotate(service.parts, dies_at) is not None:
            break
        await scene.fresh("udo")
        done = await rotate(service.parts)
        assert done is not None
        in_use = {key_id for key_id, rows in (await rotation(service.parts).census()).items() if rows}
        assert in_use == {done.key_id}
        await scene.fresh("ben")
        while not await drop_old(service.parts, dies_at):
            dies_at += 1
        assert len(read_key_file(key_file)) == 1
        await scene.fresh("udo")
    assert dies_at > 20  # so many steps there are


async def test_c03_a_rotation_killed_in_the_middle_adds_no_second_key(service: Service) -> None:
    await scene_of(service, "udo", "ben")
    started: list[str] = []
    for dies_at in count(1):
        before = read_key_file(service.parts.settings.key_path)
        if await rotate(service.parts, dies_at) is not None:
            break
        after = read_key_file(service.parts.settings.key_path)
        assert len(after) - len(before) in (0, 1)
        behind = len([1 for rows in (await rotation(service.parts).census()).values() if rows]) > 1
        done = await rotate(service.parts)
        assert done is not None
        if behind:
            started.append(done.key_id)
            assert not done.is_new
            assert read_key_file(service.parts.settings.key_path) == after
    assert started


async def test_c03_a_command_that_is_killed_while_it_writes_is_run_again(service: Service) -> None:
    scene = await scene_of(service, "udo", "ben")
    parts = service.parts
    env = environment(FACTORLOG_DATABASE_URL=service.database.app_url, FACTORLOG_DATA_DIR=str(parts.settings.data_dir))
    # What a killed writer of the file leaves is in nobody's way, and is never used.
    parts.settings.key_path.with_name("key.new").write_text("half a ke")
    held = await asyncpg.connect(service.database.owner_url)
    async with held.transaction():
        await held.fetch("SELECT 1 FROM person_key FOR UPDATE")
        child = spawn(parts.settings.data_dir, "keys", "rotate", env=env)
        await eventually(lambda: waits_for_a_lock(service), 30, "the command waits for a row")
        child.send(signal.SIGKILL)
        await child.ended()
    await held.close()
    keys = read_key_file(parts.settings.key_path)
    assert len(keys) == 2
    await scene.fresh("udo")

    child = spawn(parts.settings.data_dir, "keys", "rotate", "--json", env=env)
    assert await child.ended() == 0, child.complaints

    assert read_key_file(parts.settings.key_path) == keys
    in_use = [key_id for key_id, rows in (await rotation(parts).census()).items() if rows]
    assert in_use == [LocalKeyWrapper(parts.settings.key_path, os.urandom).ids[0]]
    await scene.fresh("ben")


async def waits_for_a_lock(service: Service) -> bool:
    found = await service.parts.pool.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return bool(found)


async def test_c03_whoever_reads_the_file_while_it_changes_sees_whole_keys(tmp_path: Path) -> None:
    file = tmp_path / "key"
    create_key_file(file, os.urandom)
    writer = LocalKeyWrapper(file, os.urandom)
    done = asyncio.Event()

    def read_all_the_time() -> set[int]:
        seen = set()
        while not done.is_set():
            seen.add(len(read_key_file(file)))
        return seen

    reading = asyncio.create_task(asyncio.to_thread(read_all_the_time))
    for _ in range(100):
        await asyncio.to_thread(writer.add)
        await asyncio.to_thread(writer.drop_old)
    done.set()
    assert await reading <= {1, 2}
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert file.stat().st_mode & 0o777 == 0o600
