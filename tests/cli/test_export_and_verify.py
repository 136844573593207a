"""`factorlog export` and `factorlog verify`, as people call them."""

from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.processes import Installation, Said, command, wait_until

pytestmark = pytest.mark.xdist_group("two processes")


@pytest.fixture
def acme(installation: Installation) -> str:
    return str(installation.user("anna.admin")["company_id"])


def exported(installation: Installation, company: str, out: Path) -> Said:
    return command("export", "--data-dir", installation.data_dir, "--company", company, "--out", out)


@pytest.fixture
def log(installation: Installation, acme: str, tmp_path: Path) -> Path:
    """Acme's, as soon as the worker of `up` has signed it."""
    out = tmp_path / "log"
    wait_until(lambda: exported(installation, acme, out).code == 0, 30, "a signed checkpoint")
    return out


def test_what_was_exported_is_proved_offline(log: Path) -> None:
    said = command("verify", log, "--vkey", log / "vkey")
    assert said.code == 0, said
    assert said.out.startswith("proved: ")
    assert said.err == ""


def test_without_a_key_it_says_where_the_key_came_from(log: Path) -> None:
    assert "compare it with the one that you were given" in command("verify", log).out


def test_a_changed_log_is_named_and_ends_with_3(log: Path) -> None:
    bundle = next(path for path in sorted((log / "tile" / "entries").rglob("*")) if path.is_file())
    bundle.write_bytes(bundle.read_bytes().replace(b"CompanyCreated", b"CompanyCreatee", 1))
    said = command("verify", log, "--vkey", log / "vkey")
    assert said.code == 3
    assert said.out.startswith("position 1: ")
    assert "NOT PROVED" in said.out
    found = command("verify", log, "--json").json
    assert (found["sound"], found["findings"][0]["position"]) == (False, 1)


def test_an_export_goes_on_where_an_earlier_one_ended_and_never_over_something_else(
    installation: Installation, acme: str, log: Path, tmp_path: Path
) -> None:
    assert exported(installation, acme, log).code == 0
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("mine")
    said = exported(installation, acme, other)
    assert (said.code, "something else" in said.err) == (1, True)
    assert [path.name for path in other.iterdir()] == ["letter.txt"]


def test_a_company_that_is_not_there_has_no_log(installation: Installation, tmp_path: Path) -> None:
    said = exported(installation, str(uuid4()), tmp_path / "log")
    assert (said.code, "no signed checkpoint" in said.err) == (1, True)
    assert not (tmp_path / "log").exists()


def test_the_log_of_checkpoints_is_exported_and_proved(
    installation: Installation, acme: str, log: Path, tmp_path: Path
) -> None:
    out = tmp_path / "all"
    words = ("export", "--data-dir", installation.data_dir, "--installation", "--out", out)
    wait_until(lambda: command(*words).code == 0, 30, "a signed checkpoint")
    assert command("verify", out).code == 0
    assert not any(acme.encode() in path.read_bytes() for path in out.rglob("*") if path.is_file())


@pytest.mark.parametrize("words", [(), ("--installation", "--company", "5d1c3c0a-8f0e-4f0b-9d3a-3f6f0c1d2e3f")])
def test_one_log_is_to_be_named(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert command("export", "--out", tmp_path / "log", *words).code == 2


def test_what_is_nothing_to_verify_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear auditor")
    for path in (tmp_path, tmp_path / "letter.txt", tmp_path / "nothing"):
        said = command("verify", path)
        assert (said.code, said.out) == (2, "")


def test_check_looks_at_the_trees(installation: Installation, log: Path) -> None:
    said = command("check", "--data-dir", installation.data_dir)
    assert (said.code, said.out) == (0, "sound\n"), said
