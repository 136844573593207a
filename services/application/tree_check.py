"""`factorlog check` of the trees: entries against leaves, leaves against nodes, all of it against what was signed."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

from events.integrity.checkpoint import Checkpoint, checkpoint_of, company_of
from events.integrity.note import NoteRefused, VerifierKey
from events.integrity.tiles import WIDTH, Tile, tiles_of
from events.integrity.tree import Edge, Node, leaf_hash
from events.trees.stored import StoredTree
from services.application.evidence import Finding, Findings, Problem
from services.application.signing import Signer, SigningRefused
from services.application.transparency import EvidenceMissing

_PAGE: Final = 500


class CheckedTrees(Protocol):
    async def stored(self, company_id: UUID) -> StoredTree | None: ...

    async def entries(self, company_id: UUID, first: int, last: int) -> Sequence[bytes]:
        """Raises EvidenceMissing."""
        ...

    async def tile(self, company_id: UUID, tile: Tile) -> bytes:
        """Raises EvidenceMissing."""
        ...

    async def notes(self, company_id: UUID, after: tuple[int, str], limit: int) -> Sequence[tuple[int, str, str]]:
        """(size, origin, note) of checkpoints behind that size and origin."""
        ...


async def check_trees(trees: CheckedTrees, signer: Signer, companies: Sequence[UUID], name: str) -> list[Finding]:
    """An empty list: sound. `name`: of the installation. Raises Unavailable, KeyUnavailable."""
    found: list[Finding] = []
    for company_id in companies:
        findings = Findings(company_id)
        await _Check(trees, signer, company_id, findings).run(f"{name}/{company_id}" if company_id.int else name)
        found += findings.found
    return found


@dataclass(slots=True)
class _Check:
    trees: CheckedTrees
    signer: Signer
    company_id: UUID
    findings: Findings
    edge: Edge = field(default_factory=Edge)
    nodes: list[Node] = field(default_factory=list)

    async def run(self, first_origin: str) -> None:
        # In this order: what is kept outside never is behind what was read here before.
        tree = await self.trees.stored(self.company_id)
        try:
            last = await self.signer.last_signed(tree.origin if tree is not None else first_origin)
        except SigningRefused as error:
            self.findings.add(Problem.CHECKPOINT_REFUSED, detail=str(error))
            last = None
        tree = await self.trees.stored(self.company_id) or tree
        if tree is None:
            if last is not None:
                self.findings.add(Problem.LOG_SET_BACK, 1, detail=f"size {last.size} was signed")
            return
        await self._compare(tree, last)

    async def _compare(self, tree: StoredTree, last: Checkpoint | None) -> None:
        if tree.refused is not None:
            self.findings.add(Problem.SIGNING_REFUSED, detail=tree.refused)
        if last is None and tree.signed_size:
            self.findings.add(Problem.CHECKPOINT_MISSING, detail="the record outside the database is gone")
        if last is not None and last.size > tree.size:
            self.findings.add(Problem.LOG_SET_BACK, tree.size + 1, detail=f"size {last.size} was signed")
        signed = self._signed(tree, last)
        known, reached = await anext(signed, None), 0
        for tile in tiles_of(tree.size):
            if tile.level:
                await self._compare_nodes(tile)
                continue
            leaves = await self._leaves(tile)
            if leaves is None:
                return
            while known is not None and known.size <= tile.number * WIDTH + tile.width:
                leaves = self._grow(leaves, known.size)
                if self.edge.root() != known.root:
                    self._differs(reached + 1, known.size)
                    return
                reached, known = known.size, await anext(signed, None)
            self._grow(leaves, tree.size)
        if self.edge.to_bytes() != tree.edge:
            self.findings.add(Problem.TREE_DIFFERS, detail="its edge")

    def _grow(self, leaves: list[bytes], upto: int) -> list[bytes]:
        """Take leaves until the tree has that size; those that are left."""
        count = upto - self.edge.size
        self.nodes += self.edge.extend(leaves[:count])
        return leaves[count:]

    async def _signed(self, tree: StoredTree, last: Checkpoint | None) -> AsyncIterator[Checkpoint]:
        """Everything that was signed, the smallest first, once its signature holds."""
        newest, after = 0, (0, "")
        base = await self.signer.verifier_key(tree.origin)
        while page := await self.trees.notes(self.company_id, after, _PAGE):
            for size, origin, note in page:
                if company_of(origin) != company_of(tree.origin):
                    self.findings.add(Problem.CHECKPOINT_REFUSED, size, detail="it is of another log")
                    continue
                opened = self._opened(size, note, VerifierKey(origin, base.key))
                if opened is not None and opened.size <= tree.size:
                    newest = max(newest, opened.size)
                    yield opened
            after = page[-1][:2]
        if newest < tree.signed_size:
            self.findings.add(Problem.CHECKPOINT_MISSING, newest + 1)
        if last is not None and newest < last.size <= tree.size:
            yield last

    def _opened(self, size: int, note: str, key: VerifierKey) -> Checkpoint | None:
        try:
            checkpoint = checkpoint_of(note, key)
        except NoteRefused as error:
            self.findings.add(Problem.CHECKPOINT_REFUSED, size, detail=str(error))
            return None
        if checkpoint.size != size:
            self.findings.add(Problem.CHECKPOINT_REFUSED, size, detail="it is of another size")
            return None
        return checkpoint

    def _differs(self, first: int, last: int) -> None:
        """Between two signed sizes, when no leaf told it more closely."""
        if not any(one.position is not None and first <= one.position <= last for one in self.findings.found):
            self.findings.add(Problem.TREE_DIFFERS, first, detail=f"up to position {last}")

    async def _leaves(self, tile: Tile) -> list[bytes] | None:
        """Of the entries; where the stored ones are others is told."""
        first = tile.number * WIDTH + 1
        try:
            entries = await self.trees.entries(self.company_id, first, first + tile.width - 1)
        except EvidenceMissing as error:
            self.findings.add(Problem.MISSING_ENTRY, first, detail=str(error))
            return None
        leaves = [leaf_hash(entry) for entry in entries]
        stored = await self._tile(tile, first)
        for at, leaf in enumerate(leaves):
            if stored is not None and stored[32 * at : 32 * at + 32] != leaf:
                self.findings.add(Problem.LEAF_DIFFERS, first + at)
        return leaves

    async def _compare_nodes(self, tile: Tile) -> None:
        span = 256**tile.level
        stored = await self._tile(tile, tile.number * WIDTH * span + 1)
        made = {node.at: node.hash for node in self.nodes if node.height == 8 * tile.level}
        for at in range(tile.width if stored is not None else 0):
            number = tile.number * WIDTH + at
            if stored is not None and stored[32 * at : 32 * at + 32] != made.get(number):
                self.findings.add(Problem.TREE_DIFFERS, number * span + 1, detail=tile.path)

    async def _tile(self, tile: Tile, position: int) -> bytes | None:
        try:
            return await self.trees.tile(self.company_id, tile)
        except EvidenceMissing as error:
            self.findings.add(Problem.TREE_DIFFERS, position, detail=str(error))
            return None
