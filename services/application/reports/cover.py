"""The proof that a report's entries stand in the signed log."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from events.integrity.checkpoint import Signed, unverified
from events.integrity.tree import covering_ranges
from services.application.ports import Clock
from services.application.reports.ports import Covering, NotCovered
from services.application.signing import Signer
from services.application.transparency import Trees

_LOOK: Final = timedelta(milliseconds=100)
_LOOKS: Final = 50
_NODES: Final = 1_000  # of one line


class CheckpointCover:
    def __init__(self, trees: Trees, signer: Signer, clock: Clock) -> None:
        self._trees = trees
        self._signer = signer
        self._clock = clock

    async def cover(self, company_id: UUID, positions: Sequence[int], at_least: int) -> Covering:
        """The first checkpoint is the first one for ever, so a report built again has the same."""
        signed = await self._first(company_id, at_least)
        ranges = list(covering_ranges([position - 1 for position in positions], signed.size))
        hashes = await self._trees.hashes(company_id, ranges, signed.size)
        vkey = await self._signer.verifier_key(unverified(signed.note).origin)
        return Covering(nodes=list(_lines(hashes)), checkpoint={"checkpoint": signed.note, "vkey": str(vkey)})

    async def _first(self, company_id: UUID, at_least: int) -> Signed:
        for _ in range(_LOOKS):
            signed = await self._trees.first_covering(company_id, at_least)
            if signed is not None:
                return signed
            await self._clock.sleep_until(self._clock.now() + _LOOK)
        raise NotCovered


def _lines(hashes: Sequence[bytes]) -> Iterable[Mapping[str, Any]]:
    for begin in range(0, len(hashes), _NODES):
        yield {"nodes": [b64encode(one).decode() for one in hashes[begin : begin + _NODES]]}
