"""The unprivileged user that the servers run as when Factorlog is started by root."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from services.embedded.errors import EmbeddedError

CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """An existing user of this machine without rights of its own."""

    uid: int
    gid: int


def server_account(data: Path) -> Account | None:
    """The owner of `data`, else the first candidate; None when we are not root: they run as ourselves."""
    if os.geteuid() != 0:
        return None
    return _owner(data) or _first_candidate()


def hand_over(path: Path, account: Account | None, mode: int) -> None:
    """Give `path` to the account (to nobody else when it is None) with exactly this mode."""
    try:
        if account is not None:
            os.chown(path, account.uid, account.gid)
        os.chmod(path, mode)
    except PermissionError as error:
        raise EmbeddedError(f"{path} cannot be handed to the servers' user: {error.strerror}") from error


def _owner(data: Path) -> Account | None:
    if not data.is_dir():
        return None
    status = data.stat()
    return Account(status.st_uid, status.st_gid) if status.st_uid != 0 else None


def _first_candidate() -> Account:
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(f"root needs one of the users {', '.join(CANDIDATES)}; or start as an ordinary user")
