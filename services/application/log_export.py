"""A log as a static directory: tiles, entries, checkpoints and key, in the public layout of C2SP tlog-tiles."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from events.integrity.checkpoint import Signed, unverified
from events.integrity.directory import CHECKPOINT, EARLIER, KEY
from events.integrity.tiles import WIDTH, Tile, bundled, tiles_of
from services.application.evidence import Progress
from services.application.signing import Signer

EARLIER_AT_MOST: Final = 1000


class NothingSigned(Exception):
    """The log has no signed checkpoint yet."""


class ExportedTree(Protocol):
    async def newest(self, company_id: UUID) -> Signed | None: ...

    async def sample_of_checkpoints(self, company_id: UUID, at_most: int) -> Sequence[Signed]:
        """Signed checkpoints spread over the whole log."""
        ...

    async def tile(self, company_id: UUID, tile: Tile) -> bytes: ...

    async def entries(self, company_id: UUID, first: int, last: int) -> Sequence[bytes]: ...


@dataclass(frozen=True, slots=True)
class ExportedFile:
    path: str
    content: bytes


async def exported(
    trees: ExportedTree, signer: Signer, company_id: UUID, progress: Progress
) -> AsyncIterator[ExportedFile]:
    """Every file of the log as the newest checkpoint has it; that one comes last. Raises NothingSigned."""
    signed = await trees.newest(company_id)
    if signed is None:
        raise NothingSigned
    origin = unverified(signed.note).origin
    yield ExportedFile(KEY, f"{await signer.verifier_key(origin)}\n".encode())
    for tile in tiles_of(signed.size):
        yield ExportedFile(tile.path, await trees.tile(company_id, tile))
        if tile.level == 0:
            first = tile.number * WIDTH + 1
            entries = await trees.entries(company_id, first, first + tile.width - 1)
            yield ExportedFile(tile.entries_path, bundled(entries))
            progress(first + tile.width - 1, signed.size)
    yield ExportedFile(EARLIER, await _earlier(trees, company_id, origin))
    yield ExportedFile(CHECKPOINT, signed.note.encode())


async def _earlier(trees: ExportedTree, company_id: UUID, origin: str) -> bytes:
    notes = (one.note for one in await trees.sample_of_checkpoints(company_id, EARLIER_AT_MOST))
    return b"".join(
        json.dumps({"checkpoint": note}, ensure_ascii=False).encode() + b"\n"
        for note in notes
        if unverified(note).origin == origin
    )
