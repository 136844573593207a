"""Migrations are applied once, in order, whole or not at all, and never after somebody edited one."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from services.adapters.migrations import MigrationRefused, migrate, pending
from tests.support.database import MIGRATIONS, Connection, Database, Pool

ONE = "CREATE TABLE one (id integer);"
TWO = "CREATE TABLE two (id integer); INSERT INTO two VALUES (2);"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "0001_one.sql").write_text(ONE)
    (tmp_path / "0002_two.sql").write_text(TWO)
    return tmp_path


async def tables(database: Database) -> set[str]:
    connection: Connection = await asyncpg.connect(database.owner_url)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    finally:
        await connection.close()
    return {row[0] for row in rows}


async def test_an_empty_database_gets_every_migration_in_order(empty_database: Database, directory: Path) -> None:
    assert await migrate(empty_database.owner_url, directory) == ["0001_one", "0002_two"]
    assert await tables(empty_database) == {"one", "two", "schema_migration"}


async def test_the_second_run_applies_nothing(empty_database: Database, directory: Path) -> None:
    await migrate(empty_database.owner_url, directory)
    assert await migrate(empty_database.owner_url, directory) == []


async def test_two_runs_at_once_apply_each_file_once(empty_database: Database, directory: Path) -> None:
    runs = await asyncio.gather(*(migrate(empty_database.owner_url, directory) for _ in range(5)))
    assert sorted(runs) == [[], [], [], [], ["0001_one", "0002_two"]]


async def test_a_new_file_is_applied_alone(empty_database: Database, directory: Path) -> None:
    await migrate(empty_database.owner_url, directory)
    (directory / "0003_three.sql").write_text("CREATE TABLE three (id integer)")
    assert await migrate(empty_database.owner_url, directory) == ["0003_three"]


async def test_a_failing_file_leaves_nothing_of_itself_and_keeps_the_ones_before(
    empty_database: Database, directory: Path
) -> None:
    (directory / "0002_two.sql").write_text(TWO + "SELECT 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty_database.owner_url, directory)
    assert await tables(empty_database) == {"one", "schema_migration"}
    (directory / "0002_two.sql").write_text(TWO)
    assert await migrate(empty_database.owner_url, directory) == ["0002_two"]


async def test_an_applied_file_that_was_edited_is_refused(empty_database: Database, directory: Path) -> None:
    await migrate(empty_database.owner_url, directory)
    (directory / "0001_one.sql").write_text(ONE + "-- harmless?")
    (directory / "0003_three.sql").write_text("CREATE TABLE three (id integer)")
    with pytest.raises(MigrationRefused, match="0001_one was changed"):
        await migrate(empty_database.owner_url, directory)
    assert "three" not in await tables(empty_database)


async def test_a_database_of_a_newer_program_is_refused(empty_database: Database, directory: Path) -> None:
    await migrate(empty_database.owner_url, directory)
    (directory / "0002_two.sql").unlink()
    with pytest.raises(MigrationRefused, match="0002_two, which this program does not know"):
        await migrate(empty_database.owner_url, directory)
    with pytest.raises(MigrationRefused, match="0002_two"):
        await pending(empty_database.owner_url, directory)


@pytest.mark.parametrize("name", ["0004_gap.sql", "0002_twin.sql", "3_short.sql", "0003-dash.sql", "0003_Großes.sql"])
async def test_a_file_that_is_not_the_next_number_is_refused(
    empty_database: Database, directory: Path, name: str
) -> None:
    (directory / name).write_text("SELECT 1")
    with pytest.raises(MigrationRefused):
        await migrate(empty_database.owner_url, directory)
    assert await tables(empty_database) == set()


async def test_what_is_missing_can_be_asked_without_changing_anything(
    empty_database: Database, directory: Path
) -> None:
    assert await pending(empty_database.owner_url, directory) == ["0001_one", "0002_two"]
    assert await tables(empty_database) == set()
    await migrate(empty_database.owner_url, directory)
    assert await pending(empty_database.owner_url, directory) == []


async def test_the_restricted_role_may_ask_and_may_not_migrate(database: Database, directory: Path) -> None:
    assert await pending(database.app_url, MIGRATIONS) == []
    with pytest.raises(MigrationRefused, match="the owner's URL is needed"):
        await migrate(database.app_url, directory)


async def test_the_restricted_role_cannot_forge_a_record(app_pool: Pool) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app_pool.execute("INSERT INTO schema_migration VALUES ('0009_forged', '')")
