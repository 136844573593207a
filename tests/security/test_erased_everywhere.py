"""P-01 on the real programs: after an erasure a person stands in no table, file, log, mail or queue."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import redis.asyncio as valkey

from services.adapters.key_wrapper import LocalKeyWrapper
from tests.support.database import Database
from tests.support.dump import Dump, forms_of, full_dump, has_any
from tests.support.people import Account, Portal
from tests.support.processes import Installation, command, eventually, new_installation
from tests.support.service import PASSWORD

MARK: Final = "zq7mark4e"
NETWORK: Final = "198.18.73.0/24"
AGENT: Final = {"User-Agent": f"{MARK}-browser/9"}

pytestmark = pytest.mark.xdist_group("erased everywhere")


@pytest.fixture
def installation() -> Iterator[Installation]:
    """One of its own: a look goes through every row and file, and others have filled the shared one."""
    with new_installation() as own:
        own.start()
        own.up.wait_ready()
        yield own


def addressed(word: str) -> str:
    return f"{MARK}.{word}@{MARK}.example"


async def a_marked_life(helpdesk: Portal, portal: Portal, admin: str) -> tuple[Account, str]:
    """An administrator who leaves a mark in every personal field, and that person's address."""
    body = {
        "login": f"{MARK}.login",
        "password": PASSWORD,
        "role": "administrator",
        "email": addressed("first"),
        "reason": f"{MARK} begins",
    }
    made = await helpdesk.call("POST", "/v1/users", admin, body, headers={"Idempotency-Key": "made"})
    assert made.status == 201, made
    marked = Account(body["login"], PASSWORD, made.json["id"], made.json["company_id"])
    await portal.enrol(marked, await portal.sign_in(marked))
    session = await portal.sign_in(marked)
    for number, word in enumerate(("second", "third")):
        key = {**AGENT, "Idempotency-Key": f"own {number}"}
        changed = await portal.call("PATCH", "/v1/me", session, {"email": addressed(word)}, headers=key)
        assert changed.status == 200, changed
    await portal.call("POST", "/v1/me/step-up", session, {"code": marked.authenticator.wrong()}, headers=AGENT)
    await portal.call("GET", f"/v1/users?q={MARK}", session, headers=AGENT)
    await portal.start(marked, f"{MARK} wrong")
    await acts_on_others(portal, await helpdesk.new(admin, on=True), session)
    await suffers(helpdesk, admin, f"/v1/users/{marked.user_id}")
    activity = await helpdesk.call("GET", f"/v1/users/{marked.user_id}/activity", admin)
    return marked, next(item["ip"] for item in activity.json["items"] if item["type"] == "SignedIn")


async def acts_on_others(portal: Portal, other: Account, session: str) -> None:
    """The marked one as the actor in somebody else's entries, and in the company's own."""
    reason = {"reason": "the phone is lost"}
    done = await portal.call("POST", f"/v1/users/{other.user_id}/two-factor/reset", session, reason, headers=AGENT)
    assert done.status == 200, done
    # Answers of calls about nobody alone, and about somebody else, are kept too.
    bulk = {"act": "enable", "user_ids": [other.user_id], "reason": "about the other one"}
    many = await portal.call("POST", "/v1/bulk/two-factor", session, bulk, headers={**AGENT, "Idempotency-Key": "bulk"})
    assert many.status == 200, many
    role = {"name": f"r_{os.getpid()}", "rights": {"users": "view"}}
    made = await portal.call("POST", "/v1/roles", session, role, headers={**AGENT, "Idempotency-Key": "role"})
    assert made.status == 201, made


async def suffers(portal: Portal, admin: str, path: str) -> None:
    networks = {"networks": ["127.0.0.0/8", NETWORK], "reason": f"{MARK} stays at home"}
    put = await portal.call("PUT", f"{path}/trusted-networks", admin, networks)
    assert put.status == 200, put
    for act in ("unlock", "reset", "enable"):
        await portal.call("POST", f"{path}/two-factor/{act}", admin, {"reason": f"{MARK} because of {act}"})
    for act in ("deactivate", "reactivate"):
        keyed = {"Idempotency-Key": f"{act} of the marked one"}
        done = await portal.call("POST", f"{path}/{act}", admin, {"reason": f"{MARK} for {act}"}, headers=keyed)
        assert done.status == 200, done


async def dumped(installation: Installation) -> Dump:
    document = installation.document
    wrapper = LocalKeyWrapper(installation.data_dir / "secrets" / "key", os.urandom)
    return await full_dump(Database(document["database_url"], document["app_database_url"]), wrapper)


def files_with(installation: Installation, needles: list[bytes]) -> set[str]:
    """All that any process wrote, but the heap of Postgres: docs/operations.md tells when that is overwritten."""
    heap = installation.data_dir / "postgres" / "data"
    found = set()
    for path in installation.folder.rglob("*"):
        if heap in path.parents or not stat.S_ISREG(path.lstat().st_mode):
            continue
        if has_any(read(path), needles) or has_any(path.name.encode(), needles):
            found.add(str(path.relative_to(installation.folder)))
    return found


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""  # a mail that was removed meanwhile, a server's own


async def queued_with(installation: Installation, needles: list[bytes]) -> set[bytes]:
    """Keys of Valkey whose name or value holds one."""
    queue: Any = valkey.Redis.from_url(installation.document["redis_url"])
    async with queue:
        return {key async for key in queue.scan_iter() if has_any(key + (await queue.dump(key) or b""), needles)}


@pytest.mark.timeout(300)
async def test_p01_a_mark_in_every_personal_field_is_found_nowhere_after_the_erasure(
    installation: Installation,
) -> None:
    _, url = installation.serve(FACTORLOG_LOG_LEVEL="debug")
    await eventually(lambda: installation.answers(url), 60, "a process that logs everything")
    async with installation.portal(url) as helpdesk, installation.portal(url) as portal:
        admin = await installation.admin()
        marked, ip = await a_marked_life(helpdesk, portal, admin)
        words = [word.encode() for word in (MARK, NETWORK, ip)]
        needles = [form for word in words for form in forms_of(word)]

        async def all_told() -> bool:
            found = await helpdesk.call("GET", f"/v1/events?q={MARK}&limit=200", admin)
            return any(item["type"] == "UserReactivated" for item in found.json["items"])

        await eventually(all_told, 30, "an audit trail that has caught up")
        await eventually(lambda: files_with(installation, needles), 30, "a mail")
        before = await dumped(installation)
        found_before = before.tables_with(*words)
        assert {"user_state", "login", "audit_trail_1", "opened"} <= found_before
        assert not {"event", "effect", "idempotency", "throttle", "known_address"} & found_before

        gone = await helpdesk.call("DELETE", f"/v1/users/{marked.user_id}", await installation.admin())
        assert gone.status == 204, gone

        async def left() -> set[str]:
            return files_with(installation, needles) | (await dumped(installation)).tables_with(*words)

        async def nothing_is_left() -> bool:
            return not await left()

        await eventually(nothing_is_left, 60, "nothing of it in tables and files")
        assert await queued_with(installation, needles) == set()
    checked = command("check", "--data-dir", installation.data_dir)
    assert (checked.code, checked.out) == (0, "sound\n")
