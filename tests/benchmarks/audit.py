"""Search and export of the audit trail of one large company, over HTTP by one caller."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import aiohttp

from events.credentials import CredentialKind
from tests.benchmarks import machine
from tests.benchmarks.accounts import Wanted, populate, write_people
from tests.benchmarks.figures import Figure, Sample, Target, joined
from tests.benchmarks.place import BenchmarkFailed, Place

_EVENTS: Final = "/v1/events"
_PEOPLE: Final = 500
_EXPORTED: Final = 100_000
_WARM_UP: Final = 0.3  # seconds
_PIECE: Final = 2**16

# A history in rows, not lived: first an import of everybody's accounts, then sign-ins, with few other facts between.
_TABLE: Final = "CREATE TEMP TABLE told (position bigint, at timestamptz, who uuid, login text, type text, ip text)"
# $1 people, $2 their logins, $3 how many facts, $4 the first position.
_TELL: Final = """
INSERT INTO told (position, at, who, login, type, ip)
SELECT
    $4 + n - 1, now() - ($3 - n) * interval '20 seconds', p.id, p.login,
    CASE
        WHEN n <= $3 / 20 THEN 'UserCreated' WHEN r < 0.48 THEN 'SignInStarted' WHEN r < 0.95 THEN 'SignedIn'
        WHEN r < 0.99 THEN 'CodeRejected' WHEN r < 0.9999 THEN 'UserChanged' ELSE 'KeyReset'
    END,
    CASE WHEN q < 0.6 THEN '198.51.100.7' ELSE '192.0.2.' || (q * 250)::integer END
FROM (SELECT n, random() AS r, random() AS q FROM generate_series(1, $3::bigint) AS n) AS s
INNER JOIN unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS p (id, login, number)
    ON p.number = 1 + s.n * 7919 % cardinality($1::uuid[])
"""
_ENTRIES: Final = """
INSERT INTO event (company_id, position, stream_id, version, type, entry)
SELECT
    $1, t.position, gen_random_uuid(), 1, t.type, convert_to(json_build_object(
        'position', t.position, 'at', t.at, 'company_id', $1::uuid, 'stream_id', t.who, 'stream_kind', 'user',
        'version', 1, 'id', gen_random_uuid(), 'type', t.type, 'v', 1,
        'actor', json_build_object('kind', 'user', 'id', t.who, 'company_id', $1::uuid),
        'request_id', gen_random_uuid(), 'causation_id', NULL,
        'data', json_build_object(
            'session_id', gen_random_uuid(), 'sign_in_id', gen_random_uuid(), 'door', 'sign_in',
            'factors', json_build_array('password', 'otp'), 'time_step', 58000000, 'signed_in_at', t.at
        ),
        'sealed', json_build_object('traces', json_build_object('person', t.who, 'box', repeat('A', 200)))
    )::text, 'UTF8')
FROM told AS t
"""
_ROWS: Final = """
INSERT INTO audit_trail_1 (
    company_id, position, type, at, subject_id, actor_id, actor_kind, ip, user_agent, reason, words
)
SELECT
    $1, t.position, t.type, t.at, t.who, t.who, 'user', t.ip, 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0',
    CASE WHEN t.type = 'KeyReset' THEN 'lost the phone' END,
    array_to_tsvector(array_remove(string_to_array(lower(t.type), ' ') || string_to_array(t.login, '.') || ARRAY[
        t.login, t.ip, CASE WHEN t.type = 'KeyReset' THEN 'phone' END, CASE WHEN t.position % 20 = 0 THEN 'often' END
    ], NULL))
FROM told AS t
"""
_MOVE: Final = """
WITH head AS (UPDATE company_log SET position = $2, at = now() WHERE company_id = $1)
INSERT INTO projection (company_id, name, position) VALUES ($1, 'audit_trail_1', $2)
ON CONFLICT (company_id, name) DO UPDATE SET position = $2
"""


@dataclass(frozen=True, slots=True)
class _Company:
    id: UUID
    people: Path
    token: str
    members: list[UUID]
    first: int
    last: int


async def audit(place: Place) -> AsyncIterator[Figure]:
    """Each filter and its combinations with many, few and no hits; then the newest facts as files."""
    count = 50_000 if place.quick else 1_000_000
    company = await _company(place, count)
    group = f"Audit trail, {count:,}"
    target = Target(value=100.0, most=True)
    for name, query in (await _cases(place, company)).items():
        sample = await _asked(place, company.people, f"{_EVENTS}?{urlencode(query)}")
        yield Figure(group=group, name=f"{name}, p95", product=sample, value=sample.p95, unit="ms", target=target)
    since = await _at(place, company, max(company.first, company.last - _EXPORTED + 1))
    for kind, most in (("csv", 3.0), ("jsonl", None), ("ocsf", None)):
        yield await _export(place, company, {"format": kind, "from": since}, group, most)


async def _company(place: Place, count: int) -> _Company:
    """The administrator who asks, and colleagues; then their history."""
    company_id = await place.parts.console.create_company("audit")
    asks = Wanted(login="audit.admin", role="administrator", holds=CredentialKind.SESSION)
    colleagues = (Wanted(login=f"member.{number}", enrolled=False) for number in range(_PEOPLE))
    (admin,) = await populate(place, ((company_id, one) for one in (asks, *colleagues)))
    async with place.owner() as owner:
        head: int = await owner.fetchval("SELECT position FROM company_log WHERE company_id = $1", company_id)
        rows = await owner.fetch(
            "SELECT stream_id, doc ->> 'login' AS login FROM user_state WHERE company_id = $1 ORDER BY 2", company_id
        )
        members = [row["stream_id"] for row in rows]
        await owner.execute(_TABLE)
        await owner.execute(_TELL, members, [row["login"] for row in rows], count, head + 1, timeout=600)
        await owner.execute(_ENTRIES, company_id, timeout=1200)
        await owner.execute(_ROWS, company_id, timeout=1200)
        await owner.execute(_MOVE, company_id, head + count)
    await place.settle()
    people = write_people(place, "audit", [admin.person])
    return _Company(company_id, people, admin.token, members, head + 1, head + count)


async def _cases(place: Place, company: _Company) -> dict[str, dict[str, str]]:
    old, newer = await _at(place, company, company.first + (company.last - company.first) // 3), str(company.members[7])
    week = await _at(place, company, company.first + (company.last - company.first) // 3 + 30_000)
    office, other = "198.51.100.7", "192.0.2.200"
    return {
        "newest": {},
        "200 of them": {"limit": "200"},
        "a period long ago": {"from": old, "to": week},
        "type of half": {"type": "SignedIn"},
        "type of few": {"type": "KeyReset"},
        "type of long ago": {"type": "UserCreated"},
        "no such type": {"type": "Nothing"},
        "one user": {"user_id": newer},
        "one actor": {"actor_id": newer},
        "address of most": {"ip": office},
        "address of few": {"ip": other},
        "address of nobody": {"ip": "203.0.113.1"},
        "word of all": {"q": "member"},
        "word of one in twenty": {"q": "often"},
        "word of few": {"q": "phone"},
        "word of nobody": {"q": "zimmermann"},
        "begin of a word": {"q": "m"},
        "words of all and of few": {"q": "member phone"},
        "type of long ago from most": {"type": "UserCreated", "ip": office},
        "type of few from few": {"type": "KeyReset", "ip": other},
        "type of long ago, word, address": {"type": "UserCreated", "ip": other, "q": "often"},
        "user, type of few": {"user_id": newer, "type": "KeyReset"},
        "user by another actor": {"user_id": newer, "actor_id": str(company.members[9])},
        "word and address in a period": {"q": "often", "ip": other, "from": old, "to": week},
        "type of long ago in a period without": {"type": "UserCreated", "from": old},
    }


async def _at(place: Place, company: _Company, position: int) -> str:
    at: datetime = await place.parts.pool.fetchval(
        "SELECT at FROM audit_trail_1 WHERE company_id = $1 AND position = $2", company.id, position
    )
    return at.isoformat().replace("+00:00", "Z")


async def _export(place: Place, company: _Company, query: dict[str, str], group: str, most: float | None) -> Figure:
    """The whole file, thrown away piece by piece; what the process grew by is told beside it."""
    api = await place.server("api")
    before, _ = machine.memory_mebibytes(api.pid)
    cpu, began, lines = machine.cpu_seconds(api.pid), perf_counter(), 0
    url = f"http://127.0.0.1:{api.port}{_EVENTS}/export"
    headers = {"Authorization": f"Bearer {company.token}"}
    async with aiohttp.ClientSession() as http, http.get(url, params=query, headers=headers) as answer:
        async for piece in answer.content.iter_chunked(_PIECE):
            lines += piece.count(b"\n")
        rows = int(answer.headers["X-Row-Count"])
    seconds, cpu = perf_counter() - began, machine.cpu_seconds(api.pid) - cpu
    if lines != rows + (query["format"] == "csv"):
        raise BenchmarkFailed(f"the export has {lines} lines for {rows} rows")
    _, peak = machine.memory_mebibytes(api.pid)
    name = f"export of {rows:,} as {query['format']} ({max(0, peak - before):.0f} MiB more at most)"
    sample = Sample(operations=rows, seconds=seconds, cpu=cpu)
    target: Any = Target(value=most, most=True) if most is not None else None
    return Figure(group=group, name=name, product=sample, value=seconds, unit="s", target=target)


async def _asked(place: Place, people: Path, path: str) -> Sample:
    """By one caller, again and again."""
    job = {"people": str(people), "skip": 0, "again": True, "conversation": "look_up", "path": path, "callers": 1}
    await place.measured("api", seconds=_WARM_UP, **job)
    samples = [await place.measured("api", seconds=place.seconds / place.rounds, **job) for _ in range(place.rounds)]
    return joined([sample for sample, _ in samples])
