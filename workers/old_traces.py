"""Ends the traces of months that are over for so long that nobody may read them any more."""

from typing import Final, TypeAlias
from uuid import UUID

import asyncpg
import structlog

from events.sql import statement
from events.store.postgres import available
from services.application.errors import Contended, Refused
from services.application.ports import KeyUnavailable
from services.application.retention import Retention

log = structlog.get_logger()

_EXPIRED: Final = statement(__file__, "expired_months")
SLICE: Final = 500

_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class OldTraces:
    """Any number may run at once: a month of a company ends once."""

    def __init__(self, pool: _Pool, retention: Retention) -> None:
        self._pool = pool
        self._retention = retention

    async def destroy(self) -> int:
        """The number of months that ended. Raises Unavailable."""
        async with available():
            rows = await self._pool.fetch(_EXPIRED, self._retention.kept_from(), SLICE)
        return sum([await self._one(company_id, month) for company_id, month in rows])

    async def _one(self, company_id: UUID, month: str) -> bool:
        try:
            await self._retention.destroy(company_id, month)
        except (Contended, Refused, KeyUnavailable) as error:
            # One company's trouble is nobody else's; the next look comes soon.
            log.warning("old_traces_left", company_id=str(company_id), month=month, error=type(error).__name__)
            return False
        return True
