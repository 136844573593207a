"""The supervisor: who dies comes back, a stop leaves nobody."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.embedded.errors import EmbeddedError
from services.embedded.postgres import EmbeddedPostgres
from services.embedded.process import is_running
from services.embedded.processes import Child, Supervisor
from services.embedded.program import Program
from services.embedded.valkey import EmbeddedValkey
from tests.embedded.watching import ask, running, server_pids, until

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
# Both write to the file named first, then sleep.
DEAF = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).touch()
time.sleep(60)
"""
SPEAKER = """
import os, pathlib, sys, time
pathlib.Path(sys.argv[1]).write_text(f"{os.getpid()} {os.environ.get('WORD')}")
print("ready", flush=True)
time.sleep(60)
"""


class Ending:
    """Fails at its next starts, ends at once, and notes what is asked of it."""

    def __init__(self, name: str, notes: list[str], failures: int = 0) -> None:
        self.name = name
        self.starts = 0
        self._notes = notes
        self._failures = failures

    async def start(self) -> None:
        self.starts += 1
        if 1 < self.starts <= 1 + self._failures:
            raise EmbeddedError("not yet")

    async def wait(self) -> int | None:
        return 1

    async def stop(self) -> None:
        self._notes.append(self.name)
        raise EmbeddedError("it does not matter to the others")


@asynccontextmanager
async def supervised(*stages: list[Child]) -> AsyncIterator[None]:
    stop = asyncio.Event()
    run = asyncio.create_task(Supervisor().run(stages, stop))
    try:
        yield
    finally:
        stop.set()
        await run


async def test_every_killed_child_is_back_within_five_seconds_and_a_stop_ends_all(data_dir: Path) -> None:
    postgres, valkey, serve = EmbeddedPostgres(data_dir), EmbeddedValkey(data_dir), Program("serve", SLEEP)
    urls = await postgres.start()
    children: list[EmbeddedPostgres | EmbeddedValkey | Program] = [postgres, valkey, serve]
    async with supervised([postgres], [valkey], [serve]):
        await until(lambda: serve.pid is not None, 5)
        killed = [child.pid for child in children]
        for pid in killed:
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(5):
            await until(lambda: all(map(_is_new, [child.pid for child in children], killed)), 5)
            # It is back when it answers, not when it runs.
            await postgres.start()
            await valkey.start()
        assert await ask(urls.app, "SELECT 1") == 1
        living = [child.pid for child in children]
    assert not [pid for pid in living if pid is None or is_running(pid)]


async def test_an_adopted_server_comes_back_too(data_dir: Path) -> None:
    async with running(data_dir, "valkey") as run:
        (orphan,) = server_pids(data_dir / "valkey" / "data")
        run.kill()
    valkey = EmbeddedValkey(data_dir)
    async with supervised([valkey]):
        await until(lambda: valkey.pid == orphan, 5)
        os.kill(orphan, signal.SIGKILL)
        await until(lambda: _is_new(valkey.pid, orphan), 5)


async def test_a_child_that_keeps_dying_is_started_less_and_less_often() -> None:
    child = Ending("ending", [])
    stop = asyncio.Event()
    run = asyncio.create_task(Supervisor(pauses=(0.0, 0.05, 30.0)).run([[child]], stop))
    await until(lambda: child.starts == 3, 5)
    await asyncio.sleep(0.1)
    assert child.starts == 3
    stop.set()
    await run


async def test_a_child_that_cannot_come_back_at_once_is_tried_again() -> None:
    child = Ending("ending", [], failures=2)
    stop = asyncio.Event()
    run = asyncio.create_task(Supervisor(pauses=(0.0,)).run([[child]], stop))
    await until(lambda: child.starts > 4, 5)
    stop.set()
    await run


async def test_the_last_stage_stops_first_and_one_failure_does_not_keep_the_others() -> None:
    notes: list[str] = []
    stop = asyncio.Event()
    stop.set()
    await Supervisor().run([[Ending("one", notes)], [Ending("two", notes)], [Ending("three", notes)]], stop)
    assert notes == ["three", "two", "one"]


async def test_a_run_that_is_cancelled_stops_its_children() -> None:
    program = Program("serve", SLEEP)
    run = asyncio.create_task(Supervisor().run([[program]], asyncio.Event()))
    await until(lambda: program.pid is not None, 5)
    pid = program.pid
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert pid is not None
    assert not is_running(pid)


async def test_a_program_that_does_not_listen_is_killed_after_its_grace(tmp_path: Path) -> None:
    program = Program("deaf", [sys.executable, "-c", DEAF, str(tmp_path / "said")], grace=0.2)
    await program.start()
    await until((tmp_path / "said").exists, 5)
    pid = program.pid
    await program.stop()
    assert pid is not None
    assert not is_running(pid)


async def test_a_program_gets_the_environment_that_it_is_given(tmp_path: Path) -> None:
    said = tmp_path / "said"
    program = Program("speaker", [sys.executable, "-c", SPEAKER, str(said)], environment={"WORD": "hello"})
    await program.start()
    await until(lambda: said.exists() and said.read_text() != "", 5)
    assert said.read_text() == f"{program.pid} hello"
    await program.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux sends a signal at the parent's death")
async def test_a_program_dies_with_its_killed_parent(tmp_path: Path) -> None:
    async with running("program", sys.executable, "-c", SPEAKER, tmp_path / "said") as run:
        pid = int((tmp_path / "said").read_text().split()[0])
        assert is_running(pid)
        run.kill()
        await until(lambda: not is_running(pid), 5)


def _is_new(pid: int | None, old: int | None) -> bool:
    return pid is not None and pid != old
