"""Demo data, made once: three companies through the ordinary use cases, and a fourth with a month of past."""

import asyncio
import json
import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from events import totp
from events.company.policy import CompanyRules
from events.company.roles import Right
from events.company.scopes import RIGHT_OF, Scope
from events.policy import effective
from events.user.state import UserState, password_is_due
from services.adapters.system import SystemClock
from services.application.context import Caller, Request
from services.application.passwords import generate_password
from services.application.seeding.draws import Draw
from services.application.seeding.people import Draft
from services.bootstrap import Runtime, runtime
from services.cli.seeding import account, ground
from services.embedded.postgres import PostgresUrls
from services.settings import Settings

FILE: Final = "demo.json"
# Enrolled in the past, so that the first code that anybody reads off is not a spent one.
_AGO: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class _Person:
    login: str
    role: str
    protected: bool


_COMPANIES: Final = {
    "Factorlog Demo Provider": (_Person("operator", "operator", True),),
    "Acme GmbH": (
        _Person("anna.admin", "administrator", True),
        _Person("sven.security", "security_officer", True),
        _Person("udo.user", "user", False),
        _Person("uta.user", "user", True),
        _Person("axel.audit", "auditor", True),
    ),
    "Beta AG": (_Person("bea.admin", "administrator", True), _Person("ben.user", "user", False)),
}
_PROVIDER: Final = "Factorlog Demo Provider"
# People in all states; those who can sign in stand in the file.
_WITH_A_PAST: Final = Draft(
    name="Gamma KG",
    language="de",
    domain="gamma.example",
    bare_logins=True,
    first=("gerda.admin", "gustav.security"),
)
_PEOPLE: Final = 40
_DAYS: Final = 30


class _EarlierClock:
    """The demo's own clock, for its new companies only."""

    def __init__(self) -> None:
        self._real = SystemClock()

    def now(self) -> datetime:
        return self._real.now() - _AGO

    async def sleep_until(self, at: datetime) -> None:
        await self._real.sleep_until(at + _AGO)


async def create_demo(settings: Settings, urls: PostgresUrls, redis_url: str) -> None:
    """Make the demo's companies and write `demo.json`, unless that was done before."""
    path = settings.data_dir / FILE
    if path.exists():
        return
    async with runtime(settings, _EarlierClock()) as parts:
        users = [
            await _create_person(parts, name, company_id, person)
            for name, people in _COMPANIES.items()
            for company_id in [await parts.console.create_company(name, provider=name == _PROVIDER)]
            for person in people
        ]
    users += await _tell_a_past(settings)
    document = {
        "base_url": settings.base_url,
        "database_url": urls.owner,
        "app_database_url": urls.app,
        "redis_url": redis_url,
        "users": users,
        "api_clients": await _create_clients(settings, users),
    }
    write_private(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def refresh_demo(path: Path, base_url: str, urls: PostgresUrls, redis_url: str) -> None:
    """Keep the addresses in `demo.json` true when the port or a socket changed."""
    if not path.exists():
        return
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    addresses = {
        "base_url": base_url,
        "database_url": urls.owner,
        "app_database_url": urls.app,
        "redis_url": redis_url,
    }
    if document | addresses != document:
        write_private(path, json.dumps(document | addresses, indent=1, ensure_ascii=False) + "\n")


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, mode 0600."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


async def _create_clients(settings: Settings, users: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One program a company, with every scope that its administrators could give."""
    companies = {user["company"]: UUID(user["company_id"]) for user in users}
    async with runtime(settings) as parts:
        return [
            {
                "company": name,
                "token": await parts.console.create_client(company_id, "demo", scopes),
                "scopes": [scope.value for scope in scopes],
            }
            for name, company_id in companies.items()
            for scopes in [_scopes_of(name)]
        ]


def _scopes_of(company: str) -> tuple[Scope, ...]:
    return tuple(s for s in Scope if company == _PROVIDER or RIGHT_OF[s][0] is not Right.COMPANIES)


async def _tell_a_past(settings: Settings) -> list[dict[str, Any]]:
    """Those of the company's people who can sign in now, with a password of each one's own."""
    async with ground(settings) as here:
        passwords = {number: generate_password(here.parts.entropy) for number in range(_PEOPLE)}
        draw, never = Draw(_WITH_A_PAST.name), asyncio.Event()
        seeded = await here.seed(_WITH_A_PAST, _PEOPLE, _DAYS, draw, passwords, lambda facts, told: None, never)
    now = SystemClock().now()
    return [
        account(_WITH_A_PAST.name, seeded, person, passwords[number])
        for number, person in enumerate(seeded.people)
        if _can_sign_in(person.state, seeded.rules, now)
    ]


def _can_sign_in(user: UserState, rules: CompanyRules, now: datetime) -> bool:
    """With a password, and a code where there is a factor, from anywhere."""
    demanded = effective(user, rules, now).next_sign_in
    return (
        user.is_active(now)
        and not user.networks
        and demanded in ("password", "code")
        and not password_is_due(user, now, rules.policy.password_max_age_days)
        and (user.ladder.until is None or now >= user.ladder.until)
    )


async def _create_person(parts: Runtime, company: str, company_id: UUID, person: _Person) -> dict[str, Any]:
    domain = company.split()[0].lower()
    user, password = await parts.console.create_user(
        company_id, login=person.login, role=person.role, email=f"{person.login}@{domain}.example"
    )
    key = await _enrol(parts, person.login, password) if person.protected else None
    return {
        "login": person.login,
        "password": password,
        "company": company,
        "company_id": str(company_id),
        "user_id": str(user.user_id),
        "role": person.role,
        "totp_key": key,
    }


async def _enrol(parts: Runtime, login: str, password: str) -> str:
    """Switch the factor on as its owner would; the key text."""
    app = parts.application
    request = Request(id=str(parts.entropy.uuid()), arrived_at=parts.clock.now())
    answer = await app.sign_in.start(login, password, request)
    caller = await _caller(parts, answer.token, request)
    shown, _ = await app.own.start_enrolment(caller, password=password, code=None)
    code = totp.code_at(totp.key_from_text(shown.key), totp.time_step(parts.clock.now()))
    await app.own.confirm(await _caller(parts, answer.token, request), code)
    await app.own.sign_out(await _caller(parts, answer.token, request))
    return shown.key


async def _caller(parts: Runtime, token: str, request: Request) -> Caller:
    caller = await parts.application.authentication.caller(token, request)
    if caller is None:
        raise AssertionError("the demo's own session is gone")
    return replace(caller, request=request)
