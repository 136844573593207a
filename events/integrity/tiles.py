"""Tiles of a tree: their names (C2SP tlog-tiles), and the hashes of ranges out of them."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from events.integrity.tree import Range, complete_root, complete_subtrees, join

WIDTH: Final = 256
_PATH: Final = re.compile(r"(?:x[0-9]{3}/)*[0-9]{3}(?:\.p/(?:[1-9][0-9]{0,2}))?", re.ASCII)


class Tile(NamedTuple):
    """`width` hashes of level `level`, from the hash with number 256 * `number` on."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        return f"tile/{self.level}/{number_path(self.number, self.width)}"

    @property
    def entries_path(self) -> str:
        """Of the bundle of entries of a tile of level 0."""
        return f"tile/entries/{number_path(self.number, self.width)}"


def number_path(index: int, width: int = WIDTH) -> str:
    """1234067 -> x001/x234/067, with `.p/<width>` when the tile is partial."""
    parts = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        parts.insert(0, f"x{index % 1000:03}")
    return "/".join(parts) + (f".p/{width}" if width < WIDTH else "")


def parse_number(path: str) -> tuple[int, int] | None:
    """(index, width) of what `number_path` wrote; None for everything else."""
    if len(path) > 40 or not _PATH.fullmatch(path):
        return None
    numbers, _, width = path.partition(".p/")
    index = int("".join(part.removeprefix("x") for part in numbers.split("/")))
    wide = int(width) if width else WIDTH
    return (index, wide) if number_path(index, wide) == path and not (width and wide >= WIDTH) else None


def tiles_of(size: int) -> Iterable[Tile]:
    """Every tile of a tree of this size, level by level from the leaves up."""
    level, hashes = 0, size
    while hashes:
        yield from (Tile(level, index) for index in range(hashes // WIDTH))
        if hashes % WIDTH:
            yield Tile(level, hashes // WIDTH, hashes % WIDTH)
        level, hashes = level + 1, hashes // WIDTH


def bundled(entries: Iterable[bytes]) -> bytes:
    """An entry bundle: each entry after its length in two bytes."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def tile_in(size: int, level: int, index: int) -> Tile | None:
    """The tile as it is in a tree of this size: whole, partial or not there."""
    width = min(WIDTH, (size >> (8 * level)) - WIDTH * index)
    return Tile(level, index, width) if width > 0 else None


def tiles_for(ranges: Iterable[Range]) -> set[tuple[int, int]]:
    """(level, index) of the tiles that the hashes of these ranges are made of."""
    return {_place(height, index)[:2] for asked in ranges for height, index in complete_subtrees(asked)}


def hash_of(asked: Range, tiles: Mapping[tuple[int, int], bytes]) -> bytes:
    """From the bytes of the tiles that `tiles_for` names. Raises KeyError, ValueError."""
    return join([_subtree(height, index, tiles) for height, index in complete_subtrees(asked)])


def _subtree(height: int, index: int, tiles: Mapping[tuple[int, int], bytes]) -> bytes:
    level, tile, first, count = _place(height, index)
    held = tiles[level, tile]
    if len(held) < 32 * (first + count):
        raise ValueError("a tile is too short")
    return complete_root([held[32 * at : 32 * at + 32] for at in range(first, first + count)])


def _place(height: int, index: int) -> tuple[int, int, int, int]:
    """(level, tile, first hash in it, hashes) that make up a complete subtree; it never lies in two tiles."""
    level, above = divmod(height, 8)
    first = index << above
    return level, first // WIDTH, first % WIDTH, 1 << above
