"""People in front of the real service: an authenticator app of their own, real time, and one address each."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import aiohttp
import pyotp

from tests.support.service import PASSWORD, Reply

_STEP: Final = 30


@dataclass
class Phone:
    """An authenticator app that remembers which code was spent."""

    key: str = field(repr=False)
    spent: int = -1

    def at(self, step: int) -> str:
        return pyotp.TOTP(self.key).at(step * _STEP)

    async def code(self) -> str:
        """A code that the service has to accept now; spent once it is shown. May wait for the next step."""
        while True:
            now, into = divmod(time.time(), _STEP)
            # The step before serves as well, while there is time left to send it.
            earliest = int(now) - 1 if into < _STEP - 5 else int(now)
            step = max(self.spent + 1, earliest)
            if step <= int(now) + 1:
                self.spent = step
                return self.at(step)
            await asyncio.sleep(0.1)

    def wrong(self) -> str:
        """Six digits that are no code around now."""
        now = int(time.time()) // _STEP
        near = {self.at(now + n) for n in range(-3, 5)}
        return next(code for n in range(100) if (code := f"{n:06}") not in near)

    def wrongs(self, count: int) -> list[str]:
        """As many different ones."""
        now = int(time.time()) // _STEP
        near = {self.at(now + n) for n in range(-3, 5)}
        return [code for n in range(count + 20) if (code := f"{n:06}") not in near][:count]


def request_id(reply: Reply) -> str:
    """Under which the service knows the request; header names may come in other letters."""
    return next(value for name, value in reply.headers.items() if name.lower() == "x-request-id")


@dataclass
class Account:
    login: str
    password: str = field(repr=False)
    user_id: str
    company_id: str
    phone: Phone | None = None
    recovery_codes: list[str] = field(default_factory=list, repr=False)

    @property
    def authenticator(self) -> Phone:
        assert self.phone is not None
        return self.phone


@dataclass
class Portal:
    """A client of one or more API processes of one installation."""

    urls: Sequence[str]
    http: aiohttp.ClientSession
    marks: list[object] = field(default_factory=list, repr=False)  # one a request that is on its way

    @property
    def sent(self) -> int:
        return len(self.marks)

    @classmethod
    @asynccontextmanager
    async def opened(cls, urls: Sequence[str], **timeouts: float) -> AsyncIterator["Portal"]:
        """From an address of its own: failed passwords are counted by address."""
        address = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
        connector = aiohttp.TCPConnector(limit=0, local_addr=(address, 0))
        timeout = aiohttp.ClientTimeout(**(timeouts or {"total": 60}))
        marks: list[object] = []

        async def sent(*_: object) -> None:
            marks.append(None)

        watching = aiohttp.TraceConfig()
        watching.on_request_headers_sent.append(sent)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, trace_configs=[watching]) as http:
            yield cls(urls, http, marks)

    async def call(
        self, method: str, path: str, token: str | None = None, json: Any = None, *, at: int = 0, **rest: Any
    ) -> Reply:
        """Any request to the process number `at`; `rest` goes to aiohttp (data, headers, params)."""
        headers = dict(rest.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        url = self.urls[at % len(self.urls)] + path
        async with self.http.request(method, url, headers=headers, json=json, **rest) as answer:
            raw = await answer.read()
            parsed = await answer.json(content_type=None) if raw and "json" in answer.content_type else None
            return Reply(answer.status, dict(answer.headers), raw, parsed)

    def known(self, user: dict[str, Any]) -> Account:
        """Somebody of `demo.json`."""
        phone = Phone(user["totp_key"]) if user["totp_key"] else None
        return Account(user["login"], user["password"], user["user_id"], user["company_id"], phone)

    async def new(self, admin: str, *, on: bool = False, role: str = "user") -> Account:
        """A new user of the administrator's company; `on`: with an authenticator bound, and signed out again."""
        login = f"u{uuid4().hex[:16]}"
        body = {"login": login, "password": PASSWORD, "role": role, "email": f"{login}@acme.example"}
        made = await self.call("POST", "/v1/users", admin, body)
        assert made.status == 201, made
        account = Account(login, PASSWORD, made.json["id"], made.json["company_id"])
        if on:
            token = await self.sign_in(account)
            await self.enrol(account, token)
            out = await self.call("POST", "/v1/me/sign-out", token)
            assert out.status == 204, out
        return account

    async def enrol(self, account: Account, token: str) -> None:
        """Bind an authenticator in a session."""
        started = await self.call("POST", "/v1/me/two-factor/enrolment", token, {"password": account.password})
        assert started.status == 201, started
        account.phone = Phone(started.json["key"])
        confirmed = await self.call(
            "POST", "/v1/me/two-factor/enrolment/confirmation", token, {"code": await account.phone.code()}
        )
        assert confirmed.status == 200, confirmed
        account.recovery_codes = confirmed.json["recovery_codes"]

    async def start(self, account: Account, password: str | None = None, *, at: int = 0) -> Reply:
        body = {"login": account.login, "password": password or account.password}
        return await self.call("POST", "/v1/sign-ins", json=body, at=at)

    async def pending(self, account: Account, *, at: int = 0) -> str:
        """The token of a sign-in in progress."""
        started = await self.start(account, at=at)
        assert started.status == 201, started
        return str(started.json["token"])

    async def give(self, token: str, code: str, *, at: int = 0) -> Reply:
        return await self.call("POST", "/v1/sign-ins/current/code", token, {"code": code}, at=at)

    async def sign_in(self, account: Account, *, at: int = 0) -> str:
        """A session's token."""
        started = await self.start(account, at=at)
        assert started.status == 201, started
        if started.json["status"] == "signed_in":
            return str(started.json["token"])
        done = await self.give(started.json["token"], await account.authenticator.code(), at=at)
        assert done.status == 200, done
        return str(done.json["token"])
