"""What the tests see of processes, files and URLs."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from services.embedded.process import is_running


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def server_pids(data: Path) -> list[int]:
    """The servers that say they work in this folder; zombies do not count."""
    found = []
    for name in ("postmaster.pid", "valkey.pid"):
        file = data / name
        if file.exists() and (words := file.read_text().split()) and is_running(int(words[0])):
            found.append(int(words[0]))
    return found


async def until(condition: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nothing tells us
            await asyncio.sleep(0.02)


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def tell_valkey(url: str, *words: str) -> str:
    """One command to the socket of a `unix://…` URL, its answer as it is on the wire."""
    found = re.fullmatch(r"unix://(/.+)\?db=0", url)
    assert found is not None
    reader, writer = await asyncio.open_unix_connection(found[1])
    try:
        writer.write(" ".join(words).encode() + b"\r\nQUIT\r\n")
        return (await reader.read()).decode()
    finally:
        writer.close()


@asynccontextmanager
async def running(*arguments: str | Path) -> AsyncIterator[subprocess.Popen[str]]:
    """A second Python, ready when it has printed its first line, killed at the end."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.embedded.another_run", *map(str, arguments)],
        cwd=Path(__file__).parents[2],
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        await asyncio.to_thread(child.stdout.readline)
        yield child
        child.kill()
