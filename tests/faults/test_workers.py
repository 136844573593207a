"""Workers killed, Valkey gone: effects are done once, soon after somebody can, and nothing waits for them."""

import asyncio
import os
import pickle
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tests.support.people import Account, Portal
from tests.support.processes import SOAK, Installation, eventually, new_installation
from tests.support.soundness import flaws

pytestmark = [pytest.mark.xdist_group("workers"), pytest.mark.timeout(7200 if SOAK else 120)]

OUTCOMES = ("NotificationSent", "SessionsRevoked")
# Seconds from an act to its worker's end; a worker that died with an effect in hand keeps it for twenty more.
DELAYS = tuple(n / 1000 for n in range(0, 60, 2)) if SOAK else (0.004, 0.02)


@pytest.fixture(scope="module")
def mine() -> Iterator[Installation]:
    """An installation whose servers these tests may hurt."""
    with new_installation() as made:
        made.start()
        made.up.wait_ready()
        yield made


async def reset_by(portal: Portal, admin: str, account: Account) -> float:
    """An administrator resets the key: sessions end, and the user gets a mail. When that was."""
    path = f"/v1/users/{account.user_id}/two-factor/reset"
    done = await portal.call("POST", path, admin, {"reason": "phone lost"})
    assert done.status == 200, done
    return time.monotonic()


async def undone(installation: Installation, account: Account) -> int:
    """Effects of this user that nobody has done yet."""
    async with installation.database() as database:
        count: int = await database.fetchval(
            "SELECT count(*) FROM effect WHERE company_id = $1 AND target = $2 AND done_at IS NULL",
            UUID(account.company_id),
            account.user_id,
        )
    return count


async def outcomes(installation: Installation, account: Account) -> list[tuple[int, str]]:
    """The facts about this user's effects: the position of each cause, and what kind of fact it is."""
    async with installation.database() as database:
        rows = await database.fetch(
            "SELECT convert_from(entry, 'UTF8')::jsonb -> 'data' AS data, type FROM event"
            " WHERE company_id = $1 AND type = ANY($2)"
            " AND convert_from(entry, 'UTF8')::jsonb -> 'data' ->> 'user_id' = $3",
            UUID(account.company_id),
            OUTCOMES,
            account.user_id,
        )
        causes = await database.fetch("SELECT position, kind FROM effect WHERE target = $1", account.user_id)
    assert len(rows) == len(causes), "an effect has no outcome, or more than one"
    return [(len(row["data"]), row["type"]) for row in rows]


def mails_to(installation: Installation, account: Account) -> list[Any]:
    files = sorted((installation.data_dir / "mail").glob("*.eml"))
    letters = [message_from_bytes(file.read_bytes()) for file in files]
    return [letter for letter in letters if account.login in str(letter["To"])]


async def settled(installation: Installation, account: Account, seconds: float) -> None:
    async def is_settled() -> bool:
        return await undone(installation, account) == 0

    await eventually(is_settled, seconds, "effects done")


async def test_the_effect_of_a_killed_worker_is_done_once_within_thirty_seconds_of_the_next_start(
    mine: Installation,
) -> None:
    async with mine.portal() as portal:
        account = await portal.new(await mine.admin(), on=True)
        await settled(mine, account, 30)
        before = len(mails_to(mine, account))
        # At the moments in which an effect is claimed, being done, or being settled.
        for delay in DELAYS:
            await reset_by(portal, await mine.admin(), account)
            await asyncio.sleep(delay)
            old = await eventually(lambda: mine.child_pid("work"), 10, "a worker")
            os.kill(old, signal.SIGKILL)
            await eventually(partial(_another, mine, old), 10, "the next worker")
            await settled(mine, account, 30)
            await outcomes(mine, account)
            token = (await portal.start(account)).json["token"]
            await _enrol_on_demand(portal, account, token)
        await settled(mine, account, 30)
        letters = mails_to(mine, account)
        assert len(letters) - before == 2 * len(DELAYS)  # as many resets and new factors: each told once
        assert len({letter["Message-ID"] for letter in letters}) == len(letters)
        assert {kind for _, kind in await outcomes(mine, account)} == set(OUTCOMES)


async def test_a_further_worker_shares_the_work_and_does_nothing_twice(mine: Installation) -> None:
    worker = mine.work()
    await eventually(lambda: '"working"' in worker.complaints, 20, "a further worker")
    async with mine.portal() as portal:
        accounts = [await portal.new(await mine.admin(), on=True) for _ in range(4)]
        admin = await mine.admin()
        await asyncio.gather(*(reset_by(portal, admin, account) for account in accounts))
        for account in accounts:
            await settled(mine, account, 30)
            await outcomes(mine, account)
            assert len(mails_to(mine, account)) == 2
    worker.send(signal.SIGTERM)
    assert await worker.ended(15) == 0


async def test_v02_with_valkey_frozen_sign_ins_go_on_limits_hold_and_mails_still_come(mine: Installation) -> None:
    async with mine.portal() as portal:
        admin = await mine.admin()
        account, other = await portal.new(admin, on=True), await portal.new(admin, on=True)
        async with mine.frozen([await mine.living_valkey()]):
            await _sign_ins_go_on_and_limits_hold(portal, account)
            began = await reset_by(portal, admin, other)
            assert time.monotonic() - began < 1
            assert (await portal.start(other)).json["status"] == "enrolment_required"
            await settled(mine, other, 15)
            assert len(mails_to(mine, other)) == 2


async def test_v02_with_valkey_killed_again_and_again_sign_ins_go_on_and_limits_hold(mine: Installation) -> None:
    async with mine.portal() as portal:
        admin = await mine.admin()
        account, other = await portal.new(admin, on=True), await portal.new(admin, on=True)
        killing = asyncio.create_task(_keep_killing_valkey(mine))
        await _sign_ins_go_on_and_limits_hold(portal, account)
        await reset_by(portal, admin, other)
        await settled(mine, other, 15)
        killing.cancel()
        await mine.living_valkey()
        assert len(mails_to(mine, other)) == 2


async def test_v02_with_valkey_flushed_nothing_is_forgotten(mine: Installation) -> None:
    async with mine.portal() as portal, _valkey(mine) as valkey:
        admin = await mine.admin()
        account, other = await portal.new(admin, on=True), await portal.new(admin, on=True)
        session = await portal.sign_in(other)
        await _five_failures(portal, account)
        await reset_by(portal, admin, other)
        await valkey.flushall()
        assert (await portal.call("GET", "/v1/me", session)).status == 401
        token = await portal.pending(account)
        assert (await portal.give(token, await account.authenticator.code())).code == "invalid_code"
        await settled(mine, other, 15)
        assert len(mails_to(mine, other)) == 2


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


async def test_c09_a_pickled_job_in_the_queue_runs_nothing_and_stops_nobody(mine: Installation) -> None:
    trap = mine.folder / "sprung"
    load = pickle.dumps({"t": None, "f": "drain", "a": [Trap(trap)], "k": {}, "et": 1})
    async with mine.portal() as portal, _valkey(mine) as valkey:
        account = await portal.new(await mine.admin(), on=True)
        await settled(mine, account, 15)
        names = ["drain", *(f"job{n}" for n in range(20))]
        for name in names:
            await valkey.set(f"arq:job:{name}", load)
            await valkey.zadd("factorlog:drain", {name: 1})
        await eventually(lambda: _is_empty(valkey), 20, "the queue is read")
        await reset_by(portal, await mine.admin(), account)
        await settled(mine, account, 15)
        assert len(mails_to(mine, account)) == 2
    assert not trap.exists()


async def test_c09_what_the_service_puts_into_valkey_is_json_without_anybodys_data(mine: Installation) -> None:
    async with mine.portal() as portal, _valkey(mine) as valkey, valkey.monitor() as watched:
        account = await portal.new(await mine.admin(), on=True)
        await reset_by(portal, await mine.admin(), account)
        await settled(mine, account, 15)
        seen = ""
        async with asyncio.timeout(20):
            while '"f": "drain"' not in seen.replace("\\", ""):
                seen += str((await watched.next_command())["command"])
        for secret in (account.login, account.user_id, account.authenticator.key, account.password):
            assert secret not in seen
        keys = [key async for key in valkey.scan_iter()]
        for key in keys:
            if await valkey.type(key) == b"string":
                assert not bytes(await valkey.get(key)).startswith(b"\x80")


async def test_all_is_sound_after_what_was_done_to_the_servers(mine: Installation) -> None:
    async with mine.database() as database:
        assert await flaws(database, mine.data_dir / "secrets" / "key") == []


def _another(installation: Installation, old: int) -> bool:
    return installation.child_pid("work") not in (None, old)


async def _is_empty(valkey: Redis) -> bool:
    return int(await valkey.zcard("factorlog:drain")) == 0


@asynccontextmanager
async def _valkey(installation: Installation) -> AsyncIterator[Redis]:
    """As somebody who may write to it; it may have to come back first."""

    async def answers() -> bool:
        try:
            return bool(await valkey.ping())
        except RedisError:
            return False

    valkey: Redis = Redis.from_url(installation.document["redis_url"], retry=Retry(NoBackoff(), 0))
    async with valkey:
        await eventually(answers, 10, "valkey answers")
        yield valkey


async def _enrol_on_demand(portal: Portal, account: Account, token: str) -> None:
    started = await portal.call("POST", "/v1/sign-ins/current/enrolment", token)
    assert started.status == 201, started
    account.authenticator.key, account.authenticator.spent = started.json["key"], -1
    code = {"code": await account.authenticator.code()}
    done = await portal.call("POST", "/v1/sign-ins/current/enrolment/confirmation", token, code)
    assert done.status == 200, done


async def _five_failures(portal: Portal, account: Account) -> None:
    token = await portal.pending(account)
    for code in account.authenticator.wrongs(5):
        assert (await portal.give(token, code)).code == "invalid_code"


async def _sign_ins_go_on_and_limits_hold(portal: Portal, account: Account) -> None:
    began = time.monotonic()
    session = await portal.sign_in(account)
    assert (await portal.call("POST", "/v1/me/sign-out", session)).status == 204
    assert (await portal.call("GET", "/v1/me", session)).status == 401
    assert time.monotonic() - began < 5
    # L-01, L-03: the ladder; a new sign-in does not reset it.
    await _five_failures(portal, account)
    token = await portal.pending(account)
    assert (await portal.give(token, await account.authenticator.code())).code == "invalid_code"
    # L-09: wrong passwords are throttled.
    async with Portal.opened(portal.urls) as stranger:
        statuses = [(await stranger.start(account, "wrong")).status for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2


async def _keep_killing_valkey(installation: Installation) -> None:
    while True:
        try:
            os.kill(installation.valkey_pid(), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError, IndexError):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
