"""Foreign judges where they can be had. A missing one is named; the one that always has to be there fails on CI."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

GO_PACKAGES: Final = Path("/usr/share/gocode")
JUDGE: Final = Path(__file__).parent / "judge"
AICS: Final = Path(__file__).parents[2] / "build" / "interop" / "aics"


@dataclass(frozen=True, slots=True)
class Judgement:
    sound: bool
    said: str


def missing(what: str, *, always: bool) -> None:
    """Skip loudly; a judge that always has to be there is a failure on CI."""
    if always and os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing; tests/prepare.sh installs it as root on Debian")
    pytest.skip(f"{what} is missing, so it has judged nothing")


@cache
def go_judge(folder: Path) -> Path:
    """Our small main on Go's sumdb packages."""
    go = shutil.which("go")
    if go is None or not (GO_PACKAGES / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        missing("Go with golang.org/x/mod (golang-go, golang-golang-x-mod-dev)", always=True)
    program = folder / "judge"
    environ = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GO_PACKAGES), "GOCACHE": str(folder / "cache")}
    subprocess.run([str(go), "build", "-o", str(program), str(JUDGE / "main.go")], env=environ, check=True, timeout=100)
    return program


def judged_by_go(folder: Path, log: Path, vkey: Path, *more: Path) -> Judgement:
    return _ran([str(go_judge(folder)), str(log), str(vkey), *map(str, more)])


def judged_by_aics(*words: str | Path) -> Judgement:
    """aics-tlog from PyPI, unpacked by tests/prepare.sh; asks for Python 3.12 and runs on ours as well."""
    if not (AICS / "aics_tlog").is_dir():
        missing("aics-tlog", always=False)
    environ = {**os.environ, "PYTHONPATH": str(AICS)}
    return _ran([sys.executable, "-m", "aics_tlog", *map(str, words)], environ)


def _ran(words: list[str], environ: dict[str, str] | None = None) -> Judgement:
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False, timeout=100)
    return Judgement(done.returncode == 0, done.stdout + done.stderr)
