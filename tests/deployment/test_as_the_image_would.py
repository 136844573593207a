"""Every command of compose.yaml on a real Postgres and a real Valkey, from secrets to a restored backup."""

import os
import shutil
from collections.abc import Iterator
from functools import partial

import aiohttp
import pytest
import redis.asyncio
from redis.exceptions import NoPermissionError

from services.adapters import doorbell
from tests.deployment.place import Place, prepared
from tests.support.database import MIGRATIONS
from tests.support.people import Account, Phone
from tests.support.processes import eventually, wait_until

pytestmark = [
    pytest.mark.xdist_group("deployment"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may give secrets to other users"),
]

PASSWORD = "Erster Tag im neuen Haus"
PROGRAMS = ("api", "worker")


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Everything, in the order of `docker compose --profile dev up`."""
    with prepared() as made:
        made.start_valkey()
        migrated = made.run("migrate")
        assert migrated.code == 0, migrated
        assert migrated.out.splitlines() == [f"applied {file.stem}" for file in sorted(MIGRATIONS.glob("*.sql"))]
        made.start_mail_sink()
        begin(made)
        yield made


@pytest.fixture(scope="module")
def operator(place: Place) -> Account:
    """The first person."""
    said = place.run("api", "first-operator", "--json")
    assert said.code == 0, said
    company_id = place.as_owner("psql", "-At", "--dbname=factorlog", "--command=SELECT company_id FROM company_log")
    return Account(said.json["login"], said.json["password"], "", company_id.stdout.decode().strip())


def begin(place: Place) -> None:
    for service in PROGRAMS:
        place.start(service)
    for service in ("api", "mail"):
        wait_until(partial(place.is_healthy, service), 60, f"{service} is healthy")
    wait_until(lambda: '"working"' in place.children["worker"].complaints, 60, "the worker works")


def test_migrating_again_does_nothing(place: Place) -> None:
    again = place.run("migrate")
    assert (again.code, again.out) == (0, "")


def test_the_role_of_the_script_serves_and_the_owner_does_not(place: Place) -> None:
    owner = place.environment("migrate")["FACTORLOG_OWNER_DATABASE_URL_FILE"]
    said = place.run("api", FACTORLOG_DATABASE_URL_FILE=owner)
    assert said.code == 1, said
    assert "may change the event log" in said.err


async def test_the_first_operator_gets_in_through_the_proxy_and_by_no_other_name(
    place: Place, operator: Account
) -> None:
    async with place.portal() as portal:
        started = await portal.start(operator)
        assert (started.status, started.json["status"]) == (201, "enrolment_required")
        assert started.headers["Strict-Transport-Security"].startswith("max-age=")
        token = started.json["token"]
        shown = await portal.call("POST", "/v1/sign-ins/current/enrolment", token)
        code = {"code": await Phone(shown.json["key"]).code()}
        confirmed = await portal.call("POST", "/v1/sign-ins/current/enrolment/confirmation", token, code)
        body = {"new_password": PASSWORD}
        done = await portal.call("POST", "/v1/sign-ins/current/password", confirmed.json["token"], body)
        assert (done.status, done.json["status"]) == (200, "signed_in")
        elsewhere = await portal.call("GET", "/readyz", headers={"Host": "127.0.0.1"})
        assert elsewhere.status == 421


async def test_operators_read_on_the_port_that_is_theirs(place: Place) -> None:
    async with aiohttp.ClientSession() as http:

        async def is_ready() -> bool:
            async with http.get(f"http://127.0.0.1:{place.ports['9090']}/readyz") as answer:
                return bool((await answer.json())["status"] == "ready")

        await eventually(is_ready, 10, "ready")


async def test_a_mail_reaches_the_sink_of_the_development_profile(place: Place, operator: Account) -> None:
    words = ("--company", operator.company_id, "--email", "mia@acme.example", "--json")
    made = place.run("api", "users", "create", "mia.mail", *words)
    assert made.code == 0, made
    mia = Account("mia.mail", made.json["generated_password"], made.json["id"], operator.company_id)
    async with place.portal() as portal:
        await portal.enrol(mia, await portal.sign_in(mia))
    await eventually(lambda: "mia@acme.example" in place.children["mail"].said, 20, "a mail")


async def test_valkey_rings_for_the_worker_and_tells_strangers_nothing(place: Place) -> None:
    ours = doorbell.connect((place.secrets / "redis_url").read_text().strip())
    await eventually(lambda: ours.exists(f"{doorbell.QUEUE}:health-check"), 20, "a worker that listens")
    await ours.aclose(close_connection_pool=True)
    async with redis.asyncio.Redis(port=place.ports["6379"]) as stranger:
        assert await stranger.ping()
        with pytest.raises(NoPermissionError):
            await stranger.get(doorbell.QUEUE)
    assert "doorbell_away" not in "".join(place.children[name].complaints for name in PROGRAMS)


def test_a_backup_is_restored_into_an_empty_database_and_is_sound(place: Place, operator: Account) -> None:
    # As old as the dump or older: of a newer one the restored log would be too short, which is `factorlog restored`'s.
    evidence = place.folder / "evidence"
    shutil.copytree(place.data_dir / "secrets", evidence)
    dump = place.as_owner("pg_dump", "--format=custom", "factorlog").stdout
    place.as_owner("createdb", "restored")
    place.as_owner("pg_restore", "--dbname=restored", "--exit-on-error", "--single-transaction", input=dump)
    there = place.folder / "restored_url"
    there.write_text((place.secrets / "database_url").read_text().replace("/factorlog?", "/restored?"))
    apart = {
        "FACTORLOG_DATABASE_URL_FILE": str(there),
        "FACTORLOG_SIGNED_DIR": str(evidence / "signed"),
        "FACTORLOG_JOURNAL_FILE": str(evidence / "journal"),
    }
    checked = place.run("api", "check", **apart)
    assert (checked.code, checked.out) == (0, "sound\n"), checked
    # It is not an empty one that is sound.
    again = place.run("api", "first-operator", **apart)
    assert (again.code, again.err) == (1, f"factorlog: there is a user {operator.login} already\n")


def test_both_end_when_asked_and_have_written_no_secret_and_nothing_beside_the_volumes(place: Place) -> None:
    for child in [place.children[name] for name in PROGRAMS]:
        assert child.stop() == 0
        assert "Traceback" not in child.complaints
        for secret in place.secrets.iterdir():
            assert secret.read_text().strip() not in child.complaints + child.said
    assert [path.name for path in place.data_dir.iterdir()] == ["secrets"]  # the volume
    begin(place)
