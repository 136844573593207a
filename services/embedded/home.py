"""The folders of one embedded server below the data directory, and the lock that keeps others out.

DATA_DIR/                 ours, 0700 when we make it, else as it is
  secrets/                ours, 0700
  postgres/ valkey/       ours, 0710 for the servers' group (0700 when the servers run as ourselves)
    data/ socket/ log/    the servers' user, 0700
"""

import fcntl
import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from services.embedded.account import Account, hand_over
from services.embedded.errors import DataDirInUse, EmbeddedError

# sun_path holds 108 bytes with its closing zero on Linux, 104 on macOS.
SOCKET_PATH_BYTES = 103
# Clients disagree on how a URL quotes anything else (arq never unquotes, asyncpg splits at commas).
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")


@dataclass(slots=True)
class Home:
    """One server's folders and files."""

    data_dir: Path
    name: str
    socket_name: str
    path: Path = field(init=False)
    _lock: int | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.data_dir = self.data_dir.absolute()
        self.path = self.data_dir / self.name

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def output(self) -> Path:
        """What the server printed since its last start."""
        return self.path / "output"

    @property
    def socket_folder(self) -> Path:
        """Where clients find the socket: below the data directory, else a short folder noted there."""
        own = self.path / "socket"
        if _fits(own / self.socket_name):
            return own
        return Path(self._socket_note.read_text().strip())

    @property
    def socket_folder_from_data(self) -> str:
        """The same folder as the server names it: relative, so that no parent's mode can keep it out."""
        return "../socket" if self.socket_folder.parent == self.path else str(self.socket_folder)

    @property
    def _socket_note(self) -> Path:
        return self.path / "socket-folder"

    def make(self) -> None:
        """Make the data directory and the server's folder, for us alone; modes of what exists stay."""
        try:
            self.data_dir.parent.mkdir(parents=True, exist_ok=True)
            self.data_dir.mkdir(mode=0o700, exist_ok=True)
            self.path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise EmbeddedError(f"{self.path} cannot be made: {error.strerror}") from error

    def prepare(self, account: Account | None, *folders: Path) -> None:
        """Let the server's user through, and make its socket's folder and these."""
        if account is not None:
            os.chown(self.path, -1, account.gid)
        self.path.chmod(0o710 if account else 0o700)
        for folder in (self._usable_socket_folder(account), *folders):
            folder.mkdir(mode=0o700, exist_ok=True)
            hand_over(folder, account, 0o700)

    def lock(self) -> None:
        """Hold the server's folder until `unlock`. Raises DataDirInUse; again by the holder is fine."""
        if self._lock is not None:
            return
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            # Children do not inherit the descriptor: the lock ends with us, not with an orphaned server.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise DataDirInUse(f"{self.data_dir} is in use by process {holder}") from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._lock = descriptor

    def demand_started(self) -> None:
        """Raises EmbeddedError unless the server's files are there."""
        if not self.data.is_dir():
            raise EmbeddedError(f"{self.name} was never started in {self.data_dir}")

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _usable_socket_folder(self, account: Account | None) -> Path:
        own = self.path / "socket"
        if _fits(own / self.socket_name):
            return own
        noted = self.socket_folder if self._socket_note.exists() else None
        if noted is None or not _is_private(noted, account):
            noted = Path(tempfile.mkdtemp(prefix="factorlog-"))
            self._socket_note.write_text(str(noted))
        if not _fits(noted / self.socket_name):
            raise EmbeddedError(f"{self.data_dir} and {noted.parent} are both too long for a socket's path")
        return noted


def _fits(socket: Path) -> bool:
    plain = PLAIN_PATH.fullmatch(str(socket)) is not None
    return plain and len(os.fsencode(socket)) <= SOCKET_PATH_BYTES


def _is_private(folder: Path, account: Account | None) -> bool:
    """Others may write where it stands: a link or a foreign folder of that name is not ours."""
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return False
    owner = account.uid if account else os.geteuid()
    return status.st_mode == 0o040700 and status.st_uid == owner
