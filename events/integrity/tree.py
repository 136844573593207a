"""Merkle trees as in RFC 6962 §2.1: hashes, the edge that grows, and which nodes a proof is made of."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

EMPTY_ROOT: Final = sha256(b"").digest()


class Range(NamedTuple):
    """The leaves from `first` to before `end`, counted from 0. A node is the hash of such a range."""

    first: int
    end: int


class Node(NamedTuple):
    """A complete subtree of 2 ** `height` leaves, number `at` of that height."""

    height: int
    at: int
    hash: bytes


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Edge:
    """The right edge of a growing tree: the roots of its complete subtrees, the largest first. O(log n) of memory."""

    __slots__ = ("_hashes", "size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if len(hashes) != size.bit_count():
            raise ValueError("an edge has one hash for each complete subtree")
        self.size = size
        self._hashes = list(hashes)

    @classmethod
    def from_bytes(cls, size: int, stored: bytes) -> "Edge":
        """Raises ValueError."""
        return cls(size, [stored[at : at + 32] for at in range(0, len(stored), 32)])

    def to_bytes(self) -> bytes:
        return b"".join(self._hashes)

    def extend(self, leaves: Iterable[bytes]) -> list[Node]:
        """Add leaf hashes; the complete subtrees of 256, 256 ** 2 … leaves that this made, for tiles."""
        made: list[Node] = []
        for leaf in leaves:
            self._add(leaf, made)
        return made

    def root(self) -> bytes:
        return join(self._hashes)

    def _add(self, leaf: bytes, made: list[Node]) -> None:
        index, height, hashed = self.size, 0, leaf
        while index & 1:
            hashed = node_hash(self._hashes.pop(), hashed)
            index >>= 1
            height += 1
            if height % 8 == 0:
                made.append(Node(height, index, hashed))
        self._hashes.append(hashed)
        self.size += 1


def join(hashes: Sequence[bytes]) -> bytes:
    """The hash of a range from those of its complete subtrees, from left to right."""
    if not hashes:
        return EMPTY_ROOT
    joined = hashes[-1]
    for left in reversed(hashes[:-1]):
        joined = node_hash(left, joined)
    return joined


def complete_root(hashes: Sequence[bytes]) -> bytes:
    """The root of 2 ** n hashes."""
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(level[at], level[at + 1]) for at in range(0, len(level), 2)]
    return level[0]


def complete_subtrees(asked: Range) -> Iterator[tuple[int, int]]:
    """(height, index) of each complete subtree that makes up a range of a proof, from left to right."""
    at = asked.first
    while at < asked.end:
        height = (asked.end - at).bit_length() - 1
        yield height, at >> height
        at += 1 << height


def split(asked: Range) -> tuple[Range, Range]:
    """Left and right child of a node that is no leaf: the left one is the largest power of two that fits."""
    middle = asked.first + (1 << ((asked.end - asked.first - 1).bit_length() - 1))
    return Range(asked.first, middle), Range(middle, asked.end)


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The nodes of the inclusion proof of one leaf, from its sibling up (RFC 6962 §2.1.1)."""
    found, asked = [], Range(0, size)
    while asked.end - asked.first > 1:
        left, right = split(asked)
        asked, sibling = (left, right) if index < left.end else (right, left)
        found.append(sibling)
    return found[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """The nodes of the proof that the tree of size `new` extends that of `old` (RFC 6962 §2.1.2)."""
    if not 0 < old < new:
        return []
    found, asked, is_whole = [], Range(0, new), True
    while asked.end != old:
        left, right = split(asked)
        if old <= left.end:
            found.append(right)
            asked = left
        else:
            found.append(left)
            asked, is_whole = right, False
    if not is_whole:
        found.append(asked)
    return found[::-1]


def covering_ranges(indices: Sequence[int], size: int) -> Iterator[Range]:
    """The nodes that, with the leaves at `indices` (rising), give the root: from left to right, none inside another."""
    pending = [Range(0, size)]
    while pending:
        asked = pending.pop()
        at = bisect_left(indices, asked.first)
        if at == len(indices) or indices[at] >= asked.end:
            yield asked
        elif asked.end - asked.first > 1:
            left, right = split(asked)
            pending += (right, left)
