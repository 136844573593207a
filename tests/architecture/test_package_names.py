"""Our packages have ordinary names: nobody else's may stand in their place."""

from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("events", "services", "workers", "migrations")


@pytest.mark.parametrize("name", PACKAGES)
def test_no_other_distribution_provides_our_package(name: str) -> None:
    providers = packages_distributions().get(name, [])
    assert set(providers) <= {"factorlog"}


@pytest.mark.parametrize("name", [*PACKAGES, "tests"])
def test_the_imported_package_lies_in_this_repository(name: str) -> None:
    assert import_module(name).__file__ == str(ROOT / name / "__init__.py")


@pytest.mark.parametrize("name", PACKAGES)
def test_our_package_says_that_it_is_typed(name: str) -> None:
    assert (ROOT / name / "py.typed").is_file()


@pytest.mark.parametrize("name", [*PACKAGES, "tests"])
def test_every_folder_with_code_is_a_package(name: str) -> None:
    folders = {module.parent for module in (ROOT / name).rglob("*.py")}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []
