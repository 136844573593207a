"""kill -9 of an API process: what was acknowledged is in the log, nothing is half done, and it comes back."""

import asyncio
import os
import random
import signal
import time
from dataclasses import dataclass, field
from functools import partial

import aiohttp
import pytest

from tests.support.people import Phone, Portal, request_id
from tests.support.processes import SOAK, Installation, command, eventually
from tests.support.service import PASSWORD, Reply
from tests.support.soundness import flaws, request_ids

pytestmark = [pytest.mark.xdist_group("killed api"), pytest.mark.timeout(7200 if SOAK else 120)]

KILLS = 500 if SOAK else 50
LIVES = 6  # at once, of as many accounts

STABLE, VICTIM = 0, 1


@dataclass
class Acknowledged:
    """Answers that promise that something is on record."""

    answers: list[Reply] = field(default_factory=list)

    def note(self, answer: Reply) -> Reply:
        if answer.status < 300 or answer.code == "invalid_code":
            self.answers.append(answer)
        return answer

    @property
    def ids(self) -> set[str]:
        return {request_id(answer) for answer in self.answers}


@dataclass
class Life:
    """One account from its creation to its reset, act after act; the first acts at a process that stays."""

    portal: Portal
    admin: str
    noted: Acknowledged
    before: int  # acts before the kill's process takes over
    done: int = 0

    async def act(self, method: str, path: str, token: str | None = None, json: object = None) -> Reply:
        at = STABLE if self.done < self.before else VICTIM
        self.done += 1
        answer = await self.portal.call(method, path, token, json, at=at)
        return self.noted.note(answer)

    async def live(self) -> None:
        """Until the process dies under it."""
        login = f"k{random.getrandbits(64):x}"
        body = {"login": login, "password": PASSWORD, "role": "user", "email": f"{login}@acme.example"}
        made = await self.act("POST", "/v1/users", self.admin, body)
        proofs = {"login": login, "password": PASSWORD}
        session = (await self.act("POST", "/v1/sign-ins", json=proofs)).json["token"]
        await self.act("PATCH", "/v1/me", session, {"language": "en"})
        password = {"password": PASSWORD}
        phone = Phone((await self.act("POST", "/v1/me/two-factor/enrolment", session, password)).json["key"])
        code = {"code": await phone.code()}
        await self.act("POST", "/v1/me/two-factor/enrolment/confirmation", session, code)
        fresh = (await self.act("POST", "/v1/me/step-up", session, {"code": await phone.code()})).json["token"]
        pending = (await self.act("POST", "/v1/sign-ins", json=proofs)).json["token"]
        await self.act("POST", "/v1/sign-ins/current/code", pending, {"code": phone.wrong()})
        path = f"/v1/users/{made.json['id']}/two-factor"
        await self.act("POST", f"{path}/unlock", self.admin, {"reason": "a try"})
        await self.act("POST", "/v1/me/two-factor/reset", fresh, {"code": await phone.code()})
        await self.act("POST", f"{path}/disable", self.admin, {"reason": "another try"})
        while True:
            session = (await self.act("POST", "/v1/sign-ins", json=proofs)).json["token"]
            await self.act("POST", "/v1/me/sign-out", session)


async def _until_it_dies(life: Life) -> None:
    try:
        await life.live()
    except (aiohttp.ClientError, ConnectionError):
        assert life.done > life.before, "the process that stays broke a connection"


async def _kill_once(installation: Installation, victim: int, url: str, noted: Acknowledged) -> None:
    """Lives reach their acts at the victim, and a moment later it is gone."""
    admin = await installation.admin()
    async with installation.portal(installation.url, url) as portal:
        lives = [Life(portal, admin, noted, random.randint(0, 12)) for _ in range(LIVES)]
        running = asyncio.gather(*(_until_it_dies(life) for life in lives))
        await eventually(lambda: running.done() or any(life.done > life.before for life in lives), 30, "an act")
        await asyncio.sleep(random.uniform(0.001, 0.2))
        os.kill(victim, signal.SIGKILL)
        async with asyncio.timeout(60):
            await running


async def test_a03_what_a_killed_process_acknowledged_is_in_the_log_and_nothing_is_half_done(
    installation: Installation,
) -> None:
    noted, forking = Acknowledged(), installation.forking()
    for _ in range(KILLS):
        await _kill_once(installation, *await forking.serve(), noted)
    forking.close()
    async with installation.database() as database:
        recorded = await request_ids(database)
        assert [answer for answer in noted.answers if request_id(answer) not in recorded] == []
        assert await flaws(database, installation.data_dir / "secrets" / "key") == []
    assert len(noted.ids) > 4 * KILLS, "hardly anything was going on"
    assert installation.unexpected == []


async def test_a03_the_command_check_finds_the_log_sound_after_the_kills(installation: Installation) -> None:
    forking = installation.forking()
    await _kill_once(installation, *await forking.serve(), Acknowledged())
    forking.close()
    checked = await asyncio.to_thread(command, "check", "--data-dir", installation.data_dir)
    assert checked.code == 0, checked


async def test_a_killed_supervised_process_serves_again_within_five_seconds(installation: Installation) -> None:
    for program in ("serve", "serve", "work"):
        old = await eventually(partial(installation.child_pid, program), 10, program)
        os.kill(old, signal.SIGKILL)
        began = time.monotonic()
        await eventually(partial(_another, installation, program, old), 5, f"another {program}")
        await eventually(installation.answers, began + 5 - time.monotonic(), "answers")


def _another(installation: Installation, program: str, old: int) -> bool:
    return installation.child_pid(program) not in (None, old)
