"""The embedded Postgres after a run that was killed: adopted, replaced, recovered."""

import asyncio
import os
import signal
from pathlib import Path

import asyncpg
import pytest

from services.embedded import database
from services.embedded.postgres import EmbeddedPostgres
from services.embedded.process import is_running
from tests.embedded.watching import ask, running, server_pids, until


@pytest.fixture
def server(data_dir: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir)


async def test_the_server_of_a_killed_run_is_adopted(server: EmbeddedPostgres, data_dir: Path) -> None:
    async with running(data_dir, "postgres") as run:
        (orphan,) = server_pids(data_dir / "postgres" / "data")
        run.kill()
    urls = await server.start()
    assert server.pid == orphan
    assert await ask(urls.app, "SELECT 1") == 1
    await server.stop()
    assert not is_running(orphan)


async def test_the_server_of_a_killed_run_with_other_settings_is_replaced(data_dir: Path) -> None:
    async with running(data_dir, "postgres") as run:
        (orphan,) = server_pids(data_dir / "postgres" / "data")
        run.kill()
    server = EmbeddedPostgres(data_dir, {"max_connections": "23"})
    urls = await server.start()
    assert not is_running(orphan)
    assert await ask(urls.app, "SHOW max_connections") == "23"
    await server.stop()


async def test_a_frozen_server_of_a_killed_run_is_replaced(
    server: EmbeddedPostgres, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "ANSWER_TIMEOUT", 0.5)
    async with running(data_dir, "postgres") as run:
        (orphan,) = server_pids(data_dir / "postgres" / "data")
        run.kill()
    os.kill(orphan, signal.SIGSTOP)
    urls = await server.start()
    assert not is_running(orphan)
    assert await ask(urls.app, "SELECT 1") == 1
    await server.stop()


async def test_a_killed_server_starts_again_though_a_backend_of_it_still_works(
    server: EmbeddedPostgres,
) -> None:
    urls = await server.start()
    connection = await asyncpg.connect(urls.owner)
    backend = await connection.fetchval("SELECT pg_backend_pid()")
    await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    busy = asyncio.create_task(connection.execute("DO $$ BEGIN LOOP NULL; END LOOP; END $$"))
    await until(lambda: _cpu_ticks(backend) > 5, 5)

    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    assert await server.wait() == -signal.SIGKILL
    assert is_running(backend)
    await server.start()
    assert not is_running(backend)
    assert await ask(urls.owner, "SELECT one FROM kept") == 1
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await busy
    await server.stop()


async def test_a_stale_pid_file_with_the_number_of_a_stranger_does_not_matter(
    server: EmbeddedPostgres, data_dir: Path
) -> None:
    stale = data_dir / "postgres" / "data" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n/elsewhere\n0\n5432\n\n\n1 1\nready\n")
    urls = await server.start()
    assert await ask(urls.app, "SELECT 1") == 1
    await server.stop()


async def test_a_first_start_killed_half_way_is_begun_anew(empty: Path) -> None:
    (empty / "postgres" / "data.new" / "base").mkdir(parents=True)
    (empty / "postgres" / "password").write_text("left over")
    server = EmbeddedPostgres(empty)
    assert await ask((await server.start()).app, "SELECT 1") == 1
    assert not (empty / "postgres" / "password").exists()
    await server.stop()


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
