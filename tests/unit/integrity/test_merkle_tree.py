"""Trees against the definition of RFC 6962 §2.1, written down once more, and against its published examples."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.integrity.proof import ProofRefused, root_of_inclusion, root_of_many, roots_of_consistency
from events.integrity.tiles import hash_of, tile_in, tiles_for, tiles_of
from events.integrity.tree import (
    EMPTY_ROOT,
    Edge,
    Range,
    consistency_ranges,
    covering_ranges,
    inclusion_ranges,
    leaf_hash,
)

# RFC 6962's reference implementation: inputs and the roots of the trees of 1 … 8 of them.
INPUTS = [bytes.fromhex(x) for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")] + [
    bytes(range(0x60, 0x70))
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def mth(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, as it stands there."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def some_leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def test_roots_are_those_of_the_reference_implementation() -> None:
    edge = Edge()
    assert edge.root() == EMPTY_ROOT
    for entry, root in zip(INPUTS, ROOTS, strict=True):
        edge.extend([leaf_hash(entry)])
        assert edge.root().hex() == root


@given(st.integers(0, 700), st.integers(0, 700))
def test_an_edge_that_is_stored_and_goes_on_has_the_root_of_all_leaves(first: int, more: int) -> None:
    leaves = some_leaves(first + more)
    before = Edge()
    before.extend(leaves[:first])
    edge = Edge.from_bytes(before.size, before.to_bytes())
    edge.extend(leaves[first:])
    assert edge.root() == mth(leaves)
    assert edge.size == len(leaves)


def test_an_edge_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="one hash for each"):
        Edge.from_bytes(3, bytes(32))


def tiles_by_place(leaves: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """Tiles by their definition in tlog-tiles."""
    tiles = {}
    for tile in tiles_of(len(leaves)):
        span = 256**tile.level
        hashes = (
            mth(leaves[at * span : (at + 1) * span]) for at in range(256 * tile.number, 256 * tile.number + tile.width)
        )
        tiles[tile.level, tile.number] = b"".join(hashes)
    return tiles


@given(st.integers(1, 1100), st.data())
def test_every_range_of_a_proof_comes_out_of_the_tiles_that_it_names(size: int, data: st.DataObject) -> None:
    leaves = some_leaves(size)
    tiles = tiles_by_place(leaves)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    ranges = [*inclusion_ranges(index, size), *consistency_ranges(old, size), Range(0, size)]
    named = {place: tiles[place] for place in tiles_for(ranges)}
    for asked in ranges:
        assert hash_of(asked, named) == mth(leaves[asked.first : asked.end])


def test_nodes_for_tiles_are_made_while_the_edge_grows() -> None:
    leaves = some_leaves(70_000)
    made = Edge().extend(leaves)
    assert [(node.height, node.at) for node in made if node.height == 16] == [(16, 0)]
    eights = [node for node in made if node.height == 8]
    assert [node.at for node in eights] == list(range(273))
    assert eights[200].hash == mth(leaves[200 * 256 : 201 * 256])


def test_a_tree_of_70000_has_the_tiles_of_the_specification() -> None:
    tiles = list(tiles_of(70_000))
    assert sum(1 for tile in tiles if tile.level == 0 and tile.width == 256) == 273
    assert [tuple(tile) for tile in tiles if tile.width < 256] == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert all(tile_in(70_000, tile.level, tile.number) == tile for tile in tiles)
    assert tile_in(70_000, 0, 274) is None
    assert [tuple(tile) for tile in tiles_of(256)] == [(0, 0, 256), (1, 0, 1)]


@given(st.integers(1, 600), st.data())
def test_inclusion_is_proved_for_its_own_leaf_only(size: int, data: st.DataObject) -> None:
    leaves, index = some_leaves(size), data.draw(st.integers(0, size - 1))
    hashes = [mth(leaves[one.first : one.end]) for one in inclusion_ranges(index, size)]
    assert root_of_inclusion(leaves[index], index, size, hashes) == mth(leaves)
    other = data.draw(st.integers(0, size - 1))
    if other != index:
        assert root_of_inclusion(leaves[other], index, size, hashes) != mth(leaves)
    with pytest.raises(ProofRefused):
        root_of_inclusion(leaves[index], index, size, [*hashes, bytes(32)])


@given(st.integers(1, 600), st.data())
def test_consistency_leads_to_both_roots_and_to_no_other(size: int, data: st.DataObject) -> None:
    leaves, old = some_leaves(size), data.draw(st.integers(1, size))
    hashes = [mth(leaves[one.first : one.end]) for one in consistency_ranges(old, size)]
    old_root = mth(leaves[:old])
    assert roots_of_consistency(old, size, old_root, hashes) == (old_root, mth(leaves))
    if hashes:
        hashes[data.draw(st.integers(0, len(hashes) - 1))] = bytes(32)
        assert roots_of_consistency(old, size, old_root, hashes) != (old_root, mth(leaves))


@given(st.integers(1, 600), st.data())
def test_many_entries_are_proved_by_one_set_of_nodes(size: int, data: st.DataObject) -> None:
    leaves = some_leaves(size)
    indices = sorted(data.draw(st.sets(st.integers(0, size - 1), max_size=40)))
    nodes = [mth(leaves[one.first : one.end]) for one in covering_ranges(indices, size)]
    held = {index: leaves[index] for index in indices}
    assert root_of_many(held, size, nodes) == mth(leaves)
    if indices:
        held[data.draw(st.sampled_from(indices))] = bytes(32)
        assert root_of_many(held, size, nodes) != mth(leaves)
    with pytest.raises(ProofRefused):
        root_of_many(held, size, [*nodes, bytes(32)])
