"""A dump in a new cluster is the same log: it verifies, it goes on, and the one that was left behind may not."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import asyncpg
import pytest

from events.integrity.verify import read_key, verify
from services.adapters.migrations import migrate
from services.embedded.postgres import EmbeddedPostgres
from tests.integrity.exporting import checked, export_to, sealed_company
from tests.support.database import MIGRATIONS, SETTINGS, Connection, Database
from tests.support.service import Service, running
from tests.workers.test_sealer import sealer_of, some_facts

pytestmark = pytest.mark.timeout(240)

_COLUMNS = """
    SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position) AS columns
    FROM information_schema.columns
    WHERE table_schema = 'public' AND is_generated = 'NEVER' AND table_name <> 'schema_migration'
        AND table_name IN (SELECT tablename FROM pg_tables WHERE schemaname = 'public')
    GROUP BY table_name
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, so that a socket fits."""
    made = Path(tempfile.mkdtemp(prefix="fl-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@asynccontextmanager
async def new_cluster(folder: Path) -> AsyncIterator[Database]:
    server = EmbeddedPostgres(folder / "d", SETTINGS)
    try:
        urls = await server.start()
        await migrate(urls.owner, MIGRATIONS)
        yield Database(urls.owner, urls.app)
    finally:
        await server.stop()


async def restore(source: Database, target: Database) -> None:
    """Table by table, as pg_dump and pg_restore would."""
    read: Connection = await asyncpg.connect(source.owner_url)
    written: Connection = await asyncpg.connect(target.owner_url)
    try:
        await written.execute("SET session_replication_role = replica")
        for table, columns in await read.fetch(_COLUMNS):
            named = ", ".join(f'"{column}"' for column in columns)
            rows = BytesIO()
            await read.copy_from_query(f"SELECT {named} FROM {table}", output=rows)
            rows.seek(0)
            await written.execute(f"DELETE FROM {table}")
            await written.copy_to_table(table, source=rows, columns=columns)
    finally:
        await asyncio.gather(read.close(), written.close())


async def test_a_dump_in_a_new_cluster_verifies_and_goes_on(service: Service, folder: Path, tmp_path: Path) -> None:
    company = await sealed_company(service, 30)
    key = read_key(await export_to(service, company, tmp_path / "before") / "vkey")
    async with new_cluster(folder) as cluster:
        await restore(service.database, cluster)
        async with running(cluster, Path(service.parts.settings.data_dir), service.clock) as moved:
            assert await checked(moved, company) == []
            log = await export_to(moved, company, tmp_path / "moved")
            assert verify(log, key, None, lambda done, total: None).is_sound
            await some_facts(moved, company, 5)
            assert await sealer_of(moved).seal() == 1
            log = await export_to(moved, company, tmp_path / "grown")
            verdict = verify(log, key, None, lambda done, total: None)
            assert verdict.is_sound
            assert verdict.size > 30
    # The old one, if somebody lets it run on: two histories of one log are not signed.
    await some_facts(service, company, 2)
    assert await sealer_of(service).seal() == 0
    assert any(one.problem in ("log_set_back", "signing_refused") for one in await checked(service, company))
