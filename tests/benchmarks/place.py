"""The embedded default in a folder of its own: servers, API process, floors and load, each a process."""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg

from services.adapters.migrations import migrate
from services.bootstrap import Runtime, runtime
from services.cli.places import settings_for
from services.cli.up import MIGRATIONS
from services.embedded.postgres import EmbeddedPostgres, PostgresUrls
from services.embedded.valkey import EmbeddedValkey
from tests.benchmarks import machine
from tests.benchmarks.figures import Sample
from tests.benchmarks.floors import SCHEMA
from tests.support.processes import Child, environment, free_port, spawn

_ROOT: Final = Path(__file__).parents[2]


class BenchmarkFailed(Exception):
    """An answer was not the right one: nothing that was measured counts."""


@dataclass
class Server:
    """A listening process: the API, or a floor."""

    child: Child
    port: int

    @property
    def pid(self) -> int:
        return self.child.pid


@dataclass
class Place:
    """What every measurement works on."""

    folder: Path
    urls: PostgresUrls
    postgres_pid: int
    parts: Runtime
    seconds: float
    rounds: int
    quick: bool
    load: "subprocess.Popen[str]"
    servers: dict[str, Server] = field(default_factory=dict)

    @property
    def data_dir(self) -> Path:
        return self.folder / "d"

    async def server(self, name: str) -> Server:
        """`api`, `bare` or `dispatched`; started when it is first asked for."""
        if name not in self.servers:
            port = free_port()
            child = self._api(port) if name == "api" else self._floor(name, port)
            self.servers[name] = Server(child, port)
            await child.ready()
        return self.servers[name]

    async def measured(self, server: str, **job: Any) -> tuple[Sample, int]:
        """One load on one server, and how many people it took."""
        target = await self.server(server)
        before = self._times(target)
        answer = await asyncio.to_thread(self._load, {"port": target.port, **job})
        if answer["wrong"]:
            raise BenchmarkFailed(f"{server} answered {answer['wrong'][0]}")
        cpu, postgres, busy = (b - a for a, b in zip(before, self._times(target), strict=True))
        sample = Sample(
            operations=answer["operations"],
            seconds=answer["seconds"],
            cpu=cpu,
            postgres_cpu=postgres,
            p50=answer["p50"],
            p95=answer["p95"],
            p99=answer["p99"],
            others=machine.share_of_others(answer["seconds"], busy, cpu + postgres + answer["cpu"]),
        )
        return sample, answer["used"]

    def _times(self, server: Server) -> tuple[float, float, float]:
        postgres = machine.tree_cpu_seconds(self.postgres_pid)
        return machine.cpu_seconds(server.pid), postgres, machine.busy_seconds()

    @asynccontextmanager
    async def owner(self) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(self.urls.owner)
        try:
            yield connection
        finally:
            await connection.close()

    async def settle(self) -> None:
        """Statistics, and no checkpoint in the middle of what comes."""
        async with self.owner() as connection:
            await connection.execute("VACUUM ANALYZE")
            await connection.execute("CHECKPOINT")

    def close(self) -> None:
        self.load.kill()
        for server in self.servers.values():
            with suppress(subprocess.TimeoutExpired):
                server.child.stop()
            server.child.kill()

    def _load(self, job: dict[str, Any]) -> dict[str, Any]:
        assert self.load.stdin is not None
        assert self.load.stdout is not None
        self.load.stdin.write(json.dumps(job) + "\n")
        self.load.stdin.flush()
        line = self.load.stdout.readline()
        if not line:
            raise BenchmarkFailed("the load generator ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _api(self, port: int) -> Child:
        return spawn(self.folder, "serve", "--data-dir", self.data_dir, "--port", str(port))

    def _floor(self, kind: str, port: int) -> Child:
        out, err = self.folder / f"{kind}.out", self.folder / f"{kind}.err"
        command = [sys.executable, "-m", "tests.benchmarks.floors", kind, str(self.data_dir), str(port)]
        with out.open("wb") as said, err.open("wb") as complained:
            process = subprocess.Popen(
                command,
                cwd=_ROOT,
                env=environment(),
                stdout=said,
                stderr=complained,
                # Like the API process: schedulers share the machine out by session.
                start_new_session=True,
            )
        return Child(process, out, err)


@asynccontextmanager
async def opened(*, seconds: float, rounds: int, quick: bool) -> AsyncIterator[Place]:
    """Everything runs; nothing is left at the end. On the file system of the checkout: /tmp may be memory."""
    parent = _ROOT / "bench"
    parent.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=parent))
    postgres, valkey = EmbeddedPostgres(folder / "d"), EmbeddedValkey(folder / "d")
    try:
        urls, _ = await asyncio.gather(postgres.start(), valkey.start())
        await migrate(urls.owner, MIGRATIONS)
        async with runtime(settings_for(folder / "d")) as parts:
            assert postgres.pid is not None
            place = Place(folder, urls, postgres.pid, parts, seconds, rounds, quick, _load_process())
            try:
                async with place.owner() as connection:
                    await connection.execute(SCHEMA)
                yield place
            finally:
                await asyncio.to_thread(place.close)
    finally:
        await valkey.stop()
        await postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _load_process() -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.client"],
        cwd=_ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
