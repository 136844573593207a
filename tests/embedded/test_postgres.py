"""The embedded Postgres: starts, ways in, refusals."""

import os
import time
from pathlib import Path

import asyncpg
import pytest

from services.embedded.errors import DataDirInUse, EmbeddedError
from services.embedded.postgres import EmbeddedPostgres, read_urls
from services.embedded.process import is_running
from tests.embedded.watching import ask, mode, running

# Seconds. On a quiet machine it takes a tenth of that; a busy disk must not fail the test.
FIRST_START = 10.0
LATER_START = 3.0


@pytest.fixture
def server(data_dir: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir)


async def test_an_empty_directory_becomes_a_working_database_quickly(empty: Path) -> None:
    server = EmbeddedPostgres(empty)
    began = time.monotonic()
    urls = await server.start()
    took = time.monotonic() - began

    assert await ask(urls.owner, "SELECT usesuper FROM pg_user WHERE usename = current_user") is True
    assert await ask(urls.app, "SELECT current_user::text") == "factorlog_app"
    assert await ask(urls.app, "SELECT usesuper OR usecreatedb FROM pg_user WHERE usename = current_user") is False
    await server.stop()
    assert took < FIRST_START


async def test_a_later_start_is_fast_and_keeps_data_and_passwords(server: EmbeddedPostgres, data_dir: Path) -> None:
    urls = await server.start()
    await ask(urls.owner, "CREATE TABLE kept_by_stop AS SELECT 1 AS one")
    await server.stop()

    began = time.monotonic()
    again = EmbeddedPostgres(data_dir)
    assert await again.start() == urls
    assert time.monotonic() - began < LATER_START
    assert await ask(urls.owner, "SELECT one FROM kept_by_stop") == 1
    await again.stop()


async def test_settings_are_safe_and_ours_on_top(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, {"max_connections": "23"})
    urls = await server.start()
    expected = {
        "fsync": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "listen_addresses": "",
        "max_connections": "23",
    }
    assert {name: await ask(urls.owner, f"SHOW {name}") for name in expected} == expected
    assert await ask(urls.owner, "SELECT datlocale FROM pg_database WHERE datname = 'factorlog'") == "C.UTF-8"
    await server.stop()


async def test_nothing_listens_on_the_network(server: EmbeddedPostgres) -> None:
    urls = await server.start()
    assert await ask(urls.app, "SELECT inet_server_addr() IS NULL") is True
    assert server.pid is not None
    assert not _tcp_sockets(server.pid)
    await server.stop()


async def test_only_the_two_roles_with_their_passwords_come_in(server: EmbeddedPostgres) -> None:
    urls = await server.start()
    password = urls.app.split(":")[2].split("@")[0]
    for wrong in (urls.app.replace(password, "wrong"), urls.app.replace(f":{password}", "")):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(wrong, "SELECT 1")
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await ask(urls.app.replace("factorlog_app", "postgres"), "SELECT 1")
    await server.stop()


async def test_folders_are_private_and_no_parent_is_widened(server: EmbeddedPostgres, data_dir: Path) -> None:
    await server.start()
    assert mode(data_dir.parent) == 0o700
    assert mode(data_dir) == 0o700
    assert mode(data_dir / "postgres") == (0o710 if os.geteuid() == 0 else 0o700)
    assert {mode(data_dir / "postgres" / name) for name in ("data", "socket", "log")} == {0o700}
    assert mode(data_dir / "secrets") == 0o700
    secrets = list((data_dir / "secrets").iterdir())
    assert len(secrets) == 2
    assert {mode(secret) for secret in secrets} == {0o600}
    assert not (data_dir / "postgres" / "password").exists()
    await server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives its rights away")
async def test_started_by_root_it_runs_as_somebody_else_without_roots_groups(
    server: EmbeddedPostgres,
) -> None:
    await server.start()
    status = Path(f"/proc/{server.pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert "0" not in fields["Uid"].split()
    assert "0" not in fields["Gid"].split()
    assert "0" not in fields["Groups"].split()
    assert int(fields["CapEff"], 16) == 0
    await server.stop()


async def test_no_password_is_in_a_log_or_a_command_line(empty: Path) -> None:
    server = EmbeddedPostgres(empty)
    urls = await server.start()
    passwords = [url.split(":")[2].split("@")[0] for url in (urls.owner, urls.app)]
    written = [file.read_text() for file in (empty / "postgres" / "log").iterdir()]
    written += [(empty / "postgres" / "output").read_text(), repr(urls)]
    written += [(empty / "postgres" / "data" / "postmaster.opts").read_text()]
    assert not [text for text in written for password in passwords if password in text]
    await server.stop()


async def test_a_directory_too_long_for_a_socket_gets_a_private_short_one(long_data_dir: Path) -> None:
    server = EmbeddedPostgres(long_data_dir)
    urls = await server.start()
    assert await ask(urls.app, "SELECT 1") == 1
    assert mode(_socket_folder(urls.app)) == 0o700
    await server.stop()

    async with running(long_data_dir, "postgres"):
        assert read_urls(long_data_dir) == urls


async def test_a_foreign_folder_in_the_place_of_the_short_one_is_not_used(long_data_dir: Path) -> None:
    server = EmbeddedPostgres(long_data_dir)
    noted = _socket_folder((await server.start()).app)
    await server.stop()
    noted.chmod(0o777)
    urls = await server.start()
    assert _socket_folder(urls.app) != noted
    assert await ask(urls.app, "SELECT 1") == 1
    await server.stop()
    noted.rmdir()


async def test_a_second_run_on_the_same_directory_is_refused(server: EmbeddedPostgres, data_dir: Path) -> None:
    urls = await server.start()
    second = EmbeddedPostgres(data_dir)
    with pytest.raises(DataDirInUse, match=f"in use by process {os.getpid()}"):
        await second.start()
    await second.stop()
    assert await ask(urls.app, "SELECT 1") == 1
    assert read_urls(data_dir) == urls
    await server.stop()


async def test_starting_and_stopping_again_changes_nothing(server: EmbeddedPostgres) -> None:
    await server.stop()
    urls = await server.start()
    pid = server.pid
    assert await server.start() == urls
    assert server.pid == pid
    await server.stop()
    await server.stop()
    assert server.pid is None


async def test_a_stop_leaves_no_process_and_frees_the_directory(server: EmbeddedPostgres, data_dir: Path) -> None:
    urls = await server.start()
    pid = server.pid
    connection = await asyncpg.connect(urls.app)
    await server.stop()
    assert pid is not None
    assert not is_running(pid)
    assert not (data_dir / "postgres" / "data" / "postmaster.pid").exists()
    connection.terminate()
    other = EmbeddedPostgres(data_dir)
    await other.start()
    await other.stop()


async def test_a_server_that_cannot_start_says_why_and_frees_the_directory(data_dir: Path) -> None:
    broken = EmbeddedPostgres(data_dir, {"shared_buffers": "nonsense"})
    with pytest.raises(EmbeddedError, match="invalid value for parameter"):
        await broken.start()
    good = EmbeddedPostgres(data_dir)
    await good.start()
    await good.stop()


async def test_lost_passwords_are_said_and_not_replaced(server: EmbeddedPostgres, data_dir: Path) -> None:
    secrets = data_dir / "secrets"
    secrets.rename(data_dir / "elsewhere")
    with pytest.raises(EmbeddedError, match="factorlog_owner is missing"):
        await server.start()
    assert not secrets.exists()
    (data_dir / "elsewhere").rename(secrets)


async def test_the_files_of_another_major_version_are_refused(server: EmbeddedPostgres, data_dir: Path) -> None:
    version = data_dir / "postgres" / "data" / "PG_VERSION"
    found = version.read_text()
    version.write_text("17\n")
    with pytest.raises(EmbeddedError, match="is of Postgres 17"):
        await server.start()
    version.write_text(found)


def test_urls_of_a_directory_never_started_are_refused(empty: Path) -> None:
    with pytest.raises(EmbeddedError):
        read_urls(empty)


def _socket_folder(url: str) -> Path:
    return Path(url.split("host=")[1].split("&")[0])


def _tcp_sockets(pid: int) -> set[str]:
    links = [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    held = {link[8:-1] for link in links if link.startswith("socket:[")}
    rows = [row.split() for name in ("tcp", "tcp6") for row in Path(f"/proc/net/{name}").read_text().splitlines()]
    return held & {row[9] for row in rows}
