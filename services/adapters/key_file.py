"""The local key file: key-encryption keys as base64, one a line, the current one first; never in the database."""

import base64
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

from events.sealing import Random

KEY_BYTES: Final = 32
EXAMPLE_KEY: Final = b"factorlog example key, replace me"[:KEY_BYTES]

# Differs once a file was changed or replaced; None: it cannot be looked at.
Signature: TypeAlias = tuple[int, ...] | None


class KeyRefused(Exception):
    """The key file is missing, malformed, all zero, an example, or readable by others: do not start."""


def signature(path: Path) -> Signature:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def read_key_file(path: Path) -> tuple[bytes, ...]:
    """The keys of a file, the current one first. Raises KeyRefused with a reason for the operator."""
    try:
        with path.open(encoding="ascii") as file:
            mode = os.fstat(file.fileno()).st_mode
            keys = tuple(base64.b64decode(line.strip(), validate=True) for line in file.read().strip().split("\n"))
    except FileNotFoundError as error:
        raise KeyRefused(f"the key file {path} does not exist") from error
    except (ValueError, OSError) as error:
        raise KeyRefused(f"the key file {path} cannot be read as base64") from error
    if mode & 0o077:
        raise KeyRefused(f"the key file {path} is readable by others; its mode must be 0600")
    for number, key in enumerate(keys, 1):
        _demand_good(key, f"the key in line {number} of {path}")
    if len(set(keys)) < len(keys):
        raise KeyRefused(f"the key file {path} holds the same key twice")
    return keys


def _demand_good(key: bytes, where: str) -> None:
    if len(key) != KEY_BYTES:
        raise KeyRefused(f"{where} has {len(key)} bytes instead of {KEY_BYTES}")
    if len(set(key)) < KEY_BYTES // 4 or key == EXAMPLE_KEY:
        raise KeyRefused(f"{where} is a zero or example key")


def create_key_file(path: Path, random: Random) -> None:
    """A fresh key, mode 0600, unless the file exists."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb") as file:
        file.write(_lines((random(KEY_BYTES),)))


def replace_key_file(path: Path, keys: Sequence[bytes]) -> None:
    """Other keys in the same file: whole or not at all, and durable when this returns. Raises KeyRefused."""
    target = path.resolve()
    draft = target.with_name(target.name + ".new")
    try:
        owner = target.stat()
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
                # Root rotates what the service, who is somebody else, has to read.
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(_lines(keys))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
        with _opened_folder(target) as folder:
            os.fsync(folder)
    except OSError as error:
        by_hand = "docs/keys.md says how to change it by hand"
        raise KeyRefused(f"the key file {path} cannot be replaced ({error.strerror}); {by_hand}") from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody else changes the keys meanwhile. The folder is locked, as the file itself is replaced."""
    with _opened_folder(path.resolve()) as folder:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise KeyRefused(f"another command is changing the keys in {path}") from error
        yield


@contextmanager
def _opened_folder(path: Path) -> Iterator[int]:
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)


def _lines(keys: Sequence[bytes]) -> bytes:
    return b"".join(base64.b64encode(key) + b"\n" for key in keys)
