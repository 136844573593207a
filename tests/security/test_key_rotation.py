"""C-03, C-04 and C-07: another key-encryption key while people sign in, and what happens to the keys meanwhile."""

import asyncio
import os
import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from services.adapters.key_file import create_key_file, read_key_file, replace_key_file
from services.adapters.key_wrapper import LOOK_SECONDS, LocalKeyWrapper
from services.adapters.wrapped_keys import PostgresWrappedKeys
from services.application.key_rotation import Holder, KeyRotation, Rotated, StillNeeded, WrappedKey
from services.application.ports import KeyUnavailable
from services.bootstrap import Runtime
from tests.support.database import Database, Pool
from tests.support.processes import Said, command, environment, eventually
from tests.support.scene import scene_of
from tests.support.service import Another, ManualClock, Person, Service, running
from tests.support.sizes import sized

NOBODY = (UUID(int=7), UUID(int=7))


def rotation(parts: Runtime, rows: PostgresWrappedKeys | None = None) -> KeyRotation:
    """As a command that begins now has it: with the file as it is now."""
    wrapper = LocalKeyWrapper(parts.settings.key_path, os.urandom)
    return KeyRotation(wrapper, wrapper, rows or PostgresWrappedKeys(parts.pool), parts.clock)


async def rotate(parts: Runtime, rows: PostgresWrappedKeys | None = None) -> Rotated:
    return await rotation(parts, rows).rotate(lambda done, total: None)


async def ids_in_use(parts: Runtime) -> set[str]:
    return {key_id for key_id, rows in (await rotation(parts).census()).items() if rows}


async def keys(service: Service, *words: str) -> Said:
    """The real command on this service's database and key file."""
    settings = service.parts.settings
    env = environment(
        FACTORLOG_DATABASE_URL=service.database.app_url,
        FACTORLOG_DATA_DIR=str(settings.data_dir),
    )
    return await asyncio.to_thread(command, "keys", *words, "--json", env=env)


def let_time_pass(key_file: Path) -> None:
    """As if the keys had been changed a minute ago."""
    found = key_file.stat()
    os.utime(key_file, (found.st_atime - 60, found.st_mtime - 60))


async def fill(service: Service, count: int) -> None:
    """Data keys of people who never sign in."""
    wrap = service.parts.wrapper.wrap
    rows = [(uuid4(), uuid4(), await wrap(os.urandom(32))) for _ in range(count)]
    await service.parts.pool.copy_records_to_table("person_key", records=rows)


class SignIns:
    """Everybody signs in at one process or another, round after round, and somebody new joins in each."""

    def __init__(self, processes: Sequence[Service], company: UUID, people: list[Person]) -> None:
        self._processes = processes
        self._company = company
        self.people = people
        self.rounds = 0

    async def round(self) -> None:
        """Fails when one of them is not let in."""
        first, number = self._processes[0], self.rounds
        first.clock.advance(seconds=60)
        who = [(person, self._processes[n % len(self._processes)]) for n, person in enumerate(self.people, number)]
        await asyncio.gather(*(service.sign_in(person) for person, service in who))
        maker = self._processes[number % len(self._processes)]
        self.people.append(await maker.person(self._company, f"new.{len(self.people)}"))
        self.rounds += 1

    async def during(self, command_: "asyncio.Task[Said]") -> Said:
        begun = self.rounds
        while not command_.done():
            await self.round()
        assert self.rounds > begun
        return await command_


async def test_c03_nobody_is_refused_while_the_key_changes_and_the_old_one_can_go(
    service: Service, another: Another, database: Database, tmp_path: Path
) -> None:
    company, key_file = await service.company(), service.parts.settings.key_path
    people = [await service.person(company, f"user.{n}", on=True) for n in range(sized(6, 40))]
    await fill(service, sized(5_000, 100_000))
    old_file = tmp_path / "old"
    shutil.copy(key_file, old_file)
    sign_ins = SignIns([service, await another()], company, people)
    await sign_ins.round()

    rotated = await sign_ins.during(asyncio.create_task(keys(service, "rotate")))

    assert rotated.code == 0, rotated
    assert rotated.json["is_new"] is True
    assert rotated.json["rewrapped"]["person"] >= sized(5_006, 100_040)
    assert await ids_in_use(service.parts) == {rotated.json["key_id"]}
    let_time_pass(key_file)
    dropped = await sign_ins.during(asyncio.create_task(keys(service, "drop-old")))
    assert dropped.code == 0, dropped
    assert [len(read_key_file(file)) for file in (key_file, old_file)] == [1, 1]
    await sign_ins.round()

    fresh = SignIns([await another()], company, sign_ins.people)
    await fresh.round()
    async with running(database, tmp_path, service.clock, key_file=old_file) as stranger:
        refused = [await stranger.start(person) for person in sign_ins.people]
        assert {(reply.status, reply.code) for reply in refused} == {(503, "unavailable")}


async def test_c03_data_keys_are_the_same_after_a_rotation(service: Service) -> None:
    scene = await scene_of(service, "anna", "ben")
    await scene.fresh("anna")
    before = await opened(service.parts)
    first = await rotate(service.parts)
    assert first.rewrapped == {Holder.PERSON: 2, Holder.MONTH: len(before) - 3, Holder.INSTALLATION: 1}
    second = await rotate(service.parts)
    assert (second.rewrapped, second.unreadable) == (first.rewrapped, 0)
    assert len({first.key_id, second.key_id}) == 2
    assert await opened(service.parts) == before


async def opened(parts: Runtime) -> dict[object, bytes]:
    """Every data key in clear."""
    wrapper = LocalKeyWrapper(parts.settings.key_path, os.urandom)
    pages = [page async for page in PostgresWrappedKeys(parts.pool).pages()]
    return {(row.holder, row.place): await wrapper.unwrap(row.wrapped) for page in pages for row in page}


async def test_c03_what_another_process_wraps_under_the_older_key_meanwhile_is_found(service: Service) -> None:
    await service.person(await service.company(), "udo.acme")
    parts, late = service.parts, await service.parts.wrapper.wrap(os.urandom(32))

    class OthersWork(ManualClock):
        """Until every process has looked at the file, somebody joins under the older key."""

        async def sleep_until(self, at: datetime) -> None:
            assert at > self.now() + timedelta(seconds=LOOK_SECONDS)
            await parts.pool.execute("INSERT INTO person_key VALUES ($1, $2, $3)", *NOBODY, late)

    wrapper = LocalKeyWrapper(parts.settings.key_path, os.urandom)
    rows = PostgresWrappedKeys(parts.pool)
    done = await KeyRotation(wrapper, wrapper, rows, OthersWork()).rotate(lambda done, total: None)
    assert done.rewrapped[Holder.PERSON] == 2
    assert await ids_in_use(parts) == {done.key_id}


async def test_c03_who_is_erased_in_the_middle_of_a_rotation_stays_erased(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "ute")
    token, udo = await scene.fresh("anna"), scene["udo"]

    class Between(PostgresWrappedKeys):
        """Udo is erased after his key was read, and before it is written."""

        async def rewrap(self, changes: Sequence[tuple[WrappedKey, bytes]]) -> int:
            if any(udo.user_id in row.place for row, _ in changes):
                gone = await service.call("DELETE", scene.path("udo"), token)
                assert gone.status == 204, gone
            return await super().rewrap(changes)

    done = await rotate(service.parts, Between(service.parts.pool))

    assert done.rewrapped[Holder.PERSON] == 2
    left = await service.parts.pool.fetch("SELECT user_id FROM person_key")
    assert {row["user_id"] for row in left} == {scene["anna"].user_id, scene["ute"].user_id}
    await scene.fresh("ute")


async def test_c03_an_older_key_does_not_go_while_anything_is_under_it(service: Service, owner_pool: Pool) -> None:
    await service.person(await service.company(), "udo.acme")
    key_file, late = service.parts.settings.key_path, await service.parts.wrapper.wrap(os.urandom(32))
    done = await rotate(service.parts)
    await owner_pool.execute("INSERT INTO person_key VALUES ($1, $2, $3)", *NOBODY, late)
    let_time_pass(key_file)
    before = key_file.read_bytes()
    with pytest.raises(StillNeeded) as refused:
        await rotation(service.parts).drop_old()
    assert refused.value.rows == {service.parts.wrapper.key_id(late): 1}
    said = await keys(service, "drop-old")
    assert (said.code, said.out) == (1, "")
    assert f"1 under {service.parts.wrapper.key_id(late)}" in said.err
    assert key_file.read_bytes() == before

    again = await rotate(service.parts)
    assert (again.is_new, again.key_id, again.rewrapped.total()) == (False, done.key_id, 1)
    assert await rotation(service.parts).drop_old() == (service.parts.wrapper.key_id(late),)
    assert len(read_key_file(key_file)) == 1


async def test_c03_what_was_wrapped_before_a_rotation_and_is_written_late_keeps_the_older_key(
    service: Service,
) -> None:
    await service.person(await service.company(), "udo.acme")
    parts, late = service.parts, await service.parts.wrapper.wrap(os.urandom(32))
    await rotate(parts)

    class SlowRequest(ManualClock):
        """Somebody's request comes to its end while the command waits for such."""

        async def sleep_until(self, at: datetime) -> None:
            assert at >= wrapper.changed_at + timedelta(seconds=30)
            await parts.pool.execute("INSERT INTO person_key VALUES ($1, $2, $3)", *NOBODY, late)

    wrapper = LocalKeyWrapper(parts.settings.key_path, os.urandom)
    with pytest.raises(StillNeeded):
        await KeyRotation(wrapper, wrapper, PostgresWrappedKeys(parts.pool), SlowRequest()).drop_old()
    assert len(read_key_file(parts.settings.key_path)) == 2


async def test_c03_two_rotations_at_once_are_one(service: Service) -> None:
    await service.person(await service.company(), "udo.acme")
    with LocalKeyWrapper(service.parts.settings.key_path, os.urandom).exclusively():
        for words in (["rotate"], ["drop-old"]):
            said = await keys(service, *words)
            assert said.code == 1, said
            assert "another command" in said.err
    assert len(read_key_file(service.parts.settings.key_path)) == 1


async def test_c03_a_damaged_data_key_is_left_and_told_and_holds_up_nobody(service: Service, owner_pool: Pool) -> None:
    scene = await scene_of(service, "udo", "ute")
    await owner_pool.execute(
        "UPDATE person_key SET wrapped = set_byte(wrapped, 30, get_byte(wrapped, 30) # 1) WHERE user_id = $1",
        scene["udo"].user_id,
    )
    said = await keys(service, "rotate")
    assert said.code == 3, said
    assert (said.json["unreadable"], said.json["rewrapped"]["person"]) == (1, 1)
    await scene.fresh("ute")


async def test_c03_with_the_key_file_of_somebody_else_nothing_is_rotated(service: Service, tmp_path: Path) -> None:
    await service.person(await service.company(), "udo.acme")
    other = tmp_path / "other"
    create_key_file(other, os.urandom)
    before = other.read_bytes()
    wrapper = LocalKeyWrapper(other, os.urandom)
    with pytest.raises(KeyUnavailable):
        await KeyRotation(wrapper, wrapper, PostgresWrappedKeys(service.parts.pool), service.parts.clock).rotate(
            lambda done, total: None
        )
    assert other.read_bytes() == before


# C-04: a key that is changed under a running process.


async def test_c04_another_valid_key_under_a_running_process_fails_closed_and_the_right_one_heals(
    service: Service, tmp_path: Path
) -> None:
    scene = await scene_of(service, "udo")
    udo, key_file, kept = scene["udo"], service.parts.settings.key_path, tmp_path / "kept"
    shutil.copy(key_file, kept)
    replace_key_file(key_file, (os.urandom(32),))

    async def refused() -> bool:
        # What the process still knows serves until it looks: within a second of its next wrapping.
        await service.parts.wrapper.wrap(bytes(32))
        return (await service.start(udo)).status == 503

    await eventually(refused, 20, "the other key is noticed")
    assert (await service.call("GET", "/readyz")).status == 503
    replace_key_file(key_file, read_key_file(kept))
    await scene.fresh("udo")


async def test_c04_a_file_that_becomes_bad_is_told_and_the_last_good_keys_serve_on(service: Service) -> None:
    scene = await scene_of(service, "udo")
    key_file, wrapper = service.parts.settings.key_path, service.parts.wrapper
    good, secret = key_file.read_text(), os.urandom(31).hex()
    key_file.write_text(f"{good}{secret}\n")
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(KeyUnavailable):
                await wrapper.unwrap(os.urandom(60))
    assert [(line["event"], line["log_level"]) for line in logs] == [("key_file_refused", "error")]
    assert not any(line in str(logs) for line in (good.strip(), secret))
    await scene.fresh("udo")
    key_file.unlink()
    with pytest.raises(KeyUnavailable):
        await wrapper.unwrap(os.urandom(60))
    await scene.fresh("udo")


# C-07: no nonce comes twice.


async def test_c07_as_many_ciphertexts_as_a_large_installation_has_share_no_nonce(tmp_path: Path) -> None:
    create_key_file(tmp_path / "key", os.urandom)
    wrapper, key = LocalKeyWrapper(tmp_path / "key", os.urandom), os.urandom(32)
    count = sized(10_000, 100_000)
    forms = [await wrapper.wrap(key) for _ in range(count)]
    assert len({form[8:20] for form in forms}) == count
