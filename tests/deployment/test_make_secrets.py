"""`docs/operations/make-secrets.sh`: every file once, for its reader alone, and the ones that belong together fit."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from services.adapters.key_file import read_key_file
from tests.deployment.files import ROOT, compose

SCRIPT = ROOT / "docs" / "operations" / "make-secrets.sh"
DOCUMENT = compose({"FACTORLOG_PUBLIC_URL": "https://factorlog.example"})

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to other users")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    subprocess.run([SCRIPT, tmp_path / "secrets"], check=True)
    return tmp_path / "secrets"


def text(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="ascii")


def test_it_makes_the_files_of_compose_for_the_users_that_read_them(folder: Path) -> None:
    made = {file.name: file.stat() for file in folder.iterdir()}
    assert made.keys() == {*DOCUMENT["secrets"], "valkey_password"}
    assert {stat.S_IMODE(status.st_mode) for status in made.values()} == {0o400}
    for service in DOCUMENT["services"].values():
        user = int(service["user"].split(":")[0]) if "user" in service else 10001
        assert all(made[secret].st_uid == user for secret in service.get("secrets", []))


def test_passwords_and_addresses_fit_and_the_key_is_one(folder: Path) -> None:
    owner, app, valkey = (text(folder, f"{name}_password") for name in ("owner", "app", "valkey"))
    assert len({owner, app, valkey}) == 3
    assert all(len(password) == 48 for password in (owner, app, valkey))
    assert f"factorlog_owner:{owner}@/" in text(folder, "owner_database_url")
    assert text(folder, "pgpass") == f"*:*:*:factorlog_owner:{owner}\n"
    assert f"factorlog_app:{app}@/" in text(folder, "database_url")
    assert f":{valkey}@valkey:" in text(folder, "redis_url")
    assert f">{valkey} " in text(folder, "valkey_acl")
    assert [len(key) for key in read_key_file(folder / "key")] == [32]


def test_it_keeps_what_there_is(folder: Path) -> None:
    (folder / "smtp_url").write_text("smtps://mail.example")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    subprocess.run([SCRIPT, folder], check=True)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
