"""Two real API processes on one database: one winner, one count, no surprise under a burst."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable
from datetime import timedelta
from uuid import UUID

import pytest

from tests.support.people import Account, Portal
from tests.support.processes import SOAK, Installation
from tests.support.service import Another, Reply, Service

pytestmark = [pytest.mark.xdist_group("two processes"), pytest.mark.timeout(7200 if SOAK else 120)]

ROUNDS = 1000 if SOAK else 12
TRIES = 20 if SOAK else 10
BURST = 1000 if SOAK else 300


async def types_of(installation: Installation, account: Account, kind: str) -> list[dict[str, object]]:
    """The user's facts of one type."""
    async with installation.database() as database:
        rows = await database.fetch(
            "SELECT entry FROM event WHERE company_id = $1 AND stream_id = $2 AND type = $3 ORDER BY version",
            UUID(account.company_id),
            UUID(account.user_id),
            kind,
        )
    return [json.loads(row["entry"])["data"] for row in rows]


async def at_once(calls: list[Awaitable[Reply]]) -> list[Reply]:
    """All answers; they were sent in one go."""
    return list(await asyncio.gather(*calls))


async def _round(portal: Portal, admin: str) -> tuple[Account, list[Reply]]:
    account = await portal.new(admin, on=True)
    tokens = [await portal.pending(account, at=n) for n in range(TRIES - 2)]
    # One sign-in is tried at both processes too.
    tokens += [tokens[0], tokens[1]]
    code = await account.authenticator.code()
    return account, await at_once([portal.give(token, code, at=n // 2) for n, token in enumerate(tokens)])


async def test_o03_one_code_at_the_same_instant_at_two_processes_has_one_winner(
    installation: Installation, second: str
) -> None:
    async with installation.portal(installation.url, second) as portal:
        for _ in range(ROUNDS // 4):
            admin = await installation.admin()
            for account, answers in await asyncio.gather(*(_round(portal, admin) for _ in range(4))):
                assert Counter(answer.status for answer in answers) == {200: 1, 401: TRIES - 1}
                assert len(await types_of(installation, account, "SignedIn")) == 2  # this one, and the one to enrol


async def test_o01_a_code_spent_at_one_process_is_refused_by_the_other(installation: Installation, second: str) -> None:
    async with installation.portal(installation.url, second) as portal:
        account = await portal.new(await installation.admin(), on=True)
        first, other = await portal.pending(account, at=0), await portal.pending(account, at=1)
        code = await account.authenticator.code()
        assert (await portal.give(first, code, at=0)).status == 200
        refused = await portal.give(other, code, at=1)
        assert (refused.status, refused.code) == (401, "invalid_code")


async def test_l03_failures_spread_over_two_processes_count_on_the_account(
    installation: Installation, second: str
) -> None:
    async with installation.portal(installation.url, second) as portal:
        account = await portal.new(await installation.admin(), on=True)
        tokens = [await portal.pending(account, at=n) for n in range(6)]
        wrong = account.authenticator.wrongs(5)
        answers = [await portal.give(tokens[n], code, at=n) for n, code in enumerate(wrong)]
        assert {answer.code for answer in answers} == {"invalid_code"}
        right = await account.authenticator.code()
        for n in (0, 1):
            paused = await portal.give(tokens[5], right, at=n)
            assert (paused.status, paused.code) == (401, "invalid_code")
        assert len(await types_of(installation, account, "TwoFactorPaused")) == 1
        assert len(await types_of(installation, account, "SignedIn")) == 1


async def test_l01_ten_failures_spread_over_two_processes_lock_for_half_an_hour(
    service: Service, another: Another
) -> None:
    # Pauses between the failures add up to half an hour: these two share a clock that can be moved.
    both = [service, await another()]
    udo = await service.person(await service.company(), "udo.user", on=True)
    for failure in range(10):
        one = both[failure % 2]
        refused = await one.give(await one.pending(udo), one.wrong_code(udo))
        assert refused.code == "invalid_code"
        if failure < 9:
            service.clock.advance(seconds=961)
    service.clock.advance(minutes=29)
    for one in both:
        assert (await one.give(await one.pending(udo), one.code(udo))).code == "invalid_code"
    service.clock.advance(seconds=timedelta(minutes=1, seconds=1).total_seconds())
    assert (await both[1].give(await both[1].pending(udo), both[1].code(udo))).status == 200


async def test_l04_a_burst_of_codes_over_two_processes_is_evaluated_as_often_as_the_ladder_allows(
    installation: Installation, second: str
) -> None:
    async with installation.portal(installation.url, second) as portal:
        account = await portal.new(await installation.admin(), on=True)
        tokens = [await portal.pending(account, at=n) for n in range(30)]
        codes = account.authenticator.wrongs(BURST)
        answers = await at_once([portal.give(tokens[n % 30], code, at=n) for n, code in enumerate(codes)])
        # 401: refused, or the sign-in ended under it; 503: the process could not be the first in twenty tries.
        assert {answer.status for answer in answers} <= {401, 503}
        assert all("Retry-After" in answer.headers for answer in answers if answer.status == 503)
        rejected = await types_of(installation, account, "CodeRejected")
        assert sum(fact["result"] == "wrong" for fact in rejected) == 5
        # What is not evaluated is on record once a pause: a flood does not fill the log.
        assert len(rejected) <= 7
        token = await portal.pending(account)
        assert (await portal.give(token, await account.authenticator.code(), at=1)).code == "invalid_code"


async def test_z04_a_sign_out_at_one_process_holds_at_the_other_at_once(
    installation: Installation, second: str
) -> None:
    async with installation.portal(installation.url, second) as portal:
        account = await portal.new(await installation.admin())
        tokens = [await portal.sign_in(account, at=n) for n in range(4)]
        for n, token in enumerate(tokens):
            assert (await portal.call("GET", "/v1/me", token, at=n + 1)).status == 200
            assert (await portal.call("POST", "/v1/me/sign-out", token, at=n)).status == 204
            assert (await portal.call("GET", "/v1/me", token, at=n + 1)).status == 401


async def test_s06_a_reset_at_one_process_ends_what_runs_at_the_other(installation: Installation, second: str) -> None:
    async with installation.portal(installation.url, second) as portal:
        account = await portal.new(await installation.admin(), on=True)
        session, pending = await portal.sign_in(account, at=1), await portal.pending(account, at=1)
        path = f"/v1/users/{account.user_id}/two-factor/reset"
        done = await portal.call("POST", path, await installation.admin(), {"reason": "phone lost"}, at=0)
        assert done.status == 200, done
        assert (await portal.call("GET", "/v1/me", session, at=1)).status == 401
        assert (await portal.give(pending, await account.authenticator.code(), at=1)).code == "unauthenticated"


def test_nobody_met_an_unexpected_error(installation: Installation, second: str) -> None:
    assert installation.unexpected == []
