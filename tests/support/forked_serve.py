"""Many API processes, each as real as `factorlog serve`, without the second that importing takes.

`python -m tests.support.forked_serve DATA_DIR` reads ports, one a line, and answers each with a process's number.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

import uvloop

from services.cli import logs
from services.cli.places import settings_for
from services.cli.serve import serve


def main() -> None:
    folder = Path(sys.argv[1])
    logs.configure("info")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # their ends are nobody's business here
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _serve(folder, int(line))
        print(pid, flush=True)


def _serve(folder: Path, port: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # none outlives the one that forked it
    try:
        uvloop.run(serve(settings_for(folder, listen=f"127.0.0.1:{port}"), announce=False))
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
