"""A log that was set back goes on under another name, and says which checkpoint it does not extend."""

from typing import Protocol
from uuid import UUID

from events.integrity.checkpoint import Checkpoint
from services.application.ports import Entropy
from services.application.signing import Signer

INSTALLATION = UUID(int=0)  # whose log is that of all signed checkpoints
_BLIND_BYTES = 32


class Origins(Protocol):
    async def open_origin(self, company_id: UUID, origin: str, blind: bytes) -> None:
        """The tree goes on under this name, and nothing is signed yet. Raises Unavailable."""
        ...


class NewOrigins:
    def __init__(self, origins: Origins, signer: Signer, entropy: Entropy, name: str) -> None:
        """`name`: of the installation."""
        self._origins = origins
        self._signer = signer
        self._entropy = entropy
        self._name = name

    async def former(self, company_id: UUID, epoch: int) -> Checkpoint | None:
        """The last one that was signed before this epoch. Raises SigningRefused, KeyUnavailable."""
        for before in range(epoch - 1, 0, -1):
            found = await self._signer.last_signed(self._origin(company_id, before))
            if found is not None:
                return found
        return None

    async def open(self, company_id: UUID, epoch: int) -> None:
        """Only where something was signed: else the first name is as good as a new one."""
        if await self.former(company_id, epoch) is not None:
            origin, blind = self._origin(company_id, epoch), self._entropy.bytes(_BLIND_BYTES)
            await self._origins.open_origin(company_id, origin, blind)

    def _origin(self, company_id: UUID, epoch: int) -> str:
        log = self._name if company_id == INSTALLATION else f"{self._name}/{company_id}"
        return f"{log}/{epoch}" if epoch > 1 else log
