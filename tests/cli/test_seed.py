"""`factorlog seed`: new companies with a past, in several processes, with progress, and stoppable at any time."""

import asyncio
import json
import signal
import stat
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from events.totp import key_from_text
from tests.support.people import Account, Phone
from tests.support.processes import Installation, Said, command, eventually, spawn

pytestmark = pytest.mark.xdist_group("two processes")


def seed(installation: Installation, *words: str | Path, seconds: float = 100) -> Said:
    return command("seed", "--data-dir", installation.data_dir, *words, seconds=seconds)


def check(installation: Installation) -> Any:
    said = command("check", "--json", "--data-dir", installation.data_dir, seconds=100)
    return said.json


async def test_companies_are_new_sound_and_entered_with_what_the_file_says(
    installation: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "credentials.json"
    words = ["--users", "30", "--days", "12", "--companies", "3", "--processes", "2", "--json"]
    said = await asyncio.to_thread(seed, installation, *words, "--credentials", file)
    assert said.code == 0, said
    assert set(said.json) == {"random_seed", "facts", "seconds", "companies"}
    companies = {company["id"]: company for company in said.json["companies"]}
    assert len(companies) == 3
    assert all(company["finished"] and company["users"] == 30 for company in companies.values())
    assert sum(company["facts"] for company in companies.values()) == said.json["facts"] > 500
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    users = json.loads(file.read_text())["users"]
    assert [user["company_id"] for user in users] == list(companies)
    for user in users:
        assert user["password"] not in said.out + said.err
        assert user["company"] == companies[user["company_id"]]["name"]
    async with installation.portal() as portal:
        for user in users:
            token = await portal.sign_in(portal.known(user))
            me = (await portal.call("GET", "/v1/me", token)).json
            assert (me["id"], me["company_id"]) == (user["user_id"], user["company_id"])
            assert me["role"] == user["role"] == "administrator"
            listed = (await portal.call("GET", "/v1/users?limit=200", token)).json["items"]
            assert len(listed) > 25
    assert (await asyncio.to_thread(check, installation))["sound"]


async def test_the_trail_reaches_the_end_and_nobody_is_mailed(installation: Installation) -> None:
    before = len(list((installation.data_dir / "mail").glob("*.eml")))
    said = await asyncio.to_thread(seed, installation, "--users", "12", "--days", "20", "--json")
    (company,) = said.json["companies"]
    company_id = UUID(company["id"])
    async with installation.database() as database:
        domain = await database.fetchval(
            "SELECT split_part(doc ->> 'login', '@', 2) FROM user_state WHERE company_id = $1 LIMIT 1", company_id
        )

        async def is_projected() -> bool:
            count = await database.fetchval("SELECT count(*) FROM audit_trail_1 WHERE company_id = $1", company_id)
            return bool(count == company["facts"])

        # The worker of the installation has looked at all of it by then.
        await eventually(is_projected, 30, "the audit trail")
        assert await database.fetchval("SELECT count(*) FROM effect WHERE company_id = $1", company_id) == 0
    mails = list((installation.data_dir / "mail").glob("*.eml"))
    assert len(mails) >= before
    assert domain.endswith(".example")
    assert not [mail for mail in mails if domain.encode() in mail.read_bytes()]


def test_people_read_a_summary(installation: Installation) -> None:
    said = seed(installation, "--users", "5", "--days", "2", "--random-seed", "tuesday")
    assert said.code == 0, said
    company, summary = said.out.splitlines()
    assert UUID(company.split()[0]).version == 4
    assert "5 users" in company
    assert summary.endswith("random seed tuesday")
    # No bar where there is no terminal.
    assert said.err == ""


def test_the_same_random_seed_makes_the_same_people(installation: Installation) -> None:
    words = ["--users", "8", "--days", "3", "--companies", "2", "--random-seed", "again", "--json"]
    first, second = (seed(installation, *words).json for _ in range(2))
    names = [[company["name"] for company in one["companies"]] for one in (first, second)]
    assert names[0] == names[1]
    assert {company["id"] for company in first["companies"]}.isdisjoint(c["id"] for c in second["companies"])


async def test_an_interrupted_seed_says_what_there_is_and_leaves_it_sound(
    installation: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "credentials.json"
    words = ["--users", "300", "--days", "400", "--companies", "2", "--processes", "2", "--json"]
    child = spawn(tmp_path, "seed", "--data-dir", installation.data_dir, *words, "--credentials", file)
    await _some_facts(installation)
    child.send(signal.SIGINT)
    assert await child.ended() == 130
    companies = json.loads(child.said)["companies"]
    assert len(companies) == 2
    assert [company["finished"] for company in companies] == [False, False]
    assert "Traceback" not in child.complaints
    assert not installation.pids("services seed")
    assert (await asyncio.to_thread(check, installation))["sound"]
    # Whoever was promised a way in has it.
    users = json.loads(file.read_text())["users"]
    user = users[0]
    assert len(users) == 2
    assert len(key_from_text(user["totp_key"])) == 20
    account = Account(user["login"], user["password"], user["user_id"], user["company_id"], Phone(user["totp_key"]))
    async with installation.portal() as portal:
        await portal.sign_in(account)


async def test_when_it_is_killed_its_processes_end_too(installation: Installation, tmp_path: Path) -> None:
    words = ["--users", "300", "--days", "400", "--companies", "2", "--processes", "2"]
    child = spawn(tmp_path, "seed", "--data-dir", installation.data_dir, *words)
    await _some_facts(installation)
    child.kill()
    await eventually(lambda: not installation.pids("services seed"), 20, "the end of its processes")
    assert (await asyncio.to_thread(check, installation))["sound"]


def test_a_file_that_exists_is_not_written_over(installation: Installation, tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    file.write_text("mine")
    said = seed(installation, "--users", "2", "--days", "1", "--credentials", file)
    assert said.code == 2, said
    assert "exists already" in said.err
    assert file.read_text() == "mine"
    nowhere = seed(installation, "--users", "2", "--days", "1", "--credentials", tmp_path / "no" / "folder")
    assert nowhere.code == 2, nowhere
    assert "cannot be written" in nowhere.err


@pytest.mark.parametrize("words", [["--days", "1"], ["--users", "0", "--days", "1"], ["--users", "1", "--days", "x"]])
def test_wrong_arguments_are_a_usage_error(installation: Installation, words: list[str]) -> None:
    assert seed(installation, *words).code == 2


def test_a_database_that_is_away_is_told_once(tmp_path: Path) -> None:
    said = command("seed", "--users", "2", "--days", "1", "--companies", "2", "--data-dir", tmp_path)
    assert said.code == 4
    assert "was never started" in said.err
    assert "Traceback" not in said.err


async def _some_facts(installation: Installation) -> None:
    """Until two more companies have a few hundred facts each."""
    async with installation.database() as database:
        known = {row[0] for row in await database.fetch("SELECT company_id FROM company_log")}

        async def are_there() -> bool:
            rows = await database.fetch("SELECT company_id FROM company_log WHERE position > 500")
            return len({row[0] for row in rows} - known) == 2

        await eventually(are_there, 60, "two companies in the making")
