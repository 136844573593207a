"""The embedded Valkey: safe options, and every way a run can have ended."""

import os
import signal
from pathlib import Path

import pytest
from arq import create_pool
from arq.connections import RedisSettings

from services.embedded import valkey
from services.embedded.errors import DataDirInUse, EmbeddedError
from services.embedded.process import is_running
from services.embedded.valkey import EmbeddedValkey, read_url
from tests.embedded.watching import mode, running, server_pids, tell_valkey


@pytest.fixture
def server(empty: Path) -> EmbeddedValkey:
    return EmbeddedValkey(empty)


async def test_arq_reaches_it_by_its_url(server: EmbeddedValkey) -> None:
    url = await server.start()
    pool = await create_pool(RedisSettings.from_dsn(url))
    assert await pool.enqueue_job("drain") is not None
    await pool.aclose()
    await server.stop()


async def test_its_options_are_safe(server: EmbeddedValkey) -> None:
    url = await server.start()
    expected = {"port": "0", "appendonly": "yes", "maxmemory-policy": "noeviction", "unixsocketperm": "700"}
    for name, value in expected.items():
        assert f"\r\n{value}\r\n" in await tell_valkey(url, "CONFIG", "GET", name)
    await server.stop()


async def test_its_folders_are_private(server: EmbeddedValkey, empty: Path) -> None:
    await server.start()
    assert mode(empty.parent) == 0o700
    assert mode(empty) == 0o700
    assert mode(empty / "valkey" / "data") == 0o700
    assert mode(empty / "valkey" / "socket") == 0o700
    if os.geteuid() == 0:
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    await server.stop()


async def test_its_data_survives_stop_and_kill(server: EmbeddedValkey) -> None:
    url = await server.start()
    await tell_valkey(url, "SET", "a", "first")
    await server.stop()

    await server.start()
    assert "first" in await tell_valkey(url, "GET", "a")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    assert await server.wait() == -signal.SIGKILL

    assert await server.start() == url
    assert "first" in await tell_valkey(url, "GET", "a")
    await server.stop()


async def test_the_server_of_a_killed_run_is_adopted(server: EmbeddedValkey, empty: Path) -> None:
    async with running(empty, "valkey") as run:
        (orphan,) = server_pids(empty / "valkey" / "data")
        run.kill()
    url = await server.start()
    assert server.pid == orphan
    assert (await tell_valkey(url, "PING")).startswith("+PONG")
    await server.stop()
    assert not is_running(orphan)


async def test_a_frozen_server_of_a_killed_run_is_replaced(
    server: EmbeddedValkey, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "ANSWER_TIMEOUT", 0.3)
    async with running(empty, "valkey") as run:
        (orphan,) = server_pids(empty / "valkey" / "data")
        run.kill()
    os.kill(orphan, signal.SIGSTOP)
    url = await server.start()
    assert not is_running(orphan)
    assert (await tell_valkey(url, "PING")).startswith("+PONG")
    await server.stop()


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="strays are found through /proc")
async def test_a_server_whose_number_was_lost_does_not_share_its_file(server: EmbeddedValkey, empty: Path) -> None:
    async with running(empty, "valkey") as run:
        (orphan,) = server_pids(empty / "valkey" / "data")
        run.kill()
    (empty / "valkey" / "data" / "valkey.pid").unlink()
    await server.start()
    assert not is_running(orphan)
    await server.stop()


async def test_a_directory_too_long_for_a_socket_gets_a_private_short_one(long_data_dir: Path) -> None:
    server = EmbeddedValkey(long_data_dir)
    url = await server.start()
    assert read_url(long_data_dir) == url
    assert (await tell_valkey(url, "PING")).startswith("+PONG")
    await server.stop()


async def test_a_second_run_on_the_same_directory_is_refused(server: EmbeddedValkey, empty: Path) -> None:
    url = await server.start()
    with pytest.raises(DataDirInUse):
        await EmbeddedValkey(empty).start()
    assert read_url(empty) == url
    await server.stop()


def test_the_url_of_a_directory_never_started_is_refused(empty: Path) -> None:
    with pytest.raises(EmbeddedError):
        read_url(empty)
