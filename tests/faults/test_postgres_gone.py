"""Postgres killed, stopped, frozen: 503 with Retry-After, no way in meanwhile, and then by itself again."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial

import aiohttp
import pytest

from tests.support.people import Account, Portal
from tests.support.processes import Installation, eventually, new_installation
from tests.support.service import Reply
from tests.support.sizes import sized
from tests.support.soundness import flaws, request_ids

pytestmark = pytest.mark.xdist_group("postgres")

REQUEST_SECONDS = 12  # until a request is given up, whatever it waits for
PATIENCE_SECONDS = REQUEST_SECONDS + 6  # on a machine that has much to do


@pytest.fixture(scope="module")
def mine() -> Iterator[Installation]:
    """An installation whose database these tests may hurt."""
    with new_installation() as made:
        made.start()
        made.up.wait_ready()
        yield made


def is_away(answer: Reply) -> bool:
    return answer.status == 503 and answer.code == "unavailable" and int(answer.headers["Retry-After"]) > 0


async def attack(portal: Portal, account: Account, answers: list[Reply], stop: asyncio.Event) -> None:
    """Wrong passwords, right passwords with wrong codes, made-up tokens, until told to stop."""
    session, sign_in = "fl_session_" + "A" * 86, "fl_signin_" + "A" * 86
    while not stop.is_set():
        try:
            answers.append(await portal.call("GET", "/v1/me", session))
            answers.append(await portal.give(sign_in, account.authenticator.wrong()))
            started = await portal.start(account)
            answers.append(started)
            if started.status == 201:
                answers.append(await portal.give(started.json["token"], account.authenticator.wrong()))
            answers.append(await portal.start(account, "wrong"))
        except aiohttp.ClientError as error:
            raise AssertionError("the API itself has to stay") from error
        await asyncio.sleep(0.02)


async def test_v01_with_postgres_killed_nobody_gets_in_and_all_comes_back_by_itself(mine: Installation) -> None:
    async with mine.portal() as portal:
        admin = await mine.admin()
        account, other = await portal.new(admin, on=True), await portal.new(admin, on=True)
        session, pending = await portal.sign_in(account), await portal.pending(account)
        answers: list[Reply] = []
        stop = asyncio.Event()
        attacking = asyncio.create_task(attack(portal, other, answers, stop))
        for _ in range(2):
            old = mine.postgres_pid()
            os.kill(old, signal.SIGKILL)
            # Away for long enough to be seen: its own children first have to notice.
            await eventually(lambda: any(map(is_away, answers)), 15, "a 503")
            await eventually(partial(_another, mine, old), 15, "another postmaster")
            await eventually(mine.answers, 20, "ready again")
            answers.append(await portal.call("GET", "/v1/me", session))
            assert answers[-1].status == 200
        stop.set()
        await attacking
        statuses = Counter(answer.status for answer in answers)
        assert set(statuses) <= {200, 201, 401, 429, 503}, statuses
        assert all(is_away(answer) for answer in answers if answer.status >= 500)
        assert not any(answer.json.get("status") == "signed_in" for answer in answers)
        # What was begun before goes on, and the code is still good.
        assert (await portal.give(pending, await account.authenticator.code())).status == 200


async def test_what_was_acknowledged_before_postgres_was_killed_is_there_afterwards(mine: Installation) -> None:
    noted: list[Reply] = []
    async with mine.portal() as portal:
        admin = await mine.admin()
        accounts = [await portal.new(admin) for _ in range(4)]
        writing = asyncio.gather(*(_keep_writing(portal, account, noted) for account in accounts))
        await eventually(lambda: len(noted) > 20, 15, "acts")
        old = mine.postgres_pid()
        os.kill(old, signal.SIGKILL)
        await writing
        await eventually(lambda: _another(mine, old), 15, "another postmaster")
        await eventually(mine.answers, 20, "ready again")
    async with mine.database() as database:
        recorded = await request_ids(database)
        names = [next(v for k, v in answer.headers.items() if k.lower() == "x-request-id") for answer in noted]
        assert [name for name in names if name not in recorded] == []
        assert await flaws(database, mine.data_dir / "secrets" / "key") == []


async def test_v01_with_postgres_frozen_every_request_is_answered_503_in_time(mine: Installation) -> None:
    async with mine.portal() as portal:
        account = await portal.new(await mine.admin(), on=True)
        session, pending = await portal.sign_in(account), await portal.pending(account)
        code = await account.authenticator.code()
        async with mine.frozen(mine.postgres_pids()):
            began = time.monotonic()
            answers = await asyncio.gather(
                portal.call("GET", "/v1/me", session),
                portal.call("GET", "/v1/me/two-factor", session),
                portal.give(pending, code),
                portal.start(account),
                portal.start(account, "wrong"),
                portal.call("GET", "/readyz"),
                *(portal.call("GET", "/v1/me", session) for _ in range(20)),
            )
            assert all(map(is_away, answers)), Counter(answer.status for answer in answers)
            assert time.monotonic() - began < PATIENCE_SECONDS
            assert (await portal.call("GET", "/healthz")).status == 200
        await eventually(mine.answers, 15, "ready again")
        assert (await portal.call("GET", "/v1/me", session)).status == 200


async def test_v01_with_postgres_and_valkey_away_together_nobody_gets_in(mine: Installation) -> None:
    """A minute in the soak. V-02: the limits that were reached before hold afterwards."""
    async with mine.portal() as portal:
        admin = await mine.admin()
        account, other = await portal.new(admin, on=True), await portal.new(admin, on=True)
        session = await portal.sign_in(account)
        answers: list[Reply] = []
        stop = asyncio.Event()
        async with mine.frozen([*mine.postgres_pids(), mine.valkey_pid()]):
            attacking = [asyncio.create_task(attack(portal, other, answers, stop)) for _ in range(4)]
            await asyncio.sleep(sized(14, 60))
            assert answers
            assert all(map(is_away, answers)), Counter(answer.status for answer in answers)
            stop.set()
        await asyncio.gather(*attacking)
        await eventually(mine.answers, 20, "ready again")
        assert not any(answer.json.get("status") == "signed_in" for answer in answers)
        assert (await portal.call("GET", "/v1/me", session)).status == 200


async def test_nothing_is_half_done_and_nobody_met_an_unexpected_error(mine: Installation) -> None:
    async with mine.database() as database:
        assert await flaws(database, mine.data_dir / "secrets" / "key") == []
    assert mine.unexpected == []


def _another(installation: Installation, old: int) -> bool:
    try:
        return installation.postgres_pid() != old
    except (FileNotFoundError, IndexError, ValueError):
        return False


async def _keep_writing(portal: Portal, account: Account, noted: list[Reply]) -> None:
    """Sign in and out until the database is away."""
    while True:
        answer = await portal.start(account)
        if answer.status == 201:
            noted.append(answer)
            answer = await portal.call("POST", "/v1/me/sign-out", answer.json["token"])
        if answer.status != 204:
            assert is_away(answer), answer
            return
        noted.append(answer)
