"""The journal: a file that is only extended, and in which damage shows."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.adapters.journal_file import JournalFile
from services.application.journal import JournalUnavailable
from tests.support.given import ident

ACME, BETA = ident("acme"), ident("beta")
PEOPLE = [(ACME, ident(f"person-{n}")) for n in range(20)]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secrets" / "journal"


async def written(path: Path) -> JournalFile:
    journal = JournalFile(path)
    await journal.epoch_begun(1, NOON)
    await journal.erased(PEOPLE[:2])
    await journal.months_destroyed([(BETA, "2026-03")])
    await journal.epoch_begun(2, NOON)
    await journal.erased(PEOPLE[2:3])
    return journal


async def test_what_was_written_is_there_for_every_process(path: Path) -> None:
    mine = await written(path)
    for journal in (mine, JournalFile(path)):
        known = await journal.contents()
        assert known.epoch == 2
        assert known.erased == set(PEOPLE[:3])
        assert known.months == {(BETA, "2026-03")}
        assert known.erased_since == set(PEOPLE[2:3])
        assert not known.months_since


async def test_it_is_private_and_names_nobody(path: Path) -> None:
    await written(path)
    assert path.stat().st_mode & 0o777 == 0o600
    members = {name for line in path.read_text().splitlines() for name in json.loads(line)}
    assert members == {"kind", "epoch", "at", "company_id", "user_id", "month", "chain"}


async def test_nothing_is_written_twice_and_no_epoch_goes_back(path: Path) -> None:
    journal = await written(path)
    before = path.read_bytes()
    await journal.erased(PEOPLE[:3])
    await journal.months_destroyed([(BETA, "2026-03")])
    await journal.epoch_begun(2, NOON)
    await journal.epoch_begun(1, NOON)
    assert path.read_bytes() == before
    await JournalFile(path).erased(PEOPLE[:4])
    assert path.read_bytes().startswith(before)
    assert len(path.read_bytes().splitlines()) == len(before.splitlines()) + 1


async def test_several_writers_at_once_lose_nothing(path: Path) -> None:
    journals = [JournalFile(path) for _ in range(4)]
    await asyncio.gather(*(journals[n % 4].erased([one]) for n, one in enumerate(PEOPLE)))
    assert (await JournalFile(path).contents()).erased == set(PEOPLE)
    assert [(await journal.contents()).erased for journal in journals] == [set(PEOPLE)] * 4


async def test_every_changed_byte_is_seen(path: Path) -> None:
    await written(path)
    good = path.read_bytes()
    for place in range(len(good)):
        if good[place : place + 1] == b"\n":
            continue
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(JournalUnavailable, match="damaged in line"):
            await JournalFile(path).contents()


@pytest.mark.parametrize("lines", [(1, 2, 3, 4, 5), (0, 2, 3, 4, 5), (1, 0, 2, 3, 4, 5), (0, 0, 1, 2, 3, 4, 5)])
async def test_lines_that_are_left_out_swapped_or_repeated_are_seen(path: Path, lines: tuple[int, ...]) -> None:
    await written(path)
    text = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(text[n] for n in lines))
    with pytest.raises(JournalUnavailable):
        await JournalFile(path).contents()


async def test_a_writer_that_died_in_the_middle_of_a_line_keeps_nobody_from_going_on(path: Path) -> None:
    await written(path)
    good = path.read_bytes()
    start = good.rindex(b"\n", 0, -1) + 1
    for place in range(start, len(good)):
        path.write_bytes(good[:place])
        journal = JournalFile(path)
        assert (await journal.contents()).erased == set(PEOPLE[:2])
        await journal.erased(PEOPLE[2:3])
        assert path.read_bytes() == good


async def test_a_shorter_file_than_before_is_seen_by_whoever_knew_the_longer_one(path: Path) -> None:
    journal = await written(path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(JournalUnavailable, match="shorter"):
        await journal.contents()


async def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalUnavailable, match="cannot be written"):
        await JournalFile(tmp_path / "file" / "journal").contents()
