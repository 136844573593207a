"""What the whole database knows of work that waits, asked at the moment of a scrape: read model and effects."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg

from events.projections.audit_trail import NAME
from events.sql import statement
from events.store.postgres import available

_PROJECTION: Final = statement(__file__, "backlog_projection")
_SEALING: Final = statement(__file__, "backlog_sealing")
_OPEN_EFFECTS: Final = statement(__file__, "backlog_open_effects")
_FAILED_EFFECTS: Final = statement(__file__, "backlog_failed_effects")

_PATIENCE: Final = 2.0  # seconds for all questions together, waiting for a connection too


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far one projection is behind. `since`: when the oldest entry was recorded that it lacks."""

    projection: str
    companies: int
    stopped: int
    positions: int
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsigned:
    """Logs that go on behind their last signed checkpoint. `since`: when the oldest such entry was recorded."""

    companies: int
    refused: int
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenEffects:
    """Effects of one kind that are not done. `since`: when the oldest fact was recorded that waits for one."""

    kind: str
    count: int
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    lag: Lag
    unsigned: Unsigned
    open: tuple[OpenEffects, ...]
    failed: dict[str, int]


class PostgresBacklog:
    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def read(self) -> Backlog:
        """All of it, within two seconds. Raises Unavailable."""
        async with available(), asyncio.timeout(_PATIENCE), self._pool.acquire() as connection:
            lag = await connection.fetch(_PROJECTION, NAME)
            (unsigned,) = await connection.fetch(_SEALING)
            effects = await connection.fetch(_OPEN_EFFECTS)
            failed = await connection.fetch(_FAILED_EFFECTS)
        return Backlog(
            lag=_lag(lag),
            unsigned=Unsigned(**unsigned),
            open=tuple(map(_open, effects)),
            failed={r["kind"]: r["effects"] for r in failed},
        )


def _lag(rows: Sequence[Any]) -> Lag:
    (row,) = rows
    return Lag(
        projection=NAME,
        companies=row["companies"],
        stopped=row["stopped"],
        positions=row["positions"],
        since=row["since"],
    )


def _open(row: Any) -> OpenEffects:
    return OpenEffects(kind=row["kind"], count=row["effects"], since=row["since"])
