"""`factorlog users …`: through the same use cases as everybody's, readable for people and for programs."""

import asyncio
import json
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from services.bootstrap import runtime
from services.cli.places import settings_for
from tests.support.movers import as_lines, moved
from tests.support.people import Account
from tests.support.processes import Installation, Said, command

pytestmark = pytest.mark.xdist_group("two processes")


def users(installation: Installation, *words: str, given: str | None = None) -> Said:
    return command("users", *words, "--data-dir", installation.data_dir, given=given)


@pytest.fixture
def acme(installation: Installation) -> str:
    return str(installation.user("anna.admin")["company_id"])


def test_list_names_the_companys_people_and_their_effective_state(installation: Installation, acme: str) -> None:
    said = users(installation, "list", "--company", acme, "--json")
    assert said.code == 0, said
    found = {user["login"]: user for user in said.json["items"]}
    assert set(said.json["items"][0]) == {"id", "login", "role", "state", "two_factor"}
    assert found["anna.admin"] == {
        "id": installation.user("anna.admin")["user_id"],
        "login": "anna.admin",
        "role": "administrator",
        "state": "active",
        "two_factor": "on",
    }
    assert found["udo.user"]["two_factor"] == "off"
    assert not {"operator", "bea.admin", "ben.user"} & found.keys()


def test_list_is_a_table_for_people(installation: Installation, acme: str) -> None:
    said = users(installation, "list", "--company", acme)
    assert said.code == 0, said
    assert "anna.admin" in said.out
    assert "second factor" in said.out


def test_list_of_a_company_that_does_not_exist_says_so(installation: Installation) -> None:
    said = users(installation, "list", "--company", str(UUID(int=1)))
    assert said.code == 1, said
    assert "not found" in said.err


async def test_list_is_whole_however_logins_are_written(installation: Installation) -> None:
    """More than a page of it, of a letter whose lower case the database and Python do not agree on."""
    logins = [f"İ{uuid4().hex[:12]}" for _ in range(210)]
    async with runtime(settings_for(installation.data_dir)) as parts:
        company = await parts.console.create_company("Viele GmbH")
        await moved(parts, company, as_lines(*({"login": login} for login in logins)))
    said = await asyncio.to_thread(users, installation, "list", "--company", str(company), "--json")
    assert sorted(user["login"] for user in said.json["items"]) == sorted(logins)


async def test_a_created_user_signs_in_with_the_password_that_was_printed_once(
    installation: Installation, acme: str
) -> None:
    said = users(installation, "create", "cli.one", "--company", acme, "--email", "one@acme.example", "--json")
    assert said.code == 0, said
    made = said.json
    assert set(made) == {"id", "login", "generated_password"}
    async with installation.portal() as portal:
        token = await portal.sign_in(Account("cli.one", made["generated_password"], made["id"], acme))
        me = (await portal.call("GET", "/v1/me", token)).json
    assert (me["id"], me["email"], me["role"]) == (made["id"], "one@acme.example", "user")


async def test_a_password_from_standard_input_is_not_printed(installation: Installation, acme: str) -> None:
    secret = "ein Satz, der lang genug ist"
    said = users(installation, "create", "cli.two", "--company", acme, "--password-stdin", given=f"{secret}\n")
    assert said.code == 0, said
    assert secret not in said.out + said.err
    async with installation.portal() as portal:
        await portal.sign_in(Account("cli.two", secret, "", acme))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["create", "ANNA.ADMIN"], "login"),
        (["create", "x" * 65], "login"),
        (["create", "cli.three", "--role", "operator"], "role"),
    ],
)
def test_what_cannot_be_created_is_refused_with_a_sentence(
    installation: Installation, acme: str, words: list[str], text: str
) -> None:
    said = users(installation, *words, "--company", acme)
    assert said.code == 1, said
    assert text in said.err
    assert said.out == ""
    assert "Traceback" not in said.err


def test_a_bad_password_is_refused_and_not_repeated(installation: Installation, acme: str) -> None:
    said = users(installation, "create", "cli.four", "--company", acme, "--password-stdin", given="kurz\n")
    assert said.code == 1, said
    assert "password" in said.err
    assert "kurz" not in said.err


def test_wrong_arguments_are_a_usage_error(installation: Installation) -> None:
    assert users(installation, "create", "cli.five", "--company", "acme").code == 2
    assert users(installation, "rename", "cli.five").code == 2


async def test_reset_ends_every_session_is_on_record_and_is_refused_without_a_key(
    installation: Installation, acme: str
) -> None:
    async with installation.portal() as portal:
        account = await portal.new(await installation.admin(), on=True)
        session = await portal.sign_in(account)
        said = await asyncio.to_thread(users, installation, "reset", account.login, "--reason", "phone lost", "--json")
        assert said.code == 0, said
        assert said.json == {"login": account.login, "done": "reset"}
        assert (await portal.call("GET", "/v1/me", session)).status == 401
        assert (await portal.start(account)).json["status"] == "enrolment_required"
    async with installation.database() as database:
        entry = await database.fetchval(
            "SELECT convert_from(entry, 'UTF8') FROM event"
            " WHERE company_id = $1 AND stream_id = $2 AND type = 'KeyReset'",
            UUID(account.company_id),
            UUID(account.user_id),
        )
    assert json.loads(entry)["actor"]["kind"] == "system"
    assert "phone lost" not in entry
    again = users(installation, "reset", account.login)
    assert again.code == 1, again
    assert "no key" in again.err


async def test_unlock_clears_a_pause_and_keeps_the_factor(installation: Installation) -> None:
    async with installation.portal() as portal:
        account = await portal.new(await installation.admin(), on=True)
        token = await portal.pending(account)
        for code in account.authenticator.wrongs(5):
            await portal.give(token, code)
        token = await portal.pending(account)
        assert (await portal.give(token, account.authenticator.wrong())).code == "invalid_code"
        said = await asyncio.to_thread(users, installation, "unlock", account.login)
        assert said.code == 0, said
        assert f"login: {account.login}" in said.out
        started = await portal.start(account)
        assert started.json["status"] == "code_required"
        done = await portal.give(started.json["token"], await account.authenticator.code())
        assert done.status == 200, done


def test_a_login_of_nobody_is_not_found(installation: Installation) -> None:
    said = users(installation, "unlock", "nobody.at.all")
    assert said.code == 1, said
    assert "not found" in said.err


def test_a_data_directory_that_never_ran_is_told(tmp_path: Path) -> None:
    said = command("users", "list", "--company", str(UUID(int=1)), "--data-dir", tmp_path)
    assert said.code == 4
    assert "was never started" in said.err
