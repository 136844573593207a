"""From the last landed version to this one: its data is taken over, and both work side by side meanwhile."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from services.embedded.postgres import EmbeddedPostgres
from services.embedded.valkey import EmbeddedValkey
from tests.support.database import MIGRATIONS
from tests.support.people import Account, Portal
from tests.support.processes import Installation, command, eventually, new_installation

pytestmark = [pytest.mark.xdist_group("upgrade"), pytest.mark.timeout(240)]

ROOT: Final = Path(__file__).resolve().parents[2]
# The version that people run today. Whoever lands the next one writes its commit here.
BASE: Final = "2416fb0d249a19794b4e208d7607f064be925970"

REASON: Final = {"reason": "phone lost"}


@pytest.fixture(scope="module")
def old_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of the last version; its programs run with the packages that are installed here."""
    folder = tmp_path_factory.mktemp("old")
    words = ["git", "archive", BASE, "events", "services", "workers", "migrations"]
    archive = subprocess.run(words, cwd=ROOT, capture_output=True, check=False)
    if archive.returncode != 0:
        reason = f"the history has no {BASE[:7]}: {archive.stderr.decode().strip()}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    subprocess.run(["tar", "-x"], cwd=folder, input=archive.stdout, check=True)
    said = subprocess.check_output([sys.executable, "-c", "import services; print(services.__file__)"], cwd=folder)
    assert Path(said.decode().strip()).is_relative_to(folder)
    return folder


@dataclass(frozen=True, slots=True)
class Legacy:
    """An installation of the last version, and everybody who can sign in there."""

    installation: Installation
    people: list[Account]

    def __getitem__(self, login: str) -> Account:
        return next(account for account in self.people if account.login == login)


@pytest.fixture(scope="module")
def left(old_code: Path) -> Iterator[Legacy]:
    """What the last version leaves behind after a day; nothing runs any more."""
    with new_installation() as made:
        made.code = old_code
        made.start()
        made.up.wait_ready()
        legacy = asyncio.run(_lived(made))
        assert made.up.stop() == 0
        yield legacy


@pytest.fixture
def legacy(left: Legacy) -> Iterator[Legacy]:
    """The same for one test alone; which codes are spent is known."""
    with new_installation() as made:
        subprocess.run(["cp", "-a", left.installation.data_dir, made.data_dir], check=True)
        yield Legacy(made, deepcopy(left.people))


async def _lived(installation: Installation) -> Legacy:
    async with installation.portal() as portal:
        legacy = Legacy(installation, [portal.known(user) for user in installation.document["users"]])
        legacy.people.extend(await day(portal, await portal.sign_in(legacy["anna.admin"])))
    return legacy


async def day(portal: Portal, admin: str) -> list[Account]:
    """Acts at the one process hold at the other; whom they were about, as they are in the evening."""
    lost = await portal.new(admin)
    session = await portal.sign_in(lost, at=1)
    await portal.enrol(lost, session)
    assert (await portal.call("GET", "/v1/me/two-factor", session, at=1)).json["state"] == "on"
    first, second = await portal.pending(lost, at=0), await portal.pending(lost, at=1)
    code = await lost.authenticator.code()
    assert (await portal.give(first, code, at=0)).status == 200
    assert (await portal.give(second, code, at=1)).code == "invalid_code"
    done = await portal.call("POST", f"/v1/users/{lost.user_id}/two-factor/reset", admin, REASON, at=1)
    assert done.status == 200, done
    assert (await portal.call("GET", "/v1/me", session, at=0)).status == 401
    await _enrol_on_demand(portal, lost)

    forgot = await portal.new(admin)
    done = await portal.call("POST", f"/v1/users/{forgot.user_id}/password", admin, REASON, at=0)
    assert done.status == 200, done
    assert (await portal.start(forgot, at=1)).status == 401
    forgot.password = done.json["generated_password"]
    await portal.sign_in(forgot, at=1)

    gone = await portal.new(admin)
    session = await portal.sign_in(gone, at=1)
    done = await portal.call("POST", f"/v1/users/{gone.user_id}/deactivate", admin, REASON, at=0)
    assert done.status == 200, done
    assert (await portal.call("GET", "/v1/me", session, at=1)).status == 401
    assert (await portal.start(gone, at=1)).status == 401
    return [lost, forgot]


async def _enrol_on_demand(portal: Portal, account: Account) -> None:
    started = await portal.start(account, at=0)
    assert (started.status, started.json["status"]) == (201, "enrolment_required")
    shown = await portal.call("POST", "/v1/sign-ins/current/enrolment", started.json["token"], at=1)
    assert shown.status == 201, shown
    account.phone = type(account.authenticator)(shown.json["key"])
    path, code = "/v1/sign-ins/current/enrolment/confirmation", {"code": await account.phone.code()}
    confirmed = await portal.call("POST", path, started.json["token"], code, at=0)
    assert (confirmed.status, confirmed.json["status"]) == (200, "signed_in")
    assert (await portal.call("GET", "/v1/me", confirmed.json["token"], at=1)).status == 200


async def test_a_new_start_takes_the_last_versions_data_over(legacy: Legacy) -> None:
    new = legacy.installation
    new.start()
    await new.up.ready()
    assert await asyncio.to_thread(_is_sound, new)
    async with new.portal() as portal:
        tokens = {account.login: await portal.sign_in(account) for account in legacy.people}
        for login, token in tokens.items():
            assert (await portal.call("GET", "/v1/me", token)).json["login"] == login
        await day(portal, tokens["anna.admin"])
    assert await asyncio.to_thread(_is_sound, new)
    assert new.unexpected == []


async def test_both_versions_side_by_side_do_not_disturb_each_other(legacy: Legacy, old_code: Path) -> None:
    place = legacy.installation
    async with _servers(place) as database:
        place.code = old_code
        (old_serve, old_url), old_work = place.serve(), place.work()
        await old_serve.ready()
        place.code = None
        # The order of docs/operations.md: schema, workers, API.
        migrated = await asyncio.to_thread(command, "migrate", "--data-dir", place.data_dir)
        assert migrated.code == 0, migrated
        new_work = place.work()
        async with place.portal(old_url) as portal:
            admin = await portal.sign_in(legacy["anna.admin"])
        new_serve, new_url = place.serve()
        await new_serve.ready()
        async with place.portal(old_url, new_url) as one, place.portal(new_url, old_url) as other:
            await asyncio.gather(day(one, admin), day(other, admin))
        for child in (old_work, old_serve, new_work):
            assert await asyncio.to_thread(child.stop) == 0
        # A fresh start also takes up what an older worker could not read.
        place.work()
        await eventually(lambda: _has_caught_up(database), 20, "a complete audit trail")
        await eventually(lambda: place.answers(new_url), 20, "readiness")
        assert await asyncio.to_thread(_is_sound, place)
    assert place.unexpected == []


@asynccontextmanager
async def _servers(installation: Installation) -> AsyncIterator[str]:
    """Postgres and Valkey of a data directory, without any of our programs; the owner's URL."""
    postgres, valkey = EmbeddedPostgres(installation.data_dir), EmbeddedValkey(installation.data_dir)
    try:
        await valkey.start()
        yield (await postgres.start()).owner
    finally:
        for child in installation.others:
            child.kill()
        await valkey.stop()
        await postgres.stop()


def _is_sound(installation: Installation) -> bool:
    checked = command("check", "--data-dir", installation.data_dir)
    return (checked.code, checked.out) == (0, "sound\n")


async def _has_caught_up(url: str) -> bool:
    """Nothing stands still and nothing is behind, of any read model."""
    connection: Any = await asyncpg.connect(url)
    try:
        behind: int = await connection.fetchval(
            "SELECT count(*) FROM company_log AS l LEFT JOIN projection AS p USING (company_id)"
            " WHERE p.stopped IS NOT NULL OR p.position IS DISTINCT FROM l.position"
        )
    finally:
        await connection.close()
    return behind == 0


def test_the_last_versions_migrations_are_part_of_todays(old_code: Path) -> None:
    before = {file.name: file.read_bytes() for file in (old_code / "migrations").glob("*.sql")}
    now = {file.name: file.read_bytes() for file in MIGRATIONS.glob("*.sql")}
    assert before
    assert before.items() <= now.items()
