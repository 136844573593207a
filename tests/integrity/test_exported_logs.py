"""An exported log is proved offline, and whatever is changed in it is found, with its position."""

import json
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

import events
from events.integrity.checkpoint import Checkpoint
from events.integrity.directory import Unreadable, entries_of, verify_directory
from events.integrity.findings import Verdict
from events.integrity.note import VerifierKey
from events.integrity.proof import Proof
from events.integrity.tiles import bundled, tile_in
from events.integrity.tree import inclusion_ranges, leaf_hash
from events.integrity.verify import read_key, verify
from events.trees.growing import INSTALLATION
from services.adapters.trees import PostgresTrees
from tests.integrity.exporting import export_to, sealed_company
from tests.support.service import Service
from tests.workers.test_sealer import sealer_of, some_facts

Change = Callable[[list[bytes]], None]


def nothing(done: int, total: int) -> None:
    """No progress bar."""


def key_of(folder: Path) -> VerifierKey:
    return read_key(folder / "vkey")


def found(folder: Path, key: VerifierKey | None = None) -> Verdict:
    return verify_directory(folder, key or key_of(folder), nothing)


@pytest.fixture
async def log(service: Service, tmp_path: Path) -> Path:
    """A log of some 300 entries: one full tile and a partial one."""
    company = await sealed_company(service, 300)
    return await export_to(service, company, tmp_path / "log")


def size_of(folder: Path) -> int:
    return int((folder / "checkpoint").read_text().split("\n")[1])


def change_entries(folder: Path, number: int, change: Change) -> None:
    """One bundle, rewritten as somebody would who does not mind about hashes."""
    tile = tile_in(size_of(folder), 0, number)
    assert tile is not None
    entries = entries_of(folder, tile)
    change(entries)
    (folder / tile.entries_path).write_bytes(bundled(entries))


async def test_an_untouched_log_is_proved(log: Path) -> None:
    verdict = found(log)
    assert verdict.is_sound, verdict.findings
    assert verdict.entries == verdict.size == size_of(log)
    assert verdict.first_at < verdict.last_at


async def test_the_log_of_checkpoints_is_proved_too(service: Service, tmp_path: Path) -> None:
    await sealed_company(service, 6)
    folder = await export_to(service, INSTALLATION, tmp_path / "log")
    assert found(folder).is_sound


async def test_an_export_is_brought_up_to_date(service: Service, tmp_path: Path) -> None:
    company = await sealed_company(service, 6)
    folder = await export_to(service, company, tmp_path / "log")
    before = size_of(folder)
    await some_facts(service, company, 3)
    await sealer_of(service).seal()
    await export_to(service, company, folder)
    assert size_of(folder) > before
    assert found(folder).is_sound


async def test_any_flipped_bit_of_any_file_is_found(log: Path) -> None:
    """Entries and tiles with a position; each file somewhere."""
    random = Random(7)
    files = [path for path in sorted(log.rglob("*")) if path.is_file() and path.name != "vkey"]
    key = key_of(log)
    for path in files:
        whole = path.read_bytes()
        for _ in range(6):
            at, bit = random.randrange(len(whole)), random.randrange(8)
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
            verdict = found(log, key)
            assert not verdict.is_sound, (path, at, bit)
            if "tile" in path.parts:
                assert verdict.in_order()[0].position is not None, (path, verdict.findings)
        path.write_bytes(whole)
    assert found(log, key).is_sound


def swap(entries: list[bytes]) -> None:
    entries[3], entries[4] = entries[4], entries[3]


def rewrite(entries: list[bytes]) -> None:
    entries[3] = entries[3].replace(b'"actor"', b'"akter"')


def double(entries: list[bytes]) -> None:
    entries[4] = entries[3]


@pytest.mark.parametrize(("change", "position"), [(swap, 4), (rewrite, 4), (double, 5)])
async def test_a_changed_order_or_entry_is_named(log: Path, change: Change, position: int) -> None:
    change_entries(log, 0, change)
    first = found(log).in_order()[0]
    assert first.position == position


async def test_an_entry_less_or_more_is_named_with_its_bundle(log: Path) -> None:
    key = key_of(log)
    change_entries(log, 1, lambda entries: entries.insert(2, entries[2]))
    assert found(log, key).in_order()[0].position == 257


async def test_a_missing_file_is_named(log: Path) -> None:
    tile = tile_in(size_of(log), 0, 1)
    assert tile is not None
    (log / tile.entries_path).unlink()
    first = found(log).in_order()[0]
    assert (first.position, first.problem) == (257, "the bundle of entries cannot be read")


async def test_a_cut_tail_cannot_be_told_as_the_whole(log: Path) -> None:
    """An earlier checkpoint is a proof of the earlier log; the newest one needs every entry."""
    for path in (log / "tile" / "entries").rglob("*.p"):
        shutil.rmtree(path)
    assert not found(log).is_sound


async def test_a_rewritten_history_of_another_key_is_refused(log: Path) -> None:
    given = key_of(log)
    size = size_of(log)
    forged = Checkpoint(given.name, size, bytes(32)).signed(bytes(32))
    (log / "checkpoint").write_text(forged)
    verdict = found(log, given)
    assert [one.problem for one in verdict.findings] == ["the checkpoint is refused"]


async def test_with_earlier_checkpoints_a_consistent_rewrite_is_found_between_two_of_them(log: Path) -> None:
    """Entry and tile changed together: only the signed roots know."""
    change_entries(log, 1, lambda entries: entries.__setitem__(9, entries[9].replace(b'"system"', b'"provider"')))
    tile = tile_in(size_of(log), 0, 1)
    assert tile is not None
    (log / tile.path).write_bytes(b"".join(leaf_hash(entry) for entry in entries_of(log, tile)))
    first = found(log).in_order()[0]
    assert first.problem == "the entries are not those that were signed"
    assert first.position is not None
    assert first.position <= 266
    assert first.detail


async def test_without_a_key_it_says_that_the_key_came_along(log: Path) -> None:
    verdict = verify(log, None, None, nothing)
    assert verdict.is_sound
    assert any("compare it" in note for note in verdict.notes)


async def test_the_wrong_key_proves_nothing(log: Path) -> None:
    stranger = VerifierKey(key_of(log).name, bytes(32))
    assert not verify(log, stranger, None, nothing).is_sound


def test_an_empty_folder_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        verify(tmp_path, None, None, nothing)


# One proof.


async def test_a_proof_is_proved_and_a_changed_one_is_not(service: Service, tmp_path: Path) -> None:
    company = await sealed_company(service, 9)
    folder = await export_to(service, company, tmp_path / "log")
    trees = PostgresTrees(service.parts.pool)
    signed = await trees.newest(company)
    assert signed is not None
    hashes = await trees.hashes(company, inclusion_ranges(4, signed.size), signed.size)
    (entry,) = await trees.entries(company, 5, 5)
    path = tmp_path / "one.tlog-proof"
    path.write_text(str(Proof(4, tuple(hashes), signed.note, entry)))
    assert verify(path, key_of(folder), None, nothing).is_sound
    for changed in (
        Proof(4, tuple(hashes), signed.note, entry.replace(b"actor", b"akter")),
        Proof(5, tuple(hashes), signed.note, entry),
        Proof(4, (bytes(32), *hashes[1:]), signed.note, entry),
        Proof(4, tuple(hashes[1:]), signed.note, entry),
    ):
        path.write_text(str(changed))
        assert not verify(path, key_of(folder), None, nothing).is_sound
    path.write_text(str(Proof(4, tuple(hashes), signed.note, entry)))
    with pytest.raises(Unreadable, match="--vkey"):
        verify(path, None, None, nothing)


# The programs.


def test_the_verifier_runs_alone(tmp_path: Path) -> None:
    """Copied out of the project: an auditor needs Python and `cryptography` only."""
    package = Path(str(events.__file__)).parent
    alone = tmp_path / "alone"
    shutil.copytree(package / "integrity", alone / "events" / "integrity", ignore=shutil.ignore_patterns("__pycache__"))
    (alone / "events" / "__init__.py").write_text("")
    samples = Path(__file__).parent / "samples"
    good, bad = (
        subprocess.run(
            [sys.executable, "-m", "events.integrity", str(samples / name), "--vkey", str(samples / "vkey")],
            cwd=alone,
            env={"PYTHONPATH": str(alone), "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        for name in ("good", "bad-entry")
    )
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith("proved: ")
    assert (bad.returncode, bad.stderr) == (3, "")
    assert bad.stdout.startswith("position 261: ")


def test_every_golden_sample_is_judged_as_it_was_made() -> None:
    samples = Path(__file__).parent / "samples"
    expected = json.loads(samples.with_name("expected.json").read_text())
    key = read_key(samples / "vkey")
    judged = {}
    for name in expected:
        verdict = verify(samples / name, key, None, nothing)
        first = verdict.in_order()[0] if verdict.findings else None
        judged[name] = {"sound": verdict.is_sound, "position": first.position if first else None}
    assert judged == expected


def test_the_root_of_the_good_sample_never_changes() -> None:
    samples = Path(__file__).parent / "samples"
    verdict = verify(samples / "good", read_key(samples / "vkey"), None, nothing)
    assert b64encode(verdict.root).decode() == (samples / "root").read_text().strip()
