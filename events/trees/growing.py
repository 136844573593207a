"""A tree grows by the entries that are new, in one commit, and only then a larger size may be signed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg

from events.integrity.checkpoint import unverified
from events.integrity.tree import Edge, leaf_hash
from events.sql import statement
from events.trees.blinding import blinded_entry

_OPEN: Final = statement(__file__, "open_tree")
_LOCK: Final = statement(__file__, "lock_tree")
_WAIT: Final = statement(__file__, "wait_for_tree")
_ENTRIES: Final = statement(__file__, "unsealed_entries")
_GROW: Final = statement(__file__, "grow_tree")
_UNPUBLISHED: Final = statement(__file__, "unpublished_checkpoints")
_ADD_ENTRIES: Final = statement(__file__, "add_checkpoint_entries")

BATCH: Final = 1000  # entries in one commit
INSTALLATION: Final = UUID(int=0)  # whose log is that of all signed checkpoints

_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class TreeBroken(Exception):
    """The log or its tree is not what it was; nothing is signed. The text says what was found."""


@dataclass(frozen=True, slots=True)
class Head:
    """A tree as it stands. `grown_from`: the edge that it had been stored with, and was extended from just now."""

    origin: str
    blind: bytes
    edge: Edge
    grown_from: Edge
    signed_size: int

    @property
    def may_go_on(self) -> bool:
        """The batch was full."""
        return self.edge.size - self.grown_from.size >= BATCH

    def following(self, earlier: "Head") -> "Head":
        """Grown from where `earlier` was, when this one went on from there."""
        if self.grown_from.to_bytes() != earlier.edge.to_bytes():
            return self
        return replace(self, grown_from=earlier.grown_from)


async def grow(pool: _Pool, company_id: UUID, origin: str, blind: bytes) -> Head | None:
    """Take in one batch of new entries; durable when this returns. None while another sealer is at this company.

    `origin` and `blind` are those of a tree that does not exist yet. Raises TreeBroken.
    """
    await pool.execute(_OPEN, company_id, origin, blind)
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_LOCK, company_id)
        if row is None:
            return None
        head = _head(row)
        entries = _contiguous(await connection.fetch(_ENTRIES, company_id, head.edge.size, BATCH), head.edge.size)
        await _extend(connection, company_id, head.edge, entries)
        return head


async def publish(pool: _Pool, origin: str, blind: bytes) -> Head:
    """Take signed checkpoints into the log of checkpoints and its tree, each once, in one commit. Raises TreeBroken."""
    await pool.execute(_OPEN, INSTALLATION, origin, blind)
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_WAIT, INSTALLATION)
        assert row is not None  # noqa: S101 - rows of this table are never deleted
        head = _head(row)
        rows = await connection.fetch(_UNPUBLISHED, INSTALLATION)
        entries = [blinded_entry(unverified(row["note"]), row["blind"]) for row in rows]
        reached = {row["company_id"]: row["size"] for row in rows}
        await connection.execute(
            _ADD_ENTRIES, head.edge.size + 1, entries, list(reached.keys()), list(reached.values())
        )
        await _extend(connection, INSTALLATION, head.edge, entries)
        return head


def _head(row: Any) -> Head:
    try:
        return Head(
            row["origin"],
            row["blind"],
            Edge.from_bytes(row["size"], row["edge"]),
            Edge.from_bytes(row["size"], row["edge"]),
            row["signed_size"],
        )
    except ValueError as error:
        raise TreeBroken("the edge of the tree does not fit its size") from error


def _contiguous(rows: Sequence[Any], size: int) -> list[bytes]:
    for expected, row in enumerate(rows, size + 1):
        if row[0] != expected:
            raise TreeBroken(f"the entry at position {expected} is missing")
    return [row[1] for row in rows]


async def _extend(connection: Any, company_id: UUID, edge: Edge, entries: Sequence[bytes]) -> None:
    if not entries:
        return
    first, leaves = edge.size, [leaf_hash(entry) for entry in entries]
    nodes = edge.extend(leaves)
    await connection.execute(
        _GROW,
        company_id,
        first,
        b"".join(leaves),
        edge.size,
        edge.to_bytes(),
        [node.height // 8 for node in nodes],
        [node.at for node in nodes],
        [node.hash for node in nodes],
    )
