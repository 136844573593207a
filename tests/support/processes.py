"""The real programs as child processes: `factorlog up`, `serve` and `work` on a data directory of their own."""

import asyncio
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import aiohttp
import asyncpg
import pytest

from services.embedded.process import is_running
from tests.support.people import Portal

SOAK: Final = "FACTORLOG_SOAK" in os.environ

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_PROGRAM: Final = (sys.executable, "-m", "services")
# Whatever ends the tests, what they started is asked to stop: PR_SET_PDEATHSIG outlives exec.
_TETHERED: Final = (
    sys.executable,
    "-IS",
    "-c",
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])",
)
_READY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 45.0


def environment(**more: str) -> dict[str, str]:
    """Ours without any setting of Factorlog, and these."""
    rest = {name: value for name, value in os.environ.items() if not name.startswith("FACTORLOG_")}
    if rest.pop("PYTHONDONTWRITEBYTECODE", None):
        # Compiling everything again doubles what a start takes.
        rest["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir(), f"factorlog-tests-{os.geteuid()}"))
    return {**rest, **more}


def free_port() -> int:
    """Below the ephemeral ones: a client of some other test must not get it as its own while nobody listens."""
    for port in random.sample(range(12_000, 30_000), 200):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


async def eventually(condition: Callable[[], Any], seconds: float, what: str = "") -> Any:
    """What the condition gives once it is true; an awaitable is awaited. Fails after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < until, f"not within {seconds} s: {what or condition}"
        await asyncio.sleep(0.02)


def wait_until(condition: Callable[[], Any], seconds: float, what: str = "") -> Any:
    """The same outside of a loop."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"not within {seconds} s: {what or condition}"
        time.sleep(0.02)
    return found


@dataclass
class Child:
    """A `factorlog …` that was started here; what it prints is in files."""

    process: "subprocess.Popen[bytes]"
    out: Path
    err: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    @property
    def said(self) -> str:
        """Its standard output."""
        return self.out.read_text()

    @property
    def complaints(self) -> str:
        """Its standard error."""
        return self.err.read_text()

    @property
    def is_ready(self) -> bool:
        return "ready http://" in self.said

    def wait_ready(self) -> None:
        wait_until(lambda: self.is_ready or not self.is_alive, _READY_SECONDS, "ready")
        assert self.is_ready, f"ended with {self.process.returncode}: {self.complaints[-2000:]}"

    async def ready(self) -> None:
        await eventually(lambda: self.is_ready or not self.is_alive, _READY_SECONDS, "ready")
        assert self.is_ready, f"ended with {self.process.returncode}: {self.complaints[-2000:]}"

    def send(self, number: signal.Signals) -> None:
        if self.is_alive:
            self.process.send_signal(number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """The exit code after SIGTERM."""
        self.send(signal.SIGTERM)
        return self.process.wait(_STOP_SECONDS)

    async def ended(self, seconds: float = _STOP_SECONDS) -> int:
        await eventually(lambda: not self.is_alive, seconds, "the end of a process")
        return int(self.process.returncode)


def spawn(
    folder: Path, *arguments: str | Path, env: Mapping[str, str] | None = None, code: Path | None = None
) -> Child:
    """Start `factorlog ARGUMENTS`, of another tree when `code` is one; its output goes to files in `folder`."""
    name = f"{arguments[0]}-{time.monotonic_ns()}"
    out, err = folder / f"{name}.out", folder / f"{name}.err"
    with out.open("wb") as said, err.open("wb") as complained:
        process = subprocess.Popen(
            [*_TETHERED, *_PROGRAM, *map(str, arguments)],
            # `python -m` takes the working folder's packages before all others.
            cwd=code,
            env=dict(env) if env is not None else environment(),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=complained,
            start_new_session=True,
        )
    return Child(process, out, err)


@dataclass(frozen=True, slots=True)
class Said:
    """What a command that has ended said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def command(
    *arguments: str | Path, env: Mapping[str, str] | None = None, given: str | None = None, seconds: float = 60
) -> Said:
    """Run `factorlog ARGUMENTS` to its end."""
    done = subprocess.run(
        [*_PROGRAM, *map(str, arguments)],
        env=dict(env) if env is not None else environment(),
        input=given if given is not None else "",
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


@dataclass
class Installation:
    """One data directory with what runs on it."""

    folder: Path  # ours; the data directory is below it
    port: int
    demo: bool = True
    code: Path | None = None  # another tree's programs, for those that are started from now on
    up: Child = field(init=False)
    others: list[Child] = field(default_factory=list)
    _admin: tuple[str, float] | None = None

    @property
    def data_dir(self) -> Path:
        return self.folder / "d"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def document(self) -> dict[str, Any]:
        """`demo.json`."""
        document: dict[str, Any] = json.loads((self.data_dir / "demo.json").read_text())
        return document

    def user(self, login: str) -> dict[str, Any]:
        """One of the demo's people."""
        return next(user for user in self.document["users"] if user["login"] == login)

    def start(self, **env: str) -> Child:
        """`factorlog up`, not awaited."""
        demo = ["--demo"] if self.demo else []
        words: list[str | Path] = ["up", "--data-dir", self.data_dir, "--port", str(self.port), *demo]
        self.up = spawn(self.folder, *words, env=environment(**env), code=self.code)
        return self.up

    def serve(self, **env: str) -> tuple[Child, str]:
        """A further API process, not awaited, and its address."""
        port = free_port()
        words: list[str | Path] = ["serve", "--data-dir", self.data_dir, "--port", str(port)]
        child = spawn(self.folder, *words, env=environment(**env), code=self.code)
        self.others.append(child)
        return child, f"http://127.0.0.1:{port}"

    def forking(self) -> "Forking":
        """Makes many API processes quickly."""
        made = Forking.on(self)
        self.others.append(made.parent)
        return made

    def work(self) -> Child:
        """A further worker."""
        child = spawn(self.folder, "work", "--data-dir", self.data_dir, code=self.code)
        self.others.append(child)
        return child

    def pids(self, *words: str) -> list[int]:
        """Living processes whose command line holds all these words and this data directory."""
        wanted = (*words, str(self.data_dir))
        return [pid for pid, line in _command_lines() if all(word in line for word in wanted)]

    def child_pid(self, program: str) -> int | None:
        """The supervised `serve` or `work`."""
        module = {"serve": "services serve", "work": "workers"}[program]
        return next((pid for pid in self.pids(f"-m {module}") if _parent(pid) == self.up.pid), None)

    def postgres_pid(self) -> int:
        """The postmaster."""
        return int((self.data_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0])

    def valkey_pid(self) -> int:
        return int((self.data_dir / "valkey" / "data" / "valkey.pid").read_text().split()[0])

    def server_pids(self) -> list[int]:
        """Every process that works in one of the servers' folders, backends too."""
        data = {self.data_dir / name / "data" for name in ("postgres", "valkey")}
        return [pid for pid in _all_pids() if _working_folder(pid) in data and is_running(pid)]

    def postgres_pids(self) -> list[int]:
        """The postmaster and its backends."""
        data = self.data_dir / "postgres" / "data"
        return [pid for pid in _all_pids() if _working_folder(pid) == data and is_running(pid)]

    async def living_valkey(self) -> int:
        """Its pid, once it runs: after a kill the file names the dead one until the next has started."""

        def runs() -> bool:
            with suppress(FileNotFoundError, IndexError, ValueError):
                return is_running(self.valkey_pid())
            return False

        await eventually(runs, 30, "Valkey is back")
        return self.valkey_pid()

    @asynccontextmanager
    async def frozen(self, pids: list[int]) -> AsyncIterator[None]:
        """These processes stand still."""
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    @asynccontextmanager
    async def portal(self, *urls: str) -> AsyncIterator[Portal]:
        """A client from an address of its own, for the supervised API process or these."""
        async with Portal.opened(urls or (self.url,)) as portal:
            yield portal

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Connection]:
        """As the owner."""
        connection: Connection = await asyncpg.connect(self.document["database_url"], timeout=10)
        try:
            yield connection
        finally:
            await connection.close()

    async def admin(self) -> str:
        """A fresh session of Acme's administrator, shared for as long as it is fresh."""
        if self._admin is None or time.monotonic() - self._admin[1] > 200:
            anna = self.user("anna.admin")
            async with self.portal() as portal:
                account = portal.known(anna)
                self._admin = await portal.sign_in(account), time.monotonic()
        return self._admin[0]

    async def answers(self, url: str | None = None) -> bool:
        """Does this process say that it is ready?"""
        timeout = aiohttp.ClientTimeout(total=3)
        async with aiohttp.ClientSession(timeout=timeout) as client:
            try:
                async with client.get(f"{url or self.url}/readyz") as answer:
                    return answer.status == 200
            except (aiohttp.ClientError, TimeoutError):
                return False

    @property
    def unexpected(self) -> list[str]:
        """What any process wrote about things that nobody expected; what is no JSON is a traceback or a warning."""
        lines = [line for file in sorted(self.folder.glob("*.err")) for line in file.read_text().splitlines()]
        marks = ("unexpected_error", "_broken", "never retrieved")
        return [line for line in lines if not line.startswith("{") or any(mark in line for mark in marks)]

    def close(self) -> None:
        """End everything that was started here."""
        for child in self.others:
            child.kill()
        if hasattr(self, "up"):
            self.up.send(signal.SIGCONT)
            with suppress(subprocess.TimeoutExpired):
                self.up.stop()
            self.up.kill()
        for pid in [*self.pids(), *self.server_pids()]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@dataclass
class Forking:
    """Forks API processes that have imported everything; see forked_serve.py."""

    installation: Installation
    parent: Child

    @classmethod
    def on(cls, installation: Installation) -> "Forking":
        out, err = installation.folder / "forking.out", installation.folder / "forking.err"
        with out.open("wb") as said, err.open("wb") as complained:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.forked_serve", str(installation.data_dir)],
                cwd=Path(__file__).parents[2],
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=complained,
                start_new_session=True,
            )
        return cls(installation, Child(process, out, err))

    async def serve(self) -> tuple[int, str]:
        """The number and the address of a new process that is ready."""
        port, before = free_port(), len(self.parent.said.split())
        assert self.parent.process.stdin is not None
        self.parent.process.stdin.write(f"{port}\n".encode())
        self.parent.process.stdin.flush()
        said = await eventually(lambda: self.parent.said.split()[before:], 20, "a forked process")
        url = f"http://127.0.0.1:{port}"
        await eventually(lambda: self.installation.answers(url), 20, "a forked process that serves")
        return int(said[0]), url

    def close(self) -> None:
        assert self.parent.process.stdin is not None
        self.parent.process.stdin.close()
        self.parent.kill()


def _all_pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _command_lines() -> Iterator[tuple[int, str]]:
    for pid in _all_pids():
        with suppress(OSError):
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if pid != os.getpid() and is_running(pid):
                yield pid, line


def _working_folder(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return None


def _parent(pid: int) -> int | None:
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return None


def resident_mebibytes(pid: int) -> float:
    """The memory that a process holds now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def new_installation(*, demo: bool = True) -> Iterator[Installation]:
    """A short, private folder, empty of processes at the end; nothing is started yet."""
    if sys.platform != "linux":
        pytest.skip("looks at processes in /proc")
    # Short, so that sockets fit; all names of the directory tree may be passed by the servers' user.
    folder = Path(tempfile.mkdtemp(prefix="fl-"))
    made = Installation(folder, free_port(), demo)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """`factorlog up --demo`, started once a worker: about three seconds. Tests leave it running."""
    with new_installation() as made:
        made.start()
        made.up.wait_ready()
        yield made
