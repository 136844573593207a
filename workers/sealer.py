"""Puts every company's new entries under a signed checkpoint, and each checkpoint into the installation's own log."""

import asyncio
from typing import Final, TypeAlias
from uuid import UUID

import asyncpg
import structlog

from events.integrity.checkpoint import Checkpoint
from events.sql import statement
from events.store.port import Unavailable
from events.store.postgres import available
from events.trees.growing import INSTALLATION, Head, TreeBroken, grow, publish
from events.trees.reading import TreeReader
from services.application.ports import Clock, Entropy, KeyUnavailable
from services.application.signing import Signer, SigningRefused

log = structlog.get_logger()

_UNSEALED: Final = statement(__file__, "unsealed_companies")
_ADD_CHECKPOINT: Final = statement(__file__, "add_checkpoint")
_REFUSE: Final = statement(__file__, "refuse_to_sign")
AT_ONCE: Final = 4
REFUSED_EVERY: Final = 15  # looks
BLIND_BYTES: Final = 32

_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class Sealer:
    """Any number may run at once. A tree that contradicts what was signed stops its own company only."""

    def __init__(self, pool: _Pool, signer: Signer, clock: Clock, entropy: Entropy, name: str) -> None:
        """`name`: of the installation; origins begin with it."""
        self._pool = pool
        self._signer = signer
        self._clock = clock
        self._entropy = entropy
        self._name = name
        self._looks = 0
        self._stopping = False

    def stop(self) -> None:
        """Begin no further company."""
        self._stopping = True

    async def seal(self) -> int:
        """Sign what is new in every company's log; the number of checkpoints. Raises Unavailable."""
        also_refused = self._looks % REFUSED_EVERY == 0
        self._looks += 1
        async with available():
            unsealed = await self._pool.fetch(_UNSEALED, also_refused)
        free = asyncio.Semaphore(AT_ONCE)

        async def one(company_id: UUID) -> bool:
            async with free:
                return not self._stopping and await self._seal_company(company_id)

        signed = sum(await asyncio.gather(*(one(row[0]) for row in unsealed)))
        await self._publish()
        return signed

    async def _seal_company(self, company_id: UUID) -> bool:
        """Was something signed?"""
        try:
            async with available():
                head = await self._grow(company_id)
                return head is not None and await self._sign(company_id, head)
        except (SigningRefused, TreeBroken) as error:
            await self._refuse(company_id, str(error))
        except KeyUnavailable:
            log.warning("sealing_waits_for_key", company_id=str(company_id))
        except Unavailable:
            log.warning("sealing_interrupted", company_id=str(company_id))
        except Exception:
            log.exception("sealing_broken", company_id=str(company_id))
        return False

    async def _grow(self, company_id: UUID) -> Head | None:
        """Batch by batch to the head of now. None while another sealer is at it."""
        origin, blind = f"{self._name}/{company_id}", self._entropy.bytes(BLIND_BYTES)
        head = latest = await grow(self._pool, company_id, origin, blind)
        while latest is not None and head is not None and latest.may_go_on:
            latest = await grow(self._pool, company_id, origin, blind)
            head = latest.following(head) if latest is not None else head
        return head

    async def _sign(self, company_id: UUID, head: Head) -> bool:
        checkpoint = Checkpoint(head.origin, head.edge.size, head.edge.root())
        if checkpoint.size == head.signed_size:
            return False
        note = await self._signer.sign(checkpoint, head.signed_size, lambda size: self._root_at(company_id, head, size))
        await self._pool.execute(_ADD_CHECKPOINT, company_id, checkpoint.size, head.origin, note, self._clock.now())
        return True

    async def _root_at(self, company_id: UUID, head: Head, size: int) -> bytes:
        """Of the tree that `head` was grown from, or as the stored hashes make it, when these make `head` as well."""
        if head.grown_from.size == size:
            return head.grown_from.root()
        reader = TreeReader(self._pool, company_id)
        if await reader.root(head.edge.size) != head.edge.root():
            raise SigningRefused("the edge of the tree is not what its leaves make")
        return await reader.root(size)

    async def _publish(self) -> None:
        try:
            async with available():
                head = await publish(self._pool, self._name, self._entropy.bytes(BLIND_BYTES))
                await self._sign(INSTALLATION, head)
        except (SigningRefused, TreeBroken) as error:
            await self._refuse(INSTALLATION, str(error))
        except (KeyUnavailable, Unavailable):
            log.warning("publishing_interrupted")

    async def _refuse(self, company_id: UUID, why: str) -> None:
        log.error("signing_refused", company_id=str(company_id), why=why)
        async with available():
            await self._pool.execute(_REFUSE, company_id, why)
