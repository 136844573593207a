"""Makes rows that stand already what the log says, a batch at a time, while the trail is read and grows."""

from typing import TypeAlias
from uuid import UUID

import asyncpg

from events.projections.audit_trail import NAME, rows_of
from events.projections.entries import ProjectionStopped, document, read
from events.projections.keyring import Keyring, Unwrap
from events.sealing import SealBroken
from events.sql import statement

_LOCK = statement(__file__, "lock_position")
_READ = statement(__file__, "read_events")
_DELETE_WRONG = statement(__file__, "delete_wrong_rows")
_INSERT_MISSING = statement(__file__, "insert_missing_rows")
_DELETE_BEHIND = statement(__file__, "delete_rows_behind")

_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


async def repair(pool: _Pool, unwrap: Unwrap, company_id: UUID, after: int, limit: int) -> tuple[int, int]:
    """(last position looked at, rows changed); looks no further than the trail has come. Raises ProjectionStopped.

    Keys are read under the lock: an erasure that comes later clears these rows as it clears all others.
    """
    async with pool.acquire() as connection, connection.transaction():
        position = await connection.fetchval(_LOCK, company_id, NAME)
        raw = await connection.fetch(_READ, company_id, after, min(limit, max((position or 0) - after, 0)))
        recorded, stop = read(raw, after)
        keyring = Keyring(company_id, unwrap)
        await keyring.load(connection, recorded)
        try:
            rows, _ = rows_of(recorded, keyring)
        except SealBroken as error:
            raise ProjectionStopped(after + 1, "a sealed box does not open with its key") from error
        last = after + len(rows)
        wanted = document(rows)
        deleted = await connection.fetchval(_DELETE_WRONG, company_id, after, last, wanted)
        inserted = await connection.fetchval(_INSERT_MISSING, company_id, wanted)
    if stop is not None:
        raise ProjectionStopped(last + 1, stop)
    return last, max(deleted, inserted)


async def delete_behind(pool: _Pool, company_id: UUID) -> int:
    """Rows behind the trail's position, or of a trail that never began: they are nobody's."""
    async with pool.acquire() as connection, connection.transaction():
        position = await connection.fetchval(_LOCK, company_id, NAME)
        deleted: int = await connection.fetchval(_DELETE_BEHIND, company_id, position or 0)
    return deleted
