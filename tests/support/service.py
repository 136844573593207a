"""The API of one or more processes' worth of parts, over real HTTP on a real Postgres, with a clock of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiohttp
import pyotp
import pytest_asyncio
from aiohttp.test_utils import TestServer

from services.adapters.passwords import Argon2Passwords
from services.api.app import create_app
from services.api.server import Runner
from services.bootstrap import Runtime, runtime
from services.portal.mount import mount
from services.portal.site import make_site
from services.settings import Settings
from tests.support.database import Database

PASSWORD: Final = "Ein langes Kennwort, 7 Wörter"


class ManualClock:
    """Stands still until it is told to go on; sleeping moves nothing and does not wait."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC).replace(microsecond=0)

    def now(self) -> datetime:
        return self._now

    def advance(self, **by: float) -> None:
        self._now += timedelta(**by)

    async def sleep_until(self, at: datetime) -> None:
        await asyncio.sleep(0)


@dataclass
class Reply:
    """One answer of the service."""

    status: int
    headers: dict[str, str]
    raw: bytes
    json: Any = None

    @property
    def code(self) -> str | None:
        """The problem's slug."""
        return self.json.get("code") if isinstance(self.json, dict) else None


@dataclass
class Person:
    """A user of the test's company with what the user knows and carries."""

    login: str
    user_id: UUID
    company_id: UUID
    password: str = field(default=PASSWORD, repr=False)
    key: str | None = field(default=None, repr=False)
    recovery_codes: list[str] = field(default_factory=list, repr=False)


@dataclass
class Service:
    """One process of the API."""

    parts: Runtime
    clock: ManualClock
    url: str
    http: aiohttp.ClientSession
    database: Database
    address: str | None = None

    def at(self, address: str) -> "Service":
        """The same as seen from that address; only a process behind a proxy believes it."""
        return replace(self, address=address)

    async def call(self, method: str, path: str, token: str | None = None, json: Any = None, **rest: Any) -> Reply:
        """Any request; `rest` goes to aiohttp (data, headers, params)."""
        headers = dict(rest.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if self.address is not None:
            headers["X-Forwarded-For"] = self.address
        async with self.http.request(method, self.url + path, headers=headers, json=json, **rest) as answer:
            raw = await answer.read()
            parsed = await answer.json(content_type=None) if raw and answer.content_type.endswith("json") else None
            return Reply(answer.status, dict(answer.headers), raw, parsed)

    # People and companies, made through the use cases.

    async def company(self, name: str = "Acme GmbH", *, provider: bool = False) -> UUID:
        return await self.parts.console.create_company(name, provider=provider)

    async def person(
        self, company_id: UUID, login: str, role: str = "user", *, on: bool = False, email: str | None = None
    ) -> Person:
        """A user; `on`: with an authenticator bound, whose current code is not spent any more."""
        user, _ = await self.parts.console.create_user(
            company_id, login=login, role=role, password=PASSWORD, email=email
        )
        made = Person(login, user.user_id, company_id)
        if on:
            await self.enrol(made)
        return made

    async def enrol(self, person: Person) -> None:
        """Bind an authenticator as its owner would, sign out, and let the spent code go by."""
        token = await self.sign_in(person)
        await self.enrol_in(person, token)
        await self.call("POST", "/v1/me/sign-out", token)
        self.clock.advance(seconds=60)

    async def enrol_in(self, person: Person, token: str) -> Reply:
        """Start and confirm in a session; the person carries the new key."""
        started = await self.call("POST", "/v1/me/two-factor/enrolment", token, {"password": person.password})
        assert started.status == 201, started
        person.key = started.json["key"]
        done = await self.call("POST", "/v1/me/two-factor/enrolment/confirmation", token, {"code": self.code(person)})
        assert done.status == 200, done
        person.recovery_codes = done.json["recovery_codes"]
        return done

    def code(self, person: Person, steps: int = 0) -> str:
        """What the person's authenticator shows, `steps` time steps from now."""
        assert person.key is not None
        return pyotp.TOTP(person.key).at(self.clock.now(), counter_offset=steps)

    def wrong_code(self, person: Person) -> str:
        """Six digits that are no code of the person around now."""
        near = {self.code(person, steps) for steps in range(-3, 4)}
        return next(code for n in range(100) if (code := f"{n:06}") not in near)

    # Signing in.

    async def start(self, person: Person, password: str | None = None) -> Reply:
        return await self.call(
            "POST", "/v1/sign-ins", json={"login": person.login, "password": password or person.password}
        )

    async def pending(self, person: Person) -> str:
        """The token of a sign-in in progress."""
        started = await self.start(person)
        assert started.status == 201, started
        return str(started.json["token"])

    async def give(self, token: str, code: str) -> Reply:
        return await self.call("POST", "/v1/sign-ins/current/code", token, {"code": code})

    async def sign_in(self, person: Person) -> str:
        """A session's token; with a factor that is on this spends the current code."""
        started = await self.start(person)
        assert started.status == 201, started
        if started.json["status"] == "signed_in":
            return str(started.json["token"])
        done = await self.give(started.json["token"], self.code(person))
        assert done.status == 200, done
        return str(done.json["token"])

    async def fresh_sign_in(self, person: Person) -> str:
        """Signed in after the last spent code went by."""
        self.clock.advance(seconds=60)
        return await self.sign_in(person)

    async def events(self, company_id: UUID) -> list[dict[str, Any]]:
        """The company's whole log: decoded entries in order, boxes unopened."""
        from pydantic_core import from_json

        raw = await self.parts.store.events(company_id, 0, 100_000)
        return [from_json(event.entry) for event in raw]

    async def event_types(self, company_id: UUID) -> list[str]:
        return [event["type"] for event in await self.events(company_id)]


def settings_for(database: Database, folder: Path, **more: Any) -> Settings:
    values = {
        "database_url": database.app_url,
        "data_dir": folder,
        "refusal_milliseconds": 0,
        "database_connections": 8,
        **more,
    }
    return Settings.model_validate(values)


def cheap_passwords() -> Argon2Passwords:
    """Argon2id with parameters that cost nothing: for tests that are not about hashing."""
    return Argon2Passwords(memory_kib=8, passes=1, lanes=1, cores=2)


class OwnServer(TestServer):
    """Runs as `factorlog serve` does."""

    async def _make_runner(self, **options: Any) -> Runner:
        return Runner(self.app, **options)


@asynccontextmanager
async def running(
    database: Database,
    folder: Path,
    clock: ManualClock | None = None,
    passwords: Argon2Passwords | None = None,
    **more: Any,
) -> AsyncIterator[Service]:
    """One process's worth of parts behind a real server; start two on one database for two processes.

    `more` are settings.
    """
    clock = clock or ManualClock()
    async with AsyncExitStack() as stack:
        settings = settings_for(database, folder, **more)
        parts = await stack.enter_async_context(runtime(settings, clock, passwords or cheap_passwords()))
        app = create_app(
            parts.application, parts.readiness, hosts=frozenset(), trusted_proxies=settings.trusted_proxies
        )
        mount(app, make_site(parts.vault.pepper, behind_tls=False, public_url=None))
        server = OwnServer(app)
        await server.start_server()
        stack.push_async_callback(server.close)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield Service(parts, clock, str(server.make_url("")).rstrip("/"), http, database)


BEHIND_A_PROXY: Final = ("127.0.0.0/8", "::1/128")


@pytest_asyncio.fixture
async def two_proxied(database: Database, tmp_path: Path) -> AsyncIterator[tuple[Service, Service]]:
    """Two processes behind a proxy, which says from where a call comes."""
    clock = ManualClock()
    async with (
        running(database, tmp_path, clock, trusted_proxies=BEHIND_A_PROXY) as one,
        running(database, tmp_path, clock, trusted_proxies=BEHIND_A_PROXY) as other,
    ):
        yield one, other


@pytest_asyncio.fixture
async def service(database: Database, tmp_path: Path) -> AsyncIterator[Service]:
    """The API of one process on a database of this test alone."""
    async with running(database, tmp_path) as one:
        yield one


Another = Callable[[], Awaitable[Service]]


@pytest_asyncio.fixture
async def another(service: Service, database: Database, tmp_path: Path) -> AsyncIterator[Another]:
    """Makes further processes on the same database, key and clock."""
    async with AsyncExitStack() as stack:

        async def make() -> Service:
            return await stack.enter_async_context(running(database, tmp_path, service.clock))

        yield make
