"""Files that are not everybody's: mode 0600, whatever stood in their place."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from services.cli.exits import USAGE, fail


@contextmanager
def private_file(path: Path, *, encoding: str = "utf-8", newline: str | None = None) -> Iterator[TextIO]:
    """A new file, written line by line, in place of an older one of that name."""
    demand_ordinary(path)
    try:
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}", USAGE)
    with os.fdopen(handle, "w", buffering=1, encoding=encoding, newline=newline) as file:
        yield file


def demand_ordinary(path: Path) -> None:
    """To replace a device or a link would be more than was asked for."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        fail(f"{path} is not an ordinary file", USAGE)


def write_privately(path: Path, content: bytes) -> None:
    """There once it is whole, in place of an older one of that name."""
    demand_ordinary(path)
    draft = path.with_name(path.name + ".part")
    try:
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        draft.replace(path)
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}", USAGE)


@contextmanager
def output(path: Path | None, encoding: str) -> Iterator[TextIO]:
    """Standard output, or a file that is there once it is whole."""
    if path is None:
        stream = TextIOWrapper(sys.stdout.buffer, encoding=encoding, newline="", write_through=True)
        try:
            yield stream
        finally:
            stream.detach()
        return
    demand_ordinary(path)
    draft = path.with_name(path.name + ".part")
    with private_file(draft, encoding=encoding, newline="") as file:
        yield file
    draft.replace(path)
