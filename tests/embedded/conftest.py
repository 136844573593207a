"""Data directories that are short, private, and empty of processes at the end."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from services.embedded.postgres import EmbeddedPostgres
from tests.embedded.watching import server_pids


@pytest.fixture
def parent() -> Iterator[Path]:
    """A folder that the servers' user cannot pass (0700), near the root so that sockets fit."""
    with tempfile.TemporaryDirectory(prefix="fl-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
        _end_all_below(Path(folder))


@pytest.fixture
def empty(parent: Path) -> Path:
    """A data directory that does not exist yet."""
    return parent / "d"


@pytest.fixture(scope="session")
def prepared() -> Iterator[Path]:
    """A data directory after a first run: making one takes too long to do it for each test."""
    with tempfile.TemporaryDirectory(prefix="fl-", ignore_cleanup_errors=True) as folder:
        asyncio.run(_prepare(Path(folder, "d")))
        yield Path(folder, "d")


@pytest.fixture
def data_dir(prepared: Path) -> Iterator[Path]:
    """The shared data directory; no server runs there, before and after."""
    yield prepared
    _end_all_below(prepared.parent)


@pytest.fixture
def long_data_dir(parent: Path, data_dir: Path) -> Iterator[Path]:
    """A way to it that is too long for a socket's path and has blanks in it."""
    long = parent / ("a long name " * 10).strip()
    long.symlink_to(data_dir)
    yield long
    for note in data_dir.glob("*/socket-folder"):
        shutil.rmtree(note.read_text(), ignore_errors=True)
        note.unlink()


async def _prepare(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    await server.start()
    await server.stop()


def _end_all_below(folder: Path) -> None:
    for data in folder.glob("**/d/*/data"):
        for pid in server_pids(data):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
