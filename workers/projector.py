"""Keeps the audit trail up with every company's log."""

import asyncio
from typing import Final, TypeAlias
from uuid import UUID

import asyncpg
import structlog

from events.projections.audit_trail import NAME
from events.projections.entries import ProjectionStopped
from events.projections.runner import AuditTrailRunner
from events.sql import statement
from events.store.port import Unavailable
from events.store.postgres import available
from services.application.ports import KeyUnavailable, KeyWrapper

log = structlog.get_logger()

_LAGGING: Final = statement(__file__, "lagging_companies")
AT_ONCE: Final = 4
STOPPED_EVERY: Final = 15  # looks

_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class Projector:
    """One company's trouble is nobody else's."""

    def __init__(self, pool: _Pool, wrapper: KeyWrapper) -> None:
        self._pool = pool
        self._runner = AuditTrailRunner(pool, wrapper.unwrap)
        self._looks = 0
        self._stopping = False

    def stop(self) -> None:
        """Begin no further company."""
        self._stopping = True

    async def project(self) -> int:
        """Bring every company's trail to its head of now; the number of facts. Raises Unavailable."""
        # At the start, and again now and then: this program may read what an older one beside it could not.
        also_stopped = self._looks % STOPPED_EVERY == 0
        self._looks += 1
        async with available():
            lagging = await self._pool.fetch(_LAGGING, NAME, also_stopped)
        free = asyncio.Semaphore(AT_ONCE)

        async def one(company_id: UUID, position: int, head: int) -> int:
            async with free:
                return 0 if self._stopping else await self._catch_up(company_id, position, head)

        return sum(await asyncio.gather(*(one(*row) for row in lagging)))

    async def _catch_up(self, company_id: UUID, position: int, head: int) -> int:
        try:
            async with available():
                return await self._runner.catch_up(company_id, position, head)
        except ProjectionStopped as error:
            log.error("projection_stopped", name=NAME, company_id=str(company_id), why=str(error))
        except KeyUnavailable:
            log.warning("projection_waits_for_key", name=NAME, company_id=str(company_id))
        except Unavailable:
            log.warning("projection_interrupted", name=NAME, company_id=str(company_id))
        except Exception:
            log.exception("projection_broken", name=NAME, company_id=str(company_id))
        return 0
