"""The company's transparency log as outsiders read it: signed checkpoints, tiles, entries, proofs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol
from uuid import UUID

from events.company.roles import Level, Right
from events.decision import Refusal
from events.integrity.checkpoint import Signed, checkpoint_of, unverified
from events.integrity.note import NoteRefused, VerifierKey
from events.integrity.proof import Proof, ProofRefused, root_of_many
from events.integrity.tiles import WIDTH, Tile, bundled, parse_number, tile_in
from events.integrity.tree import Range, covering_ranges, inclusion_ranges, leaf_hash
from services.application import access
from services.application.context import Caller
from services.application.errors import Refused
from services.application.ports import Clock
from services.application.signing import Signer

LOOK: Final = timedelta(milliseconds=50)
RECEIPT_LOOKS: Final = 120  # six seconds, within the time that a request has


class EvidenceMissing(Exception):
    """An entry or a hash that a signed checkpoint covers is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """`uncovered`: so many are newer than the checkpoint."""

    signed: Signed
    sound: bool
    entries: int
    uncovered: int


class Trees(Protocol):
    """What is stored of every company's tree. Reads of what is covered raise EvidenceMissing where it is gone."""

    async def newest(self, company_id: UUID) -> Signed | None: ...

    async def first_covering(self, company_id: UUID, position: int) -> Signed | None:
        """The first signed checkpoint whose tree holds the position; the same one for ever."""
        ...

    async def tile(self, company_id: UUID, tile: Tile) -> bytes: ...

    async def entries(self, company_id: UUID, first: int, last: int) -> Sequence[bytes]:
        """Of the positions `first` to `last`, which are all there."""
        ...

    async def position_of(self, company_id: UUID, request_id: str) -> int | None:
        """Of the last fact that this request left, when it has just ended; None when it left none."""
        ...

    async def hashes(self, company_id: UUID, ranges: Sequence[Range], size: int) -> Sequence[bytes]:
        """Of nodes of the tree as it was at that size."""
        ...


class Transparency:
    """Everything here needs the right to see the audit trail. What no checkpoint covers is not there yet."""

    def __init__(self, trees: Trees, signer: Signer, clock: Clock) -> None:
        self._trees = trees
        self._signer = signer
        self._clock = clock

    async def newest(self, caller: Caller) -> Signed:
        """Raises Refused(NOT_FOUND) before the first one."""
        access.demand_right(caller, Right.AUDIT, Level.VIEW)
        signed = await self._trees.newest(caller.at.id)
        if signed is None:
            raise Refused(Refusal.NOT_FOUND)
        return signed

    async def key(self, caller: Caller) -> VerifierKey:
        """The key that signs this company's checkpoints."""
        return await self._signer.verifier_key(unverified((await self.newest(caller)).note).origin)

    async def tile(self, caller: Caller, level: int, number: str) -> bytes:
        """As named in C2SP tlog-tiles."""
        tile = _named((await self.newest(caller)).size, level, number)
        return await self._trees.tile(caller.at.id, tile)

    async def bundle(self, caller: Caller, number: str) -> bytes:
        """Entries of a tile of level 0, each after its length in two bytes."""
        tile = _named((await self.newest(caller)).size, 0, number)
        first = tile.number * WIDTH + 1
        entries = await self._trees.entries(caller.at.id, first, first + tile.width - 1)
        return bundled(entries)

    async def proof(self, caller: Caller, position: int) -> Proof:
        """That an entry stands where it stands, against the newest checkpoint."""
        signed = await self.newest(caller)
        if position > signed.size:
            raise Refused(Refusal.NOT_FOUND)
        return await self._proof(caller.at.id, position, signed)

    async def look(self, caller: Caller, positions: Sequence[int]) -> Looked:
        """Do these entries, as they are stored now, stand in the tree that was signed last?"""
        signed = await self.newest(caller)
        covered = sorted({position for position in positions if position <= signed.size})
        key = await self._signer.verifier_key(unverified(signed.note).origin)
        try:
            checkpoint = checkpoint_of(signed.note, key)
            leaves = {at - 1: leaf_hash(await self._entry(caller.at.id, at)) for at in covered}
            ranges = list(covering_ranges(sorted(leaves), checkpoint.size))
            nodes = await self._trees.hashes(caller.at.id, ranges, checkpoint.size)
            sound = root_of_many(leaves, checkpoint.size, nodes) == checkpoint.root
        except (NoteRefused, ProofRefused, EvidenceMissing):
            sound = False
        return Looked(signed=signed, sound=sound, entries=len(covered), uncovered=len(set(positions)) - len(covered))

    async def receipt(self, company_id: UUID, request_id: str) -> tuple[int, Signed] | None:
        """(position, checkpoint) of what a request left, once it is covered.

        None when it left nothing, or no checkpoint comes in time; what was done is done either way.
        """
        position = await self._trees.position_of(company_id, request_id)
        for _ in range(RECEIPT_LOOKS if position is not None else 0):
            signed = await self._trees.first_covering(company_id, position or 0)
            if signed is not None:
                return position or 0, signed
            await self._clock.sleep_until(self._clock.now() + LOOK)
        return None

    async def _entry(self, company_id: UUID, position: int) -> bytes:
        return (await self._trees.entries(company_id, position, position))[0]

    async def _proof(self, company_id: UUID, position: int, signed: Signed) -> Proof:
        index = position - 1
        hashes = await self._trees.hashes(company_id, inclusion_ranges(index, signed.size), signed.size)
        return Proof(index, tuple(hashes), signed.note, await self._entry(company_id, position))


def _named(size: int, level: int, number: str) -> Tile:
    """A tile of a tree of this size; partial ones may be narrower than they are by now."""
    named = parse_number(number)
    whole = tile_in(size, level, named[0]) if named is not None else None
    if named is None or whole is None or named[1] > whole.width:
        raise Refused(Refusal.NOT_FOUND)
    return Tile(level, *named)
