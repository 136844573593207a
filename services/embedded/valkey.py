"""The embedded Valkey: the workers' doorbell, reached through its socket only."""

import asyncio
import re
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Final

import structlog

from services.embedded.account import Account, server_account
from services.embedded.binaries import valkey_server
from services.embedded.errors import EmbeddedError
from services.embedded.home import Home
from services.embedded.process import Process, end_strays, last_lines, left_over, spawn_server

log = structlog.get_logger()

SOCKET = "valkey.sock"
PID_FILE = "valkey.pid"
# Seconds. Reading its file again after a long run is what may take long.
READY_TIMEOUT = 60.0
ANSWER_TIMEOUT = 1.0
SHUTDOWN = ((SIGTERM, 10.0), (SIGKILL, 5.0))

OPTIONS: Final = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "dir": ".",
    "pidfile": PID_FILE,
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    # Full, it refuses: a queue that forgets at will is worse than one that says no.
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
    "loglevel": "warning",
    "logfile": "",
}


def read_url(data_dir: Path) -> str:
    """The URL of a server that another process runs. Raises EmbeddedError when none ever did."""
    home = _home(data_dir)
    home.demand_started()
    return _url(home)


class EmbeddedValkey:
    """The server of one data directory. `start` and `stop` may be called in any state and again."""

    name = "valkey"

    def __init__(self, data_dir: Path) -> None:
        self._home = _home(data_dir)
        self._process: Process | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self) -> str:
        """Return its URL when the server answers: it runs already, is adopted from a killed run, or new.

        Raises DataDirInUse while another process holds the directory, else EmbeddedError with what to do.
        """
        async with self._turn:
            if self._process is None or not self._process.is_alive:
                await self._start()
            return _url(self._home)

    async def wait(self) -> int | None:
        """Return when the server has ended, with its exit code unless it was adopted."""
        return None if self._process is None else await self._process.wait()

    async def stop(self) -> None:
        """Write everything and end; then the directory is free for others."""
        async with self._turn:
            await self._end()

    async def _start(self) -> None:
        self._home.make()
        self._home.lock()
        try:
            account = server_account(self._home.data)
            self._home.prepare(account, self._home.data)
            await self._adopt_or_spawn(account)
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

    async def _adopt_or_spawn(self, account: Account | None) -> None:
        pid_file = self._home.data / PID_FILE
        old = left_over(pid_file, self._home.data, "valkey-server")
        if old is not None and await _answering_pid(self._home) == old.pid:
            log.info("server_adopted", server=self.name, pid=old.pid)
            self._process = old
            return
        if old is not None:
            log.warning("server_replaced", server=self.name, pid=old.pid)
            await old.end(*SHUTDOWN)
        # Two servers on one file would destroy it: one may live that had no time to write its number.
        await end_strays(self._home.data, "valkey-server")
        pid_file.unlink(missing_ok=True)
        self._process = spawn_server(_command(self._home, account), self._home.data, self._home.output, account)
        await self._until_ready(self._process)

    async def _until_ready(self, process: Process) -> None:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + READY_TIMEOUT
        while await _answering_pid(self._home) != process.pid:
            if not process.is_alive:
                raise EmbeddedError(f"valkey does not start: {last_lines(self._home.output)}")
            if loop.time() > give_up:
                raise EmbeddedError(f"valkey is not ready after {READY_TIMEOUT:.0f} s")
            await asyncio.sleep(0.01)


def _home(data_dir: Path) -> Home:
    return Home(data_dir, "valkey", SOCKET)


def _url(home: Home) -> str:
    return f"unix://{home.socket_folder / SOCKET}?db=0"


def _command(home: Home, account: Account | None) -> list[str]:
    options = {**OPTIONS, "unixsocket": f"{home.socket_folder_from_data}/{SOCKET}"}
    pairs = [part for key, value in options.items() for part in (f"--{key}", value)]
    return [str(valkey_server(account)), *pairs]


async def _answering_pid(home: Home) -> int | None:
    """Who answers on our socket and has read its file; None while nobody does."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            said = await _ask(home.socket_folder / SOCKET, b"PING\r\nINFO server\r\nQUIT\r\n")
    except (OSError, TimeoutError):
        return None
    # While it still reads its file, PING is answered with an error instead.
    found = re.search(rb"^process_id:(\d+)", said, re.MULTILINE)
    return int(found[1]) if found is not None and said.startswith(b"+PONG") else None


async def _ask(socket: Path, question: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        writer.write(question)
        return await reader.read()
    finally:
        writer.close()
