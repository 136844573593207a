"""Making the files of a Postgres cluster, all of them or none."""

import shutil
import sys
from pathlib import Path

from services.embedded.account import Account, hand_over
from services.embedded.binaries import POSTGRES_MAJOR
from services.embedded.errors import EmbeddedError
from services.embedded.home import Home
from services.embedded.process import last_lines, spawn_server

OWNER = "factorlog_owner"
APP = "factorlog_app"

# Everybody else, every other way in: no line, so refused.
PG_HBA = f"local all {OWNER},{APP} scram-sha-256\n"


async def make_cluster(home: Home, programs: Path, account: Account | None, password: str) -> None:
    """Run initdb beside the final place and move the result there; nothing to do when it is there."""
    _remove_password_file(home)
    if home.data.exists():
        _demand_same_major(home.data)
        return
    fresh = _empty_folder(home, account)
    _write_password_file(home, account, password)
    try:
        process = spawn_server(_initdb(programs, fresh, account), fresh, home.output, account)
        code = await process.wait()
    finally:
        _remove_password_file(home)
    if code != 0:
        raise EmbeddedError(f"initdb failed ({code}): {last_lines(home.output)}")
    _settle(fresh, home)


def data_argument(folder: Path, account: Account | None) -> str:
    """The data folder as the server names it: its own working directory needs no way through our parents."""
    return "/proc/self/cwd" if account is not None and sys.platform == "linux" else str(folder)


def _initdb(programs: Path, folder: Path, account: Account | None) -> list[str]:
    command = [str(programs / "initdb"), f"--pgdata={data_argument(folder, account)}", f"--username={OWNER}"]
    # The builtin provider sorts alike on every machine, whatever locales it has.
    command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8"]
    command += ["--data-checksums", "--auth=scram-sha-256", "--pwfile=../password", "--no-instructions"]
    # One flush of the file system instead of a thousand of files.
    return [*command, "--sync-method=syncfs"] if sys.platform == "linux" else command


def _empty_folder(home: Home, account: Account | None) -> Path:
    fresh = home.path / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    hand_over(fresh, account, 0o700)
    return fresh


def _write_password_file(home: Home, account: Account | None, password: str) -> None:
    file = home.path / "password"
    file.touch(mode=0o600)
    hand_over(file, account, 0o600)
    file.write_text(password)


def _remove_password_file(home: Home) -> None:
    (home.path / "password").unlink(missing_ok=True)


def _settle(fresh: Path, home: Home) -> None:
    # initdb's file would let other roles in; written over, it keeps its owner.
    (fresh / "pg_hba.conf").write_text(PG_HBA)
    fresh.rename(home.data)


def _demand_same_major(data: Path) -> None:
    found = (data / "PG_VERSION").read_text().strip()
    if found != str(POSTGRES_MAJOR):
        raise EmbeddedError(f"{data} is of Postgres {found}, this is {POSTGRES_MAJOR}: dump and load it")
