"""The embedded Postgres: one cluster in the data directory, reached through its socket only."""

import asyncio
import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT
from types import MappingProxyType
from typing import Final

import structlog

from services.embedded.account import Account, server_account
from services.embedded.binaries import postgres_programs
from services.embedded.cluster import APP, OWNER, data_argument, make_cluster
from services.embedded.database import answers, complete
from services.embedded.errors import EmbeddedError
from services.embedded.home import Home
from services.embedded.passwords import make_password, read_password
from services.embedded.process import Process, end_strays, last_lines, left_over, spawn_server

log = structlog.get_logger()

PORT = 5432  # names the socket, nothing listens on it
# Seconds. Recovery after a crash reads at most max_wal_size again.
READY_TIMEOUT = 120.0
# Fast shutdown, then at once, then by force: the log survives each.
SHUTDOWN = ((SIGINT, 30.0), (SIGQUIT, 5.0), (SIGKILL, 5.0))

# For a small machine and many short transactions. Durability is not for sale: it is a security log.
SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "max_connections": "100",
        "shared_buffers": "128MB",
        "wal_buffers": "16MB",
        "max_wal_size": "512MB",
        "checkpoint_timeout": "10min",
        "autovacuum_naptime": "15s",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        # A week of files, each written over after that; no DETAIL lines, they quote what people typed.
        "logging_collector": "on",
        "log_directory": "../log",
        "log_filename": "postgres-%a.log",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_truncate_on_rotation": "on",
        "log_error_verbosity": "terse",
        "log_parameter_max_length": "0",
        "cluster_name": "factorlog",
    }
)


@dataclass(frozen=True, slots=True)
class PostgresUrls:
    """`owner` is the cluster's superuser; `app` may log in and own nothing until a migration grants it."""

    owner: str
    app: str

    def __repr__(self) -> str:
        return "PostgresUrls(…)"


def read_urls(data_dir: Path) -> PostgresUrls:
    """The URLs of a server that another process runs. Raises EmbeddedError when none ever did."""
    home = _home(data_dir)
    home.demand_started()
    return _urls(home)


class EmbeddedPostgres:
    """The server of one data directory. `start` and `stop` may be called in any state and again."""

    name = "postgres"

    def __init__(self, data_dir: Path, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        self._home = _home(data_dir)
        self._settings = {**SETTINGS, **settings}
        self._process: Process | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self) -> PostgresUrls:
        """Return when the server takes connections: it runs already, is adopted from a killed run, or new.

        Raises DataDirInUse while another process holds the directory, else EmbeddedError with what to do.
        """
        async with self._turn:
            if self._process is None or not self._process.is_alive:
                await self._start()
            return _urls(self._home)

    async def wait(self) -> int | None:
        """Return when the server has ended, with its exit code unless it was adopted."""
        return None if self._process is None else await self._process.wait()

    async def stop(self) -> None:
        """Disconnect everybody, write everything, end; then the directory is free for others."""
        async with self._turn:
            await self._end()

    async def _start(self) -> None:
        self._home.make()
        self._home.lock()
        try:
            account = server_account(self._home.data)
            programs = postgres_programs(account)
            await self._prepare(programs, account)
            await self._adopt_or_spawn(programs, account)
            await complete(_url(self._home, OWNER, "postgres"), read_password(self._home.data_dir, APP))
        except BaseException:
            await self._end()
            raise

    async def _end(self) -> None:
        process, self._process = self._process, None
        try:
            if process is not None:
                await process.end(*SHUTDOWN)
        finally:
            self._home.unlock()

    async def _prepare(self, programs: Path, account: Account | None) -> None:
        self._home.prepare(account, self._home.log)
        if not self._home.data.exists():
            make_password(self._home.data_dir, OWNER)
            make_password(self._home.data_dir, APP)
        await make_cluster(self._home, programs, account, read_password(self._home.data_dir, OWNER))

    async def _adopt_or_spawn(self, programs: Path, account: Account | None) -> None:
        command = self._command(programs, account)
        old = left_over(self._pid_file, self._home.data, "postgres")
        if old is not None:
            if self._was_started_with(command) and await answers(_url(self._home, OWNER, "postgres")):
                log.info("server_adopted", server=self.name, pid=old.pid)
                self._process = old
                return
            log.warning("server_replaced", server=self.name, pid=old.pid)
            await old.end(*SHUTDOWN)
        await end_strays(self._home.data, "postgres")
        # We hold the lock and no server works here, so a number in it is a zombie's or a stranger's.
        self._pid_file.unlink(missing_ok=True)
        await self._spawn(command, account)

    async def _spawn(self, command: list[str], account: Account | None) -> None:
        self._process = spawn_server(command, self._home.data, self._home.output, account)
        if not await self._is_ready(self._process):
            raise EmbeddedError(f"postgres does not start: {last_lines(self._home.output)}")

    async def _is_ready(self, process: Process) -> bool:
        """False when the process has ended instead."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_TIMEOUT):
                while process.is_alive:
                    if self._says_ready(process.pid):
                        return True
                    await asyncio.sleep(0.01)
                return False
        raise EmbeddedError(f"postgres is not ready after {READY_TIMEOUT:.0f} s: {last_lines(self._home.output)}")

    def _says_ready(self, pid: int) -> bool:
        """The eighth line of postmaster.pid is the server's own word on its state."""
        try:
            lines = self._pid_file.read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _command(self, programs: Path, account: Account | None) -> list[str]:
        ways_in = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": self._home.socket_folder_from_data,
            "unix_socket_permissions": "0700",
        }
        options = [f"--{key}={value}" for key, value in {**self._settings, **ways_in}.items()]
        return [str(programs / "postgres"), "-D", data_argument(self._home.data, account), *options]

    def _was_started_with(self, command: list[str]) -> bool:
        """An orphan of another version or with other settings is not what the caller asks for."""
        try:
            noted = (self._home.data / "postmaster.opts").read_text().strip()
        except FileNotFoundError:
            return False
        # Postgres notes its own place with links resolved.
        return noted == " ".join([os.path.realpath(command[0]), *(f'"{part}"' for part in command[1:])])

    @property
    def _pid_file(self) -> Path:
        return self._home.data / "postmaster.pid"


def _home(data_dir: Path) -> Home:
    return Home(data_dir, "postgres", f".s.PGSQL.{PORT}")


def _urls(home: Home) -> PostgresUrls:
    return PostgresUrls(owner=_url(home, OWNER, "factorlog"), app=_url(home, APP, "factorlog"))


def _url(home: Home, role: str, database: str) -> str:
    password = read_password(home.data_dir, role)
    # The port is said, else asyncpg takes PGPORT from the environment.
    return f"postgresql://{role}:{password}@/{database}?host={home.socket_folder}&port={PORT}"
