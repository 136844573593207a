"""The golden samples: one good log and its spoilt copies. `python -m tests.integrity.sample_logs` makes them anew.

They never change once committed: a verifier of today must judge them as the first one did.
"""

import json
import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID, uuid5

from events.integrity.checkpoint import Checkpoint
from events.integrity.note import verifier_key
from events.integrity.tiles import WIDTH, Tile, bundled, tiles_of
from events.integrity.tree import Edge, complete_root, leaf_hash

SAMPLES: Final = Path(__file__).parent / "samples"
COMPANY: Final = UUID("5d1c3c0a-8f0e-4f0b-9d3a-3f6f0c1d2e3f")
ORIGIN: Final = f"factorlog.example/log/{COMPANY}"
SEED: Final = bytes(range(32))
COUNT: Final = 270
BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
SIGNED: Final = (100, 258, COUNT)


def entry(position: int, stream: UUID, version: int, *, late: timedelta = timedelta(0)) -> bytes:
    """In the form of docs/log-format.md §2."""
    at = BEGAN + timedelta(minutes=position) + late
    return json.dumps(
        {
            "position": position,
            "at": f"{at:%Y-%m-%dT%H:%M:%S.%f}Z",
            "company_id": str(COMPANY),
            "stream_id": str(stream),
            "stream_kind": "user",
            "version": version,
            "id": str(uuid5(COMPANY, str(position))),
            "type": "SignedOut",
            "v": 1,
            "actor": {"kind": "system", "id": None, "company_id": None},
            "request_id": "",
            "causation_id": None,
            "data": {},
            "sealed": {},
        },
        separators=(",", ":"),
    ).encode()


def entries(count: int = COUNT) -> Iterator[bytes]:
    """Of three users, one after the other."""
    streams = [uuid5(COMPANY, name) for name in ("one", "two", "three")]
    for number in range(count):
        yield entry(number + 1, streams[number % 3], number // 3 + 1)


def write_log(folder: Path, logged: Sequence[bytes], signed: Sequence[int]) -> Checkpoint:
    """A whole export of these entries, with checkpoints at these sizes; the last one is the newest."""
    leaves = [leaf_hash(one) for one in logged]
    for tile in tiles_of(len(logged)):
        write(folder / tile.path, hashes_of(tile, leaves))
        if tile.level == 0:
            first = tile.number * WIDTH
            write(folder / tile.entries_path, bundled(logged[first : first + tile.width]))
    edge, checkpoints = Edge(), []
    for size in signed:
        edge.extend(leaves[edge.size : size])
        checkpoints.append(Checkpoint(ORIGIN, size, edge.root()))
    lines = (json.dumps({"checkpoint": one.signed(SEED)}, ensure_ascii=False) for one in checkpoints[:-1])
    write(folder / "checkpoints.jsonl", "".join(line + "\n" for line in lines).encode())
    write(folder / "checkpoint", checkpoints[-1].signed(SEED).encode())
    write(folder / "vkey", f"{verifier_key(ORIGIN, SEED)}\n".encode())
    return checkpoints[-1]


def hashes_of(tile: Tile, leaves: Sequence[bytes]) -> bytes:
    """By the definition of a tile; of level 0 and 1 only, which is enough for 65,535 entries."""
    first = tile.number * WIDTH
    if tile.level == 0:
        return b"".join(leaves[first : first + tile.width])
    return b"".join(complete_root(leaves[at * WIDTH : (at + 1) * WIDTH]) for at in range(first, first + tile.width))


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _replaced(at: int, old: bytes, new: bytes) -> list[bytes]:
    changed = list(entries())
    changed[at] = changed[at].replace(old, new)
    return changed


def _swapped() -> list[bytes]:
    changed = list(entries())
    changed[20], changed[21] = changed[21], changed[20]
    return changed


def _good_tree_bad_entries(changed: Sequence[bytes]) -> Callable[[Path], None]:
    """Entries that are not those of the tree."""

    def spoil(folder: Path) -> None:
        for tile in (one for one in tiles_of(COUNT) if one.level == 0):
            first = tile.number * WIDTH
            write(folder / tile.entries_path, bundled(changed[first : first + tile.width]))

    return spoil


def _rewritten(folder: Path) -> None:
    """Entries and tiles consistently, by somebody without the key."""
    note = (folder / "checkpoint").read_bytes()
    earlier = (folder / "checkpoints.jsonl").read_bytes()
    write_log(folder, _replaced(150, b"SignedOut", b"SignedIn_"), SIGNED)
    write(folder / "checkpoint", note)
    write(folder / "checkpoints.jsonl", earlier)


def _signed_nonsense(changed: Sequence[bytes]) -> Callable[[Path], None]:
    """A log whose writer, who has the key, wrote what does not follow from what stood there."""
    return lambda folder: void(write_log(folder, changed, SIGNED))


def void(_: object) -> None:
    """Of a function whose answer nobody needs."""


def _tile_changed(folder: Path) -> None:
    path = folder / "tile" / "0" / "000"
    content = bytearray(path.read_bytes())
    content[32 * 7] ^= 1
    path.write_bytes(content)


def _cut(folder: Path) -> None:
    """The tail is gone, and the newest checkpoint is put in front of what is left."""
    note = (folder / "checkpoint").read_bytes()
    shutil.rmtree(folder / "tile")
    write_log(folder, list(entries(258)), (100, 258))
    write(folder / "checkpoint", note)


def _foreign_checkpoint(folder: Path) -> None:
    write(folder / "checkpoint", Checkpoint(ORIGIN, COUNT, bytes(32)).signed(bytes(32)).encode())


BAD: Final[dict[str, Callable[[Path], None]]] = {
    "bad-entry": _good_tree_bad_entries(_replaced(260, b"SignedOut", b"SignedIn_")),
    "bad-order": _good_tree_bad_entries(_swapped()),
    "bad-rewritten": _rewritten,
    "bad-tile": _tile_changed,
    "bad-tail": _cut,
    "bad-checkpoint": _foreign_checkpoint,
    "bad-time": _signed_nonsense(_replaced(40, b"T00:41", b"T00:39")),
    "bad-version": _signed_nonsense(_replaced(42, b'"version":15', b'"version":16')),
    "bad-company": _signed_nonsense(_replaced(50, str(COMPANY).encode(), str(UUID(int=1)).encode())),
}


def main() -> None:
    shutil.rmtree(SAMPLES, ignore_errors=True)
    good = write_log(SAMPLES / "good", list(entries()), SIGNED)
    shutil.copy(SAMPLES / "good" / "vkey", SAMPLES / "vkey")
    write(SAMPLES / "root", b64encode(good.root) + b"\n")
    for name, spoil in BAD.items():
        shutil.copytree(SAMPLES / "good", SAMPLES / name)
        spoil(SAMPLES / name)


if __name__ == "__main__":
    main()
