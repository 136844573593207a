"""The wheel that the image installs holds everything that the programs read."""

import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

from tests.deployment.files import ROOT


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    held = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    files = {path for package in packages for path in (ROOT / package).rglob("*") if path.is_file()}
    assert held == {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}
    # Files of every kind, so that the comparison cannot become one of nothing with nothing.
    assert {Path(name).suffix for name in held} >= {".py", ".sql", ".json", ".js", ".css", ".html", ".txt", ".typed"}
