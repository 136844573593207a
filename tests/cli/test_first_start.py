"""The first start: who is there, what stands in which file, and that its owner gets in."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from events.company.scopes import Scope
from tests.support.people import Account, Phone
from tests.support.processes import Installation, command, eventually, new_installation

NEW_PASSWORD = "Erster Tag im neuen Haus"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(scope="module")
def bare() -> Iterator[Installation]:
    """`factorlog up` without demo data."""
    with new_installation(demo=False) as made:
        made.start()
        made.up.wait_ready()
        yield made


@pytest.mark.xdist_group("first start")
async def test_the_first_operator_enrols_sets_a_password_and_is_in(bare: Installation) -> None:
    file = bare.data_dir / "operator.json"
    assert mode(file) == 0o600
    first = json.loads(file.read_text())
    assert set(first) == {"login", "password"}
    assert not (bare.data_dir / "demo.json").exists()
    account = Account(first["login"], first["password"], "", "")
    async with bare.portal() as portal:
        started = await portal.start(account)
        assert (started.status, started.json["status"]) == (201, "enrolment_required")
        token = started.json["token"]
        shown = await portal.call("POST", "/v1/sign-ins/current/enrolment", token)
        phone = Phone(shown.json["key"])
        code = {"code": await phone.code()}
        confirmed = await portal.call("POST", "/v1/sign-ins/current/enrolment/confirmation", token, code)
        assert (confirmed.status, confirmed.json["status"]) == (200, "password_expired")
        assert len(confirmed.json["recovery_codes"]) == 10
        # The way in is not open before the password is the operator's own.
        token = confirmed.json["token"]
        assert (await portal.call("GET", "/v1/me", token)).status == 401
        body = {"new_password": NEW_PASSWORD}
        done = await portal.call("POST", "/v1/sign-ins/current/password", token, body)
        assert (done.status, done.json["status"]) == (200, "signed_in")
        me = await portal.call("GET", "/v1/me", done.json["token"])
        assert (me.json["login"], me.json["role"]) == ("operator", "operator")
        # From now on: the new password and a code, and the one in the file is worth nothing.
        assert (await portal.start(account)).status == 401
        account.password, account.phone = NEW_PASSWORD, phone
        await portal.sign_in(account)
    assert NEW_PASSWORD not in bare.up.complaints
    assert first["password"] not in bare.up.complaints


@pytest.mark.xdist_group("first start")
def test_another_start_makes_no_other_operator(bare: Installation) -> None:
    before = (bare.data_dir / "operator.json").read_text()
    assert bare.up.stop() == 0
    bare.start().wait_ready()
    assert (bare.data_dir / "operator.json").read_text() == before
    # Whoever has read it may delete it.
    kept = (bare.data_dir / "operator.json").rename(bare.folder / "operator.json")
    assert bare.up.stop() == 0
    bare.start().wait_ready()
    assert not (bare.data_dir / "operator.json").exists()
    kept.rename(bare.data_dir / "operator.json")  # tests come in any order


@pytest.mark.xdist_group("two processes")
async def test_the_demo_file_has_the_fields_that_others_rely_on(installation: Installation) -> None:
    file = installation.data_dir / "demo.json"
    assert mode(file) == 0o600
    document = installation.document
    assert list(document) == [
        "base_url",
        "database_url",
        "app_database_url",
        "redis_url",
        "users",
        "api_clients",
    ]
    assert document["base_url"] == installation.url
    clients = {client.pop("company"): client for client in document["api_clients"]}
    assert set(clients) == {user["company"] for user in document["users"]}
    assert all(list(client) == ["token", "scopes"] for client in clients.values())
    of_provider, of_acme = (set(clients[name]["scopes"]) for name in ("Factorlog Demo Provider", "Acme GmbH"))
    assert of_provider == set(Scope)
    assert of_provider - of_acme == {"companies.read", "companies.write"}
    fields = ["login", "password", "company", "company_id", "user_id", "role", "totp_key"]
    assert all(list(user) == fields for user in document["users"])
    people = [
        (user["login"], user["company"], user["role"], user["totp_key"] is not None) for user in document["users"]
    ]
    assert people[:10] == [
        ("operator", "Factorlog Demo Provider", "operator", True),
        ("anna.admin", "Acme GmbH", "administrator", True),
        ("sven.security", "Acme GmbH", "security_officer", True),
        ("udo.user", "Acme GmbH", "user", False),
        ("uta.user", "Acme GmbH", "user", True),
        ("axel.audit", "Acme GmbH", "auditor", True),
        ("bea.admin", "Beta AG", "administrator", True),
        ("ben.user", "Beta AG", "user", False),
        ("gerda.admin", "Gamma KG", "administrator", True),
        ("gustav.security", "Gamma KG", "security_officer", True),
    ]
    assert {company for _, company, _, _ in people[10:]} == {"Gamma KG"}
    assert 20 <= len(people[8:]) <= 40
    secrets = [user[field] for user in document["users"] for field in ("password", "totp_key") if user[field]]
    assert len(set(secrets)) == len(secrets)


@pytest.mark.xdist_group("two processes")
async def test_everybody_of_the_demo_gets_in_with_what_the_file_says(installation: Installation) -> None:
    await installation.admin()  # a code of hers may be spent already
    async with installation.portal() as portal:
        for user in installation.document["users"]:
            if user["login"] != "anna.admin":
                token = await portal.sign_in(portal.known(user))
                me = await portal.call("GET", "/v1/me", token)
                assert (me.json["id"], me.json["company_id"]) == (user["user_id"], user["company_id"])


@pytest.mark.xdist_group("two processes")
async def test_the_programs_of_the_demo_get_in_with_what_the_file_says(installation: Installation) -> None:
    async with installation.portal() as portal:
        for client in installation.document["api_clients"]:
            users = await portal.call("GET", "/v1/users", client["token"])
            assert users.status == 200
            companies = await portal.call("GET", "/v1/companies", client["token"])
            assert companies.status == (200 if "companies.read" in client["scopes"] else 403)


@pytest.mark.xdist_group("two processes")
async def test_the_company_with_a_past_has_people_in_all_states_and_an_audit_trail(installation: Installation) -> None:
    company = installation.user("gerda.admin")["company_id"]
    said = command("users", "list", "--company", company, "--json", "--data-dir", installation.data_dir)
    people = said.json["items"]
    assert {person["state"] for person in people} == {"active", "deactivated", "expired", "not_yet_active"}
    assert {person["two_factor"] for person in people} == {"on", "off", "enrolment_required"}
    known = {user["login"] for user in installation.document["users"]}
    assert {person["state"] for person in people if person["login"] in known} == {"active"}
    async with installation.database() as database:

        async def is_projected() -> bool:
            facts = "SELECT position FROM company_log WHERE company_id = $1"
            rows = "SELECT count(*) FROM audit_trail_1 WHERE company_id = $1"
            count, head = [await database.fetchval(query, UUID(company)) for query in (rows, facts)]
            return bool(count == head > 800)

        await eventually(is_projected, 30, "its audit trail")


@pytest.mark.xdist_group("two processes")
def test_what_holds_secrets_is_closed_to_others(installation: Installation) -> None:
    data = installation.data_dir
    assert mode(data) & 0o077 == 0
    secrets = [file for file in (data / "secrets").iterdir() if file.is_file()]
    assert secrets
    assert all(mode(file) == 0o600 for file in secrets)


@pytest.mark.xdist_group("two processes")
def test_logs_are_json_lines_without_secrets_and_ready_is_all_that_is_printed(installation: Installation) -> None:
    assert installation.up.said == f"ready {installation.url}\n"
    lines = installation.up.complaints.splitlines()
    assert all({"event", "level", "timestamp"} <= json.loads(line).keys() for line in lines)
    for user in installation.document["users"]:
        assert user["password"] not in installation.up.complaints
    for name in ("database_url", "app_database_url"):
        assert installation.document[name] not in installation.up.complaints
