"""The passwords of the embedded database's roles, in a folder of their own."""

import os
import secrets  # noqa: TID251 - drawn once for the embedded cluster, before any adapter exists
from pathlib import Path

from services.embedded.errors import EmbeddedError


def read_password(data_dir: Path, role: str) -> str:
    """Raises EmbeddedError when there is none yet or it is not ours to read."""
    try:
        return _file(data_dir, role).read_text().strip()
    except FileNotFoundError as error:
        raise EmbeddedError(f"{_file(data_dir, role)} is missing: restore it, or start with an empty folder") from error
    except PermissionError as error:
        raise EmbeddedError(f"{_file(data_dir, role)} belongs to another user; start as that user") from error


def make_password(data_dir: Path, role: str) -> None:
    """Draw a password unless there is one; durable when the call returns."""
    folder = data_dir / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    if not _file(data_dir, role).exists():
        _write_durably(_file(data_dir, role), secrets.token_urlsafe(32))


def _file(data_dir: Path, role: str) -> Path:
    return data_dir / "secrets" / role


def _write_durably(file: Path, text: str) -> None:
    fresh = file.with_name(f"{file.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(descriptor)
    fresh.replace(file)
