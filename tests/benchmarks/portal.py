"""The pages of the portal as an administrator and an operator ask for them, in a company with a past."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import aiohttp

from events.credentials import CredentialKind
from services.portal.routes import ROUTES
from services.portal.security import SESSION
from tests.benchmarks.accounts import Made, Wanted, populate, write_people
from tests.benchmarks.audit import Told, told_company
from tests.benchmarks.figures import Figure, Sample, Target, joined
from tests.benchmarks.place import BenchmarkFailed, Place
from tests.support.processes import command
from workers.projector import Projector

_PAGE: Final = Target(value=50.0, most=True)
_LIST: Final = Target(value=100.0, most=True)
_WARM_UP: Final = 0.2  # seconds


@dataclass(frozen=True)
class _Town:
    """A seeded company, who asks for its pages, and somebody in it whom they are about."""

    company_id: UUID
    events: int
    admin: Made
    operator: Made
    target: UUID


async def pages(place: Place) -> AsyncIterator[Figure]:
    """Every page there is, at a hundred thousand events; then lists with sort, filter and search at a million."""
    quick = place.quick
    small = await _town(place, users=100 if quick else 1_000, days=20 if quick else 90)
    for name, path in await _every_page(place, small):
        person = small.operator if path.startswith("/companies") else small.admin
        people = write_people(place, person.login, [person.person])
        yield _figure(f"Pages, {small.events:,} events", name, await _asked(place, people, path), _PAGE)
    count = 50_000 if quick else 1_000_000
    large = await told_company(place, count, name="portal", logins="colleague", colleagues=500 if quick else 5_000)
    for name, path in _lists(large).items():
        yield _figure(f"Lists, {count:,} events", name, await _asked(place, large.people, path), _LIST)


def _figure(group: str, name: str, sample: Sample, target: Target) -> Figure:
    return Figure(group=group, name=f"{name}, p95", product=sample, value=sample.p95, unit="ms", target=target)


async def _town(place: Place, *, users: int, days: int) -> _Town:
    before = set(await _companies(place))
    words = ("--users", users, "--days", days, "--data-dir", place.data_dir)
    said = await asyncio.to_thread(command, "seed", "--json", *map(str, words), seconds=1800)
    if said.code:
        raise BenchmarkFailed(f"factorlog seed: {said.err}")
    (company_id,) = set(await _companies(place)) - before
    provider = await place.parts.console.create_company("pages", provider=True)
    holds = CredentialKind.SESSION
    admin, operator = await populate(
        place,
        [
            (company_id, Wanted(login="pages.admin", role="administrator", holds=holds)),
            (provider, Wanted(login="pages.operator", role="operator", holds=holds)),
        ],
    )
    await place.settle()
    await Projector(place.parts.pool, place.parts.wrapper).project()
    await place.settle()
    target = await _somebody(place, company_id, users // 4)
    return _Town(company_id, said.json["facts"], admin, operator, target)


async def _companies(place: Place) -> list[UUID]:
    async with place.owner() as connection:
        return [row[0] for row in await connection.fetch("SELECT company_id FROM company_log")]


async def _somebody(place: Place, company_id: UUID, skipped: int) -> UUID:
    """With a key, in the middle of the list."""
    async with place.owner() as connection:
        found: UUID = await connection.fetchval(
            "SELECT stream_id FROM user_state WHERE company_id = $1 AND doc->>'key' IS NOT NULL "
            "ORDER BY doc->>'login' OFFSET $2 LIMIT 1",
            company_id,
            skipped,
        )
    return found


async def _every_page(place: Place, town: _Town) -> list[tuple[str, str]]:
    """(route, address) of those that are shown and do not lead elsewhere."""
    found, server = [], await place.server("api")
    ids = {"{company_id}": str(town.company_id), "{user_id}": str(town.target)}
    async with aiohttp.ClientSession() as http:
        for route in (one for one in ROUTES if not one.is_act):
            path = route.path
            for name, value in ids.items():
                path = path.replace(name, value)
            person = town.operator if path.startswith("/companies") else town.admin
            cookie = {"Cookie": f"{SESSION}={person.token}"}
            url = f"http://127.0.0.1:{server.port}{path}"
            async with http.get(url, headers=cookie, allow_redirects=False) as answer:
                if answer.status == 200:
                    found.append((route.path, path))
    return found


def _lists(company: Told) -> dict[str, str]:
    """As an administrator asks: sorted, filtered, searched, with many, few and no hits."""
    somebody = str(company.members[len(company.members) // 2])
    month = {"from": (_today() - timedelta(days=120)).isoformat(), "to": (_today() - timedelta(days=90)).isoformat()}
    users: dict[str, dict[str, str]] = {
        "first page": {},
        "from the end": {"sort": "-login"},
        "behind half of them": {"after": somebody},
        "role of one": {"role": "administrator"},
        "factor off": {"two_factor": "off"},
        "factor on, nearly nobody": {"two_factor": "on"},
        "factor off, from the end": {"two_factor": "off", "sort": "-login"},
        "part of a login, ten have it": {"q": "colleague.123"},
        "part of a login, nobody has it": {"q": "nobody has it"},
        "role, factor and part of a login": {"role": "user", "two_factor": "off", "q": "99"},
    }
    audit: dict[str, dict[str, str]] = {
        "newest": {},
        "far back": {"before": str(company.last // 3)},
        "kind of half": {"type": "SignedIn"},
        "kind of few": {"type": "KeyReset"},
        "about one person": {"user": somebody},
        "by one person": {"actor": somebody},
        "a month long ago": month,
        "address of most": {"ip": "198.51.100.7"},
        "address of few": {"ip": "192.0.2.200"},
        "word of all": {"q": "colleague"},
        "word of one in twenty": {"q": "often"},
        "word of nobody": {"q": "zimmermann"},
        "kind, month and word": {"type": "SignedIn", "q": "often", **month},
        "kind of few, address and word": {"type": "KeyReset", "ip": "192.0.2.200", "q": "phone"},
    }
    return {f"/users, {name}": f"/users?{urlencode(query)}" for name, query in users.items()} | {
        f"/audit, {name}": f"/audit?{urlencode(query)}" for name, query in audit.items()
    }


def _today() -> date:
    return datetime.now(UTC).date()


async def _asked(place: Place, people: Path, path: str) -> Sample:
    """By one caller, again and again."""
    job: dict[str, Any] = {
        "people": str(people),
        "skip": 0,
        "again": True,
        "conversation": "open_page",
        "path": path,
        "callers": 1,
    }
    await place.measured("api", seconds=_WARM_UP, **job)
    rounds = max(1, place.rounds // 2)
    return joined([(await place.measured("api", seconds=place.seconds / 8, **job))[0] for _ in range(rounds)])
