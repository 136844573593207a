"""What is tracked can be used by anybody, anywhere: no addresses of registries, no paths of one machine."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"

# Put together here, because this file is searched too.
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("jsdelivr", "net"),
        ("unpkg", "com"),
    )
)
HOMES = re.compile(r"(?<![\w.])/(?:home|Users)/\w|(?<![\w.])[A-Z]:\\Users\\")

PIN = re.compile(r"[a-z0-9][a-z0-9-]*==[0-9][\w.+!]*(?: ; [\w' .=!<>()]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")


def _tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    paths = (ROOT / name for name in listing.stdout.decode().split("\0") if name)
    return [path for path in paths if path.is_file()]


def _machine_paths() -> list[str]:
    # A checkout at /app or a home at / says nothing: such short paths stand in honest sentences.
    return [str(path) for path in (ROOT, Path.home()) if len(path.parts) > 2]


def test_no_file_names_a_registry_or_a_path_of_this_machine() -> None:
    forbidden = (*REGISTRIES, *_machine_paths())
    found = []
    for path in _tracked():
        text = path.read_text(encoding="utf-8", errors="ignore")
        found += [(path.name, word) for word in forbidden if word in text]
        found += [(path.name, match.group()) for match in HOMES.finditer(text)]
    assert found == []


def test_the_lock_holds_pins_and_hashes_and_nothing_else() -> None:
    odd = [
        line
        for line in LOCK.read_text(encoding="utf-8").splitlines()
        if not PIN.fullmatch(line) and not HASH.fullmatch(line)
    ]
    assert odd == []


def test_the_lock_pins_every_dependency_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        wanted += extra
    names = {re.split(r"[^a-z0-9-]", requirement, maxsplit=1)[0] for requirement in wanted}
    pinned = {line.split("==")[0] for line in LOCK.read_text(encoding="utf-8").splitlines() if "==" in line}
    assert names - pinned == set()


def test_the_project_cannot_be_uploaded_by_mistake() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "Private :: Do Not Upload" in project["classifiers"]
