"""Proofs, and what a verifier makes of them: inclusion, consistency, and many entries at once (RFC 6962 §2.1)."""

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from events.integrity.tree import Range, consistency_ranges, covering_ranges, inclusion_ranges, node_hash, split

_HEADER: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)
_HASH: Final = re.compile(r"[A-Za-z0-9+/]{43}=", re.ASCII)


class ProofRefused(Exception):
    """This is no proof, or it does not prove it."""


@dataclass(frozen=True, slots=True)
class Proof:
    """That an entry stands at `index` of a log (C2SP tlog-proof). `entry` travels in its `extra` line."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    entry: bytes = b""

    def __str__(self) -> str:
        extra = [f"extra {b64encode(self.entry).decode()}"] if self.entry else []
        hashes = (b64encode(one).decode() for one in self.hashes)
        return "\n".join([_HEADER, *extra, f"index {self.index}", *hashes, "", self.checkpoint])

    @classmethod
    def parse(cls, text: str) -> "Proof":
        """Raises ProofRefused."""
        head, blank, checkpoint = text.partition("\n\n")
        header, *lines = head.split("\n")
        if header != _HEADER or not blank or not lines:
            raise ProofRefused("this is no tlog-proof")
        extra = lines.pop(0).removeprefix("extra ") if lines[0].startswith("extra ") else ""
        index = _INDEX.fullmatch(lines[0]) if lines else None
        if index is None or not all(_HASH.fullmatch(line) for line in lines[1:]):
            raise ProofRefused("this is no tlog-proof")
        try:
            entry = b64decode(extra, validate=True)
        except ValueError as error:
            raise ProofRefused("its extra line is not base64") from error
        return cls(int(index[1]), tuple(map(b64decode, lines[1:])), checkpoint, entry)


def root_of_inclusion(leaf: bytes, index: int, size: int, hashes: Sequence[bytes]) -> bytes:
    """The root that the proof leads to; it is for the caller to compare. Raises ProofRefused."""
    if not 0 <= index < size:
        raise ProofRefused("the entry is behind the end of the log")
    siblings = inclusion_ranges(index, size)
    if len(siblings) != len(hashes):
        raise ProofRefused("the proof has not the right length")
    root = leaf
    for sibling, hashed in zip(siblings, hashes, strict=True):
        root = node_hash(root, hashed) if sibling.first > index else node_hash(hashed, root)
    return root


def roots_of_consistency(old: int, new: int, old_root: bytes, hashes: Sequence[bytes]) -> tuple[bytes, bytes]:
    """(root of the old tree, root of the new one) as the proof has them, for the caller to compare.

    Raises ProofRefused.
    """
    if not 0 < old <= new:
        raise ProofRefused("the old tree is empty or larger than the new one")
    ranges = consistency_ranges(old, new)
    if len(ranges) != len(hashes):
        raise ProofRefused("the proof has not the right length")
    # Where the old tree is a node of the new one, its root is left out of the proof.
    given = {Range(0, old): old_root, **dict(zip(ranges, hashes, strict=True))}
    return _old_root(Range(0, new), old, given), _fold(Range(0, new), given)


def root_of_many(leaves: Mapping[int, bytes], size: int, nodes: Sequence[bytes]) -> bytes:
    """The root from leaf hashes by index and the nodes of `covering_ranges`, in that order. Raises ProofRefused."""
    indices = sorted(leaves)
    if size < 1 or (indices and not 0 <= indices[0] <= indices[-1] < size):
        raise ProofRefused("an entry is behind the end of the log")
    ranges = list(covering_ranges(indices, size))
    if len(ranges) != len(nodes):
        raise ProofRefused("the proof has not the right length")
    given = {**{Range(at, at + 1): leaves[at] for at in indices}, **dict(zip(ranges, nodes, strict=True))}
    return _fold(Range(0, size), given)


def _fold(asked: Range, given: Mapping[Range, bytes]) -> bytes:
    """Depth is that of the tree: at most 63."""
    known = given.get(asked)
    if known is not None:
        return known
    left, right = split(asked)
    return node_hash(_fold(left, given), _fold(right, given))


def _old_root(asked: Range, old: int, given: Mapping[Range, bytes]) -> bytes:
    if asked.end == old:
        return given[asked]
    left, right = split(asked)
    if old <= left.end:
        return _old_root(left, old, given)
    return node_hash(given[left], _old_root(right, old, given))
