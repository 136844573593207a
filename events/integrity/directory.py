"""Verifying an exported log: every byte of every entry against the signed root, offline."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from events.integrity.checkpoint import Checkpoint, checkpoint_of_log, company_of
from events.integrity.entries import Order
from events.integrity.findings import Verdict
from events.integrity.note import NoteRefused, VerifierKey
from events.integrity.tiles import WIDTH, Tile, tiles_of
from events.integrity.tree import Edge, Node, leaf_hash

CHECKPOINT: Final = "checkpoint"
EARLIER: Final = "checkpoints.jsonl"
KEY: Final = "vkey"

# (entries looked at, entries there are): called now and then.
Progress: TypeAlias = Callable[[int, int], None]


class Unreadable(Exception):
    """There is nothing here that can be verified; the text says what is missing."""


def verify_directory(folder: Path, key: VerifierKey | None, progress: Progress) -> Verdict:
    """Without a key, that of the folder: then only that the folder agrees with itself. Raises Unreadable."""
    verdict = Verdict(what="log")
    checkpoint = _checkpoint(folder, key, verdict)
    if checkpoint is not None:
        verdict.origin, verdict.size, verdict.root = checkpoint.origin, checkpoint.size, checkpoint.root
        used = _key(folder, key)
        _Log(folder, checkpoint, _earlier(folder, used, checkpoint, verdict), verdict).verify(progress)
    return verdict


def entries_of(folder: Path, tile: Tile) -> list[bytes]:
    """Of one bundle. Raises OSError, ValueError."""
    bundle, at, entries = (folder / tile.entries_path).read_bytes(), 0, []
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if end > len(bundle):
            raise ValueError("it ends in the middle of an entry")
        entries.append(bundle[at + 2 : end])
        at = end
    if len(entries) != tile.width:
        raise ValueError(f"it holds {len(entries)} entries, not {tile.width}")
    return entries


def _key(folder: Path, key: VerifierKey | None) -> VerifierKey:
    if key is not None:
        return key
    try:
        return VerifierKey.parse((folder / KEY).read_text(encoding="utf-8"))
    except (OSError, ValueError, NoteRefused) as error:
        raise Unreadable(f"there is no verifier key in {KEY}") from error


def _checkpoint(folder: Path, key: VerifierKey | None, verdict: Verdict) -> Checkpoint | None:
    try:
        note = (folder / CHECKPOINT).read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable("there is no checkpoint here") from error
    try:
        return checkpoint_of_log(note, _key(folder, key))
    except NoteRefused as error:
        verdict.add("the checkpoint is refused", detail=str(error))
        return None


def _earlier(folder: Path, key: VerifierKey, newest: Checkpoint, verdict: Verdict) -> list[Checkpoint]:
    """Earlier signed checkpoints of the same log: with them a bad position is found more closely."""
    found: list[Checkpoint] = []
    for note in _lines(folder / EARLIER):
        try:
            checkpoint = checkpoint_of_log(json.loads(note)["checkpoint"], key)
        except (NoteRefused, ValueError, KeyError, TypeError) as error:
            verdict.add("an earlier checkpoint is refused", detail=str(error))
            continue
        if checkpoint.size < newest.size:
            found.append(checkpoint)
    return sorted(found, key=lambda one: one.size)


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            yield from file
    except FileNotFoundError:
        return


@dataclass(slots=True)
class _Growth:
    """The tree as the entries make it, held against each signed checkpoint that it passes, the smallest one first."""

    signed: list[Checkpoint]
    edge: Edge = field(default_factory=Edge)
    nodes: list[Node] = field(default_factory=list)
    sound_until: int = 0

    def take(self, leaves: list[bytes]) -> Checkpoint | None:
        """The first signed checkpoint that these leaves contradict."""
        end, rest = self.edge.size + len(leaves), leaves
        while self.signed and self.signed[0].size <= end:
            known, upto = self.signed[0], self.signed[0].size - self.edge.size
            self.nodes += self.edge.extend(rest[:upto])
            rest = rest[upto:]
            if self.edge.root() != known.root:
                return known
            self.sound_until = self.signed.pop(0).size
        self.nodes += self.edge.extend(rest)
        return None


@dataclass(slots=True)
class _Log:
    folder: Path
    checkpoint: Checkpoint
    earlier: list[Checkpoint]
    verdict: Verdict

    def verify(self, progress: Progress) -> None:
        company, size = company_of(self.checkpoint.origin), self.checkpoint.size
        order = Order(company, self.verdict) if company is not None else None
        growth = _Growth([*self.earlier, self.checkpoint])
        for tile in tiles_of(size):
            if tile.level:
                self._compare_nodes(tile, growth.nodes)
                continue
            entries = self._entries(tile)
            if entries is None:
                # Nothing can be said of the root any more.
                return
            wrong = growth.take(self._leaves(tile, entries, order))
            if wrong is not None:
                self._differs(growth.sound_until + 1, wrong.size)
                return
            self.verdict.entries = growth.edge.size
            progress(growth.edge.size, size)

    def _differs(self, first: int, last: int) -> None:
        """Of a range of positions in which something is wrong, one is known when a tile already told it."""
        if not any(one.position is not None and first <= one.position <= last for one in self.verdict.findings):
            where = f"between {first} and {last}" if first < last else ""
            self.verdict.add("the entries are not those that were signed", first, where)

    def _entries(self, tile: Tile) -> list[bytes] | None:
        first = tile.number * WIDTH + 1
        try:
            return entries_of(self.folder, tile)
        except (OSError, ValueError) as error:
            why = "missing" if isinstance(error, OSError) else str(error)
            self.verdict.add("the bundle of entries cannot be read", first, f"{tile.entries_path}: {why}")
            return None

    def _leaves(self, tile: Tile, entries: list[bytes], order: Order | None) -> list[bytes]:
        first = tile.number * WIDTH + 1
        leaves = [leaf_hash(entry) for entry in entries]
        self._compare(tile, leaves, first)
        if order is not None:
            for position, entry in enumerate(entries, first):
                order.look(entry, position)
        return leaves

    def _compare(self, tile: Tile, leaves: list[bytes], first: int) -> None:
        """With the tile of leaf hashes: where they differ, entry or tile was changed; either way here."""
        stored = self._tile(tile)
        if stored is None or stored == b"".join(leaves):
            return
        for at, leaf in enumerate(leaves):
            if stored[32 * at : 32 * at + 32] != leaf:
                self.verdict.add("entry and leaf hash differ", first + at)

    def _compare_nodes(self, tile: Tile, nodes: list[Node]) -> None:
        stored = self._tile(tile)
        if stored is None:
            return
        made = {node.at: node.hash for node in nodes if node.height == 8 * tile.level}
        for at in range(tile.width):
            number = tile.number * WIDTH + at
            if stored[32 * at : 32 * at + 32] != made.get(number):
                self.verdict.add("a hash of the tree differs", number * 256**tile.level + 1, tile.path)

    def _tile(self, tile: Tile) -> bytes | None:
        try:
            stored = (self.folder / tile.path).read_bytes()
        except OSError:
            self.verdict.add("a tile is missing", tile.number * WIDTH * 256**tile.level + 1, tile.path)
            return None
        if len(stored) != 32 * tile.width:
            self.verdict.add("a tile has the wrong length", tile.number * WIDTH * 256**tile.level + 1, tile.path)
            return None
        return stored
