"""The schema's migrations: numbered SQL files, forward only, each applied once and never edited."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeAlias

import asyncpg

from events.sql import statement
from events.store.postgres import available

_LOCK: Final = statement(__file__, "migration_lock")
_CREATE: Final = statement(__file__, "migration_create_table")
_HAS_TABLE: Final = statement(__file__, "migration_has_table")
_APPLIED: Final = statement(__file__, "migration_applied")
_RECORD: Final = statement(__file__, "migration_record")

_FILE_NAME: Final = re.compile(r"[0-9]{4}_[a-z0-9_]+\.sql", re.ASCII)

_Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class MigrationRefused(Exception):
    """The database and these files do not belong together; nothing was changed. The text says what to do."""


@dataclass(frozen=True, slots=True)
class _Migration:
    name: str
    script: str

    @property
    def checksum(self) -> bytes:
        return sha256(self.script.encode()).digest()


async def migrate(owner_url: str, directory: Path) -> list[str]:
    """Apply what is missing, one transaction a file, and name it; two at once wait for each other.

    Raises MigrationRefused, Unavailable.
    """
    files = _read(directory)
    async with _connected(owner_url) as connection:
        # Of the session, so it spans the transactions and ends with the connection, however that ends.
        await connection.execute(_LOCK)
        await connection.execute(_CREATE)
        missing = _missing(files, await _applied(connection))
        for migration in missing:
            async with connection.transaction():
                await connection.execute(migration.script)
                await connection.execute(_RECORD, migration.name, migration.checksum)
    return [migration.name for migration in missing]


async def pending(url: str, directory: Path) -> list[str]:
    """What `migrate` would apply; asks only, so any role may. Raises MigrationRefused as `migrate` would."""
    files = _read(directory)
    async with _connected(url) as connection:
        applied = await _applied(connection) if await connection.fetchval(_HAS_TABLE) else {}
    return [migration.name for migration in _missing(files, applied)]


def _read(directory: Path) -> list[_Migration]:
    files = sorted(directory.glob("*.sql"))
    for number, file in enumerate(files, 1):
        if _FILE_NAME.fullmatch(file.name) is None or int(file.name[:4]) != number:
            raise MigrationRefused(f"{file.name} is not migration {number:04}: numbers have no gap and no twin")
    return [_Migration(file.stem, file.read_text(encoding="utf-8")) for file in files]


def _missing(files: Sequence[_Migration], applied: dict[str, bytes]) -> list[_Migration]:
    unknown = sorted(applied.keys() - {migration.name for migration in files})
    if unknown:
        raise MigrationRefused(f"the database has {unknown[-1]}, which this program does not know: run a newer one")
    for migration in files[: len(applied)]:
        if applied.get(migration.name) != migration.checksum:
            raise MigrationRefused(f"{migration.name} was changed after it was applied: restore it, add a new one")
    return list(files[len(applied) :])


async def _applied(connection: _Connection) -> dict[str, bytes]:
    return {row["name"]: row["checksum"] for row in await connection.fetch(_APPLIED)}


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[_Connection]:
    async with available():
        try:
            connection: _Connection = await asyncpg.connect(url)
        except asyncpg.InvalidAuthorizationSpecificationError as error:
            raise MigrationRefused("the database does not let this role in: is the URL the owner's?") from error
        try:
            yield connection
        except asyncpg.InsufficientPrivilegeError as error:
            raise MigrationRefused("this role may not change the schema: the owner's URL is needed") from error
        finally:
            await connection.close()
