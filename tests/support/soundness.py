"""An own look at a whole log: dense, folded right, and with exactly the credentials that its states name."""

import os
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias
from uuid import UUID, uuid5

import asyncpg

from events.codec import decode, personal_part
from events.company import clients, decider, reports
from events.company.clients import ApiClientCreated, ApiClientRevoked, ApiClientRotated, ClientState
from events.company.events import CompanyEvent, CompanySuspended, InstallationRestored, RoleChanged
from events.company.reports import ReportState
from events.company.state import CompanyState
from events.company.state import fold as fold_company
from events.envelope import StreamKind
from events.facts import is_client_fact, is_company_fact, is_report_fact, is_user_fact
from events.store.port import RecordedEvent
from events.store.states import client_state, company_state, report_state, user_doc, user_state
from events.user.evolve import fold
from events.user.reactions import effect_target, reactions
from events.user.state import UserState
from services.adapters.evidence import PostgresEvidence
from services.adapters.key_wrapper import LocalKeyWrapper
from services.application.audit_check import check
from services.application.evidence import Finding
from tests.support.service import Service

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_Stream: TypeAlias = tuple[UUID, UUID]


async def flaws(database: Connection, key_file: Path) -> list[str]:
    """What does not fit, of one snapshot; empty when all is sound."""
    async with database.transaction(isolation="repeatable_read", readonly=True):
        told = await _told(database, LocalKeyWrapper(key_file, os.urandom))
        return [
            *await _gaps(database),
            *await _wrong_states(database, told),
            *await _wrong_company_states(database, told),
            *await _wrong_credentials(database, told),
            *await _wrong_logins(database),
            *await _missing_effects(database),
        ]


async def unsound(service: Service) -> list[Finding | str]:
    """What `factorlog check` finds, and what this look finds; empty when all is sound."""
    evidence = PostgresEvidence(service.parts.pool, service.parts.wrapper)
    connection: Connection = await asyncpg.connect(service.database.owner_url)
    try:
        own = await flaws(connection, service.parts.settings.key_path)
        return [*await check(evidence, lambda done, total: None), *own]
    finally:
        await connection.close()


async def request_ids(database: Connection) -> set[str]:
    """The requests that left something in the log."""
    rows = await database.fetch("SELECT convert_from(entry, 'UTF8')::jsonb ->> 'request_id' AS id FROM event")
    return {row["id"] for row in rows}


async def _gaps(database: Connection) -> list[str]:
    """Positions of a company and versions of a stream are 1, 2, 3 … with nothing behind the head."""
    companies = await database.fetch(
        "SELECT company_id, position, (SELECT count(*) FROM event e WHERE e.company_id = c.company_id) AS events,"
        " (SELECT max(position) FROM event e WHERE e.company_id = c.company_id) AS last FROM company_log c"
    )
    streams = await database.fetch(
        "SELECT e.company_id, e.stream_id, count(*) AS events, max(e.version) AS last, min(e.version) AS first,"
        " coalesce((SELECT version FROM user_state s WHERE (s.company_id, s.stream_id) = (e.company_id, e.stream_id)),"
        " (SELECT version FROM company_state s WHERE (s.company_id, s.stream_id) = (e.company_id, e.stream_id)))"
        " AS state FROM event e GROUP BY e.company_id, e.stream_id"
    )
    found = [f"company {row['company_id']}: gap" for row in companies if not row[1] == row[2] == row[3]]
    for row in streams:
        dense = row["first"] == 1 and row["events"] == row["last"]
        if not dense or row["state"] not in (None, row["last"]):
            found.append(f"stream {row['stream_id']}: {dict(row)}")
    return found


@dataclass
class _Told:
    """What the entries tell, one after the other; `ended`: what a fact about a whole company or a role ended."""

    users: dict[_Stream, UserState] = field(default_factory=dict)
    companies: dict[UUID, CompanyState] = field(default_factory=dict)
    clients: dict[_Stream, ClientState] = field(default_factory=dict)
    reports: dict[_Stream, ReportState] = field(default_factory=dict)
    tokens: set[_Stream] = field(default_factory=set)
    ended: set[UUID] = field(default_factory=set)


async def _told(database: Connection, wrapper: LocalKeyWrapper) -> _Told:
    wrapped = {(row[0], row[1]): row[2] for row in await database.fetch("SELECT * FROM person_key")}
    keys = {who: await wrapper.unwrap(bytes(key)) for who, key in wrapped.items()}
    told = _Told()
    for name, entry in await database.fetch("SELECT type, entry FROM event ORDER BY company_id, position"):
        _tell(told, decode(name, entry), keys)
    return told


def _tell(told: _Told, recorded: RecordedEvent, keys: dict[_Stream, bytes]) -> None:
    where = recorded.company_id, recorded.stream_id
    fact = personal_part(recorded, keys.get(where)) if recorded.stream_kind is StreamKind.USER else recorded.data
    match recorded.stream_kind:
        case StreamKind.USER:
            assert is_user_fact(fact)
            told.users[where] = fold([fact], told.users.get(where))
        case StreamKind.COMPANY:
            assert is_company_fact(fact)
            _end(told, recorded.company_id, fact)
            told.companies[recorded.company_id] = fold_company([fact], told.companies.get(recorded.company_id))
        case StreamKind.CLIENT:
            assert is_client_fact(fact)
            told.clients[where] = clients.fold([fact], told.clients.get(where))
            if isinstance(fact, ApiClientCreated | ApiClientRotated):
                told.tokens.add(where)
            elif isinstance(fact, ApiClientRevoked):
                told.tokens.discard(where)
        case StreamKind.REPORT:
            assert is_report_fact(fact)
            told.reports[where] = reports.fold([fact])
        case _:
            pass


def _end(told: _Told, company: UUID, fact: CompanyEvent) -> None:
    for (of, _), user in told.users.items():
        begun = {one.id for one in (*user.sessions, *user.sign_ins, user.pending) if one is not None}
        if of == company and isinstance(fact, CompanySuspended):
            told.ended |= begun | ({user.break_glass.id} if user.break_glass else set())
        if of == company and isinstance(fact, RoleChanged) and user.role == fact.name:
            told.ended |= begun - {fact.kept}
        if of == company and isinstance(fact, InstallationRestored):
            told.ended |= begun | set(user.recovery_codes) | ({user.break_glass.id} if user.break_glass else set())
    if isinstance(fact, CompanySuspended):
        told.tokens = {where for where in told.tokens if where[0] != company}


async def _wrong_states(database: Connection, told: _Told) -> list[str]:
    """Each user's state is the fold of the user's facts, personal ones opened."""
    stored = {
        (row[0], row[1]): row[2]
        for row in await database.fetch("SELECT company_id, stream_id, doc::text FROM user_state")
    }
    found = [f"user {who[1]}: no state, or no facts" for who in told.users.keys() ^ stored.keys()]
    for who in told.users.keys() & stored.keys():
        if user_doc(user_state(stored[who])) != user_doc(told.users[who]):
            found.append(f"user {who[1]}: not the fold of its facts")
    return found


async def _wrong_company_states(database: Connection, told: _Told) -> list[str]:
    """And so are those of companies and API clients."""
    found, seen = [], set[_Stream]()
    for company, stream, doc in await database.fetch("SELECT company_id, stream_id, doc::text FROM company_state"):
        if stream == company:
            same = company_state(company, 0, doc) == told.companies[company]
        elif (company, stream) in told.reports:
            same = report_state(doc) == told.reports[company, stream]
        elif (company, stream) in told.clients:
            seen.add((company, stream))
            same = client_state(doc) == told.clients[company, stream]
        else:
            same = doc == "{}"  # where refused passwords stand
        if not same:
            found.append(f"stream {stream}: not the fold of its facts")
    return [*found, *(f"client {who[1]}: no state" for who in told.clients.keys() - seen)]


async def _wrong_credentials(database: Connection, told: _Told) -> list[str]:
    """The rows of each user are those that the state names, one for one, but for what expired and may be swept away.

    And each client has one token, or none.
    """
    held: dict[_Stream, set[tuple[str, UUID]]] = defaultdict(set)
    passwords: dict[_Stream, int] = defaultdict(int)
    tokens: list[_Stream] = []
    for company, user, kind, ident in await database.fetch("SELECT company_id, user_id, kind, id FROM credential"):
        if kind == "password":
            passwords[company, user] += 1
        elif kind == "api_client":
            tokens.append((company, user))
        else:
            held[company, user].add((kind, ident))
    found = []
    for company, user, doc in await database.fetch("SELECT company_id, stream_id, doc::text FROM user_state"):
        state = user_state(doc)
        named = {(kind, ident) for kind, ident in _named(state) if ident not in told.ended}
        if not named - _over(state) <= held.pop((company, user), set()) <= named:
            found.append(f"user {user}: other credentials than the state names")
        if passwords.pop((company, user), 0) != int(state.has_password):
            found.append(f"user {user}: not one password")
    if sorted(tokens) != sorted(told.tokens):
        found.append("other tokens of API clients than the facts gave")
    return [*found, *(f"user {who[1]}: credentials of nobody" for who in [*held, *passwords])]


def _named(state: UserState) -> set[tuple[str, UUID]]:
    named = {("session", session.id) for session in state.sessions}
    named |= {("sign_in", progress.id) for progress in state.sign_ins}
    named |= {("recovery_code", code) for code in state.recovery_codes}
    named |= {("key", state.key.id)} if state.key else set()
    named |= {("pending_key", state.pending.id)} if state.pending else set()
    named |= {("break_glass", state.break_glass.id)} if state.break_glass else set()
    return named


def _over(state: UserState) -> set[tuple[str, UUID]]:
    """What has expired by itself."""
    now, given = datetime.now(UTC), state.break_glass
    over = {("session", session.id) for session in state.sessions if session.expires_at <= now}
    over |= {("sign_in", progress.id) for progress in state.sign_ins if progress.expires_at <= now}
    return over | ({("break_glass", given.id)} if given is not None and given.expires_at <= now else set())


async def _wrong_logins(database: Connection) -> list[str]:
    rows = await database.fetch(
        "SELECT s.stream_id FROM user_state s FULL JOIN login l"
        " ON (l.company_id, l.user_id) = (s.company_id, s.stream_id)"
        " WHERE (l.user_id IS NULL) <> coalesce((s.doc ->> 'erased')::boolean, false) OR s.stream_id IS NULL"
    )
    return [f"user {row[0]}: no login, or a login of nobody" for row in rows]


async def _missing_effects(database: Connection) -> list[str]:
    """Each fact that calls for something outside has the rows for it, or what became of it is on record already."""
    wanted, settled = set(), set()
    for company, position, name, entry in await database.fetch("SELECT company_id, position, type, entry FROM event"):
        recorded = decode(name, entry)
        if is_user_fact(recorded.data):
            target = effect_target(recorded.stream_id)
            wanted |= {(company, position, str(kind), target) for kind in reactions(recorded.data)}
        elif is_company_fact(recorded.data):
            wanted |= {(company, position, str(kind), "") for kind in decider.reactions(recorded.data)}
        elif is_report_fact(recorded.data):
            wanted |= {(company, position, str(kind), "") for kind in reports.reactions(recorded.data)}
        elif recorded.stream_kind is StreamKind.EFFECT:
            settled.add(recorded.stream_id)
    rows = {tuple(row) for row in await database.fetch("SELECT company_id, position, kind, target FROM effect")}
    open_ones = {effect for effect in wanted if _stream_of(effect) not in settled}
    return [f"effect {effect}: missing, or of no fact" for effect in (open_ones - rows) | (rows - wanted)]


def _stream_of(effect: tuple[UUID, int, str, str]) -> UUID:
    company, position, kind, target = effect
    return uuid5(company, f"{position}/{kind}/{target}")
