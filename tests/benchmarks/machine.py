"""What the measurements ran on, and what processes cost: from /proc, so on Linux only."""

import os
import platform
import resource
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from services.adapters.system import available_cores

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PACKAGES: Final = ("aiohttp", "argon2-cffi", "asyncpg", "cryptography", "pydantic", "uvloop", "arq")


@dataclass(frozen=True, slots=True)
class _Times:
    parent: int
    own: float
    waited: float  # of children that have ended


def cpu_seconds(pid: int) -> float:
    """User and system time of one process so far."""
    times = _times(pid)
    return times.own if times else 0.0


def tree_cpu_seconds(pid: int) -> float:
    """Of a process and its children, also of those that have ended: a Postgres server with its backends."""
    found = {child: times for child in _all_pids() if (times := _times(child)) is not None}
    mine = found.get(pid)
    if mine is None:
        return 0.0
    return mine.own + mine.waited + sum(t.own for t in found.values() if t.parent == pid)


def own_cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def busy_seconds() -> float:
    """Processor time that the whole machine has used so far."""
    user, nice, system, _, _, irq, softirq, *_ = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    return sum(map(int, (user, nice, system, irq, softirq))) / _TICKS


def share_of_others(seconds: float, busy: float, ours: float) -> float:
    """How much of the processors other programs had meanwhile: above some percent, rates say little."""
    return max(0.0, busy - ours) / (seconds * (os.cpu_count() or 1))


def memory_mebibytes(pid: int) -> tuple[float, float]:
    """(resident now, the most it ever was)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kibibytes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("VmRSS", "VmHWM"))}
    return int(kibibytes["VmRSS"]) / 1024, int(kibibytes["VmHWM"]) / 1024


def description(data_dir: Path, postgres: str) -> dict[str, str]:
    """The machine and the versions, for the head of the table and the JSON."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return {
        "processor": f"{_processor()}, {available_cores()} cores usable",
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "file_system": _file_system(data_dir),
        "load_before": f"{os.getloadavg()[0]:.1f}",
        "python": sys.version.split()[0],
        "postgres": postgres,
        **{name: version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(folder: Path) -> str:
    best, kind = Path("/"), "unknown"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, name, *_ = line.split()
        if folder.resolve().is_relative_to(place) and len(place) >= len(str(best)):
            best, kind = Path(place), name
    return kind


def _times(pid: int) -> _Times | None:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        user, system, children_user, children_system = (int(f) for f in fields[11:15])
        return _Times(int(fields[1]), (user + system) / _TICKS, (children_user + children_system) / _TICKS)
    return None


def _all_pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
