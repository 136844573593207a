"""Every statement is one that the migrated schema knows, for the role that runs it."""

from pathlib import Path

import asyncpg

import events
import services
import workers
from tests.support.database import Pool

PACKAGES = [Path(str(package.__file__)).parent for package in (events, services, workers)]
FILES = [file for package in PACKAGES for file in sorted(package.rglob("sql/*.sql"))]
# Scripts and statements of the owner: run by tests/migrations and tests/embedded.
NOT_THE_APPS = ("migration_",)


async def test_every_statement_can_be_prepared_by_the_role_that_runs_it(app_pool: Pool) -> None:
    wrong = {}
    async with app_pool.acquire() as connection:
        for file in FILES:
            if file.name.startswith(NOT_THE_APPS) or "embedded" in file.parts:
                continue
            try:
                await connection.prepare(file.read_text(encoding="utf-8"))
            except asyncpg.PostgresError as error:
                wrong[file.relative_to(PACKAGES[0].parent).as_posix()] = str(error)
    assert not wrong
