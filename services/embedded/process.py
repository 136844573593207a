"""One child process, started by us or left by a killed run."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from services.embedded.account import Account
from services.embedded.errors import EmbeddedError

# How often a process is looked at: soon after its start, and at the latest (seconds).
FIRST_LOOK = 0.005
LONGEST_LOOK = 0.5

# Nothing of ours leaks into a server: PGPORT and its like would change it.
SERVER_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/local/bin:/usr/bin:/bin"}


class Process:
    """A running process; an adopted one is not our child, so its exit code stays unknown."""

    def __init__(self, pid: int, child: subprocess.Popen[bytes] | None = None) -> None:
        self.pid = pid
        self._child = child

    @property
    def is_alive(self) -> bool:
        return is_running(self.pid) if self._child is None else self._child.poll() is None

    async def wait(self) -> int | None:
        """Return when the process has ended, with its exit code if it was our child."""
        look = FIRST_LOOK
        while self.is_alive:
            await asyncio.sleep(look)
            look = min(look * 1.5, LONGEST_LOOK)
        return None if self._child is None else self._child.returncode

    async def end(self, *steps: tuple[signal.Signals, float]) -> None:
        """Send each signal in turn until the process has ended within the seconds given to it."""
        for number, grace in steps:
            self._send(number)
            # A frozen process takes no signal but this one and SIGKILL.
            self._send(signal.SIGCONT)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self.wait()
                    return
        raise EmbeddedError(f"process {self.pid} does not end")

    def _send(self, number: signal.Signals) -> None:
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def spawn_server(command: Sequence[str], folder: Path, output: Path, account: Account | None) -> Process:
    """Start a server in `folder` as the account, in a session that Ctrl-C does not reach."""
    # Popen and not asyncio's: uvloop knows no `user=`.
    try:
        output.touch(mode=0o600)
        with output.open("wb") as printed:
            child = subprocess.Popen(
                command,
                cwd=folder,
                env=SERVER_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
                user=account.uid if account else None,
                group=account.gid if account else None,
                # Not empty: some Pythons keep root's groups then (CVE-2023-6507).
                extra_groups=[account.gid] if account else None,
            )
    except OSError as error:
        raise EmbeddedError(f"{command[0]} cannot be started: {error.strerror}") from error
    return Process(child.pid, child)


def is_running(pid: int) -> bool:
    """Whether the process lives; one that only waits to be reaped does not."""
    if sys.platform != "linux":
        return _exists(pid)
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    # The name in brackets may itself hold brackets and blanks.
    return status.rpartition(")")[2].split()[0] not in "ZX"


def left_over(pid_file: Path, folder: Path, program: str) -> Process | None:
    """The server of a killed run that still works in `folder`; a number alone says nothing, it is reused."""
    try:
        pid = int(pid_file.read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None
    return Process(pid) if is_running(pid) and _is_server(pid, folder, program) else None


async def end_strays(folder: Path, program: str) -> None:
    """Kill what a dead server left working in `folder`: a busy backend holds its memory for hours."""
    if sys.platform == "linux":
        pids = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
        for pid in pids:
            if _is_server(pid, folder, program):
                await Process(pid).end((signal.SIGKILL, 5.0))


def last_lines(output: Path) -> str:
    """The end of what a process printed, for an error's text."""
    try:
        return " | ".join(output.read_text(errors="replace").splitlines()[-5:])
    except FileNotFoundError:
        return ""


def _is_server(pid: int, folder: Path, program: str) -> bool:
    if sys.platform != "linux":
        command = ["/bin/ps", "-o", "comm=", "-p", str(pid)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return Path(shown.strip()).name == program
    try:
        named = Path(f"/proc/{pid}/comm").read_text().strip() == program
        return named and os.path.samefile(f"/proc/{pid}/cwd", folder)
    except OSError:
        return False


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
