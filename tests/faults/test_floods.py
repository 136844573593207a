"""V-03: thousands of sign-ins for one account starve nobody else."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest

from tests.support.people import Account, Portal
from tests.support.processes import SOAK, Installation, resident_mebibytes

pytestmark = [pytest.mark.xdist_group("two processes"), pytest.mark.timeout(1800 if SOAK else 120)]

SIGN_INS = 10_000 if SOAK else 2_000
MEBIBYTES = 150
# The promise is one second; here clients, servers and other tests share two cores.
P99_SECONDS = 1.0 if SOAK else 2.5


@dataclass
class Neighbour:
    """A user of another company who signs in all the time."""

    portal: Portal
    account: Account
    seconds: list[float] = field(default_factory=list)

    async def keep_signing_in(self) -> None:
        while True:
            began = time.monotonic()
            answer = await self.portal.start(self.account)
            assert answer.status == 201, answer
            self.seconds.append(time.monotonic() - began)
            await self.portal.call("POST", "/v1/me/sign-out", answer.json["token"])


async def test_v03_a_flood_of_sign_ins_for_one_account_starves_nobody_else(installation: Installation) -> None:
    child, url = installation.serve()
    await child.ready()
    async with installation.portal(url) as portal, installation.portal(url) as strange, installation.portal(url) as far:
        account = await portal.new(await installation.admin())
        await portal.sign_in(account)
        neighbour = Neighbour(far, far.known(installation.user("ben.user")))
        await far.sign_in(neighbour.account)
        signing_in = asyncio.create_task(neighbour.keep_signing_in())
        # Right ones from where its owner is known to be, wrong ones from there and from somewhere else.
        flood = [
            portal.start(account) if n % 3 == 0 else (portal, strange)[n % 2].start(account, "wrong")
            for n in range(SIGN_INS)
        ]
        highest = asyncio.create_task(_highest(child.pid))
        answers = await asyncio.gather(*flood)
        highest.cancel()
        await asyncio.sleep(0.5)
        assert not signing_in.done(), signing_in
        signing_in.cancel()
        statuses = Counter(answer.status for answer in answers)
        assert set(statuses) <= {201, 401, 429, 503}, statuses
        assert all("Retry-After" in answer.headers for answer in answers if answer.status in (429, 503))
        # Its owner is not locked out for longer than a minute, and is told until when.
        assert all(int(answer.headers["Retry-After"]) <= 600 for answer in answers if answer.status == 429)
    taken = sorted(neighbour.seconds)
    assert len(taken) > 10
    assert taken[int(len(taken) * 0.99) - 1] < P99_SECONDS, taken[-5:]
    assert resident_mebibytes(child.pid) < MEBIBYTES
    child.stop()


async def _highest(pid: int) -> None:
    """Fails the moment the process holds too much."""
    while True:
        assert resident_mebibytes(pid) < MEBIBYTES
        await asyncio.sleep(0.1)
