"""A program of ours as a supervised child: `factorlog serve`, `factorlog work`."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGKILL, SIGTERM

from services.embedded import tether
from services.embedded.errors import EmbeddedError
from services.embedded.process import Process


class Program:
    """One child process. On Linux it dies with the thread that starts it: start it from the main one."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        grace: float = 10.0,
    ) -> None:
        """`environment` replaces ours, else it inherits; `grace`: seconds from SIGTERM to SIGKILL."""
        self.name = name
        self._command = list(command)
        self._environment = environment
        self._grace = grace
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start it unless it runs; whether it serves yet is its own to say. Raises EmbeddedError."""
        if self._process is None or not self._process.is_alive:
            self._process = self._spawn()

    async def wait(self) -> int | None:
        return None if self._process is None else await self._process.wait()

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.end((SIGTERM, self._grace), (SIGKILL, 5.0))

    def _spawn(self) -> Process:
        # Not `preexec_fn`: it runs Python between fork and exec, which is not safe beside threads.
        tethered = [sys.executable, "-IS", str(Path(tether.__file__)), str(os.getpid()), *self._command]
        try:
            child = subprocess.Popen(tethered, env=self._environment, stdin=subprocess.DEVNULL, start_new_session=True)
        except OSError as error:
            raise EmbeddedError(f"{self.name} cannot be started: {error.strerror}") from error
        return Process(child.pid, child)
