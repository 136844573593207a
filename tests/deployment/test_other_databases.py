"""A Postgres that is not compose.yaml's: an owner without superuser rights, and a pooler in between."""

from pathlib import Path

import asyncpg
import pytest

from services.adapters.migrations import migrate
from services.bootstrap import open_pool
from tests.support.database import MIGRATIONS, Connection, Database
from tests.support.service import running, settings_for


async def test_an_owner_that_is_no_superuser_migrates_and_the_restricted_role_serves(
    empty_database: Database, tmp_path: Path
) -> None:
    connection: Connection = await asyncpg.connect(empty_database.owner_url)
    try:
        name = await connection.fetchval("SELECT current_database()")
        await connection.execute(f"CREATE ROLE plain_owner; ALTER DATABASE {name} OWNER TO plain_owner")
        # As that role from the first statement on: only two roles may log in on this server.
        await migrate(f"{empty_database.owner_url}&role=plain_owner", MIGRATIONS)
        assert await connection.fetchval("SELECT tableowner FROM pg_tables WHERE tablename = 'event'") == "plain_owner"
        async with running(empty_database, tmp_path) as service:
            await service.sign_in(await service.person(await service.company(), "uta.user"))
    finally:
        await connection.execute(f"ALTER DATABASE {name} OWNER TO factorlog_owner")
        await connection.execute("DROP OWNED BY plain_owner; DROP ROLE plain_owner")
        await connection.close()


@pytest.mark.parametrize("pooler", [False, True])
async def test_behind_a_pooler_nothing_is_left_in_a_connection(
    database: Database, tmp_path: Path, pooler: bool
) -> None:
    pool = await open_pool(settings_for(database, tmp_path, database_pooler=pooler))
    async with pool, pool.acquire() as connection:
        await connection.fetchval("SELECT $1::integer", 1)
        prepared = await connection.fetchval("SELECT count(*) FROM pg_prepared_statements")
        changed = await connection.fetchval(
            "SELECT count(*) FROM pg_settings WHERE source = 'client' AND name = ANY($1)", ["enable_seqscan", "jit"]
        )
    assert ((prepared, changed) == (0, 0)) is pooler


async def test_behind_a_pooler_people_sign_in(database: Database, tmp_path: Path) -> None:
    async with running(database, tmp_path, database_pooler=True) as service:
        uta = await service.person(await service.company(), "uta.user", on=True)
        await service.sign_in(uta)
