"""An own look at a whole log: dense, folded right, and with exactly the credentials that its states name."""

import os
from collections import defaultdict
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

import asyncpg

from events.codec import decode, personal_part
from events.envelope import Recorded, StreamKind
from events.facts import is_user_fact
from events.store.states import user_doc, user_state
from events.user.evolve import fold
from events.user.reactions import effect_target, reactions
from events.user.state import UserState
from services.adapters.key_wrapper import LocalKeyWrapper

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_Stream: TypeAlias = tuple[UUID, UUID]


async def flaws(database: Connection, key_file: Path) -> list[str]:
    """What does not fit, of one snapshot; empty when all is sound."""
    async with database.transaction(isolation="repeatable_read", readonly=True):
        return [
            *await _gaps(database),
            *await _wrong_states(database, LocalKeyWrapper(key_file, os.urandom)),
            *await _wrong_credentials(database),
            *await _wrong_logins(database),
            *await _missing_effects(database),
        ]


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


async def _wrong_states(database: Connection, wrapper: LocalKeyWrapper) -> list[str]:
    """Each user's state is the fold of the user's facts, personal ones opened."""
    wrapped = {(row[0], row[1]): row[2] for row in await database.fetch("SELECT * FROM person_key")}
    keys = {who: await wrapper.unwrap(bytes(key)) for who, key in wrapped.items()}
    facts: dict[_Stream, list[Recorded[object]]] = defaultdict(list)
    folded: dict[_Stream, UserState] = {}
    for name, entry in await database.fetch("SELECT type, entry FROM event ORDER BY company_id, position"):
        recorded = decode(name, entry)
        if recorded.stream_kind is StreamKind.USER:
            who = recorded.company_id, recorded.stream_id
            fact = personal_part(recorded, keys.get(who))
            assert is_user_fact(fact)
            folded[who] = fold([fact], folded.get(who))
            facts[who].append(recorded)
    stored = {
        (row[0], row[1]): row[2]
        for row in await database.fetch("SELECT company_id, stream_id, doc::text FROM user_state")
    }
    found = [f"user {who[1]}: no state, or no facts" for who in folded.keys() ^ stored.keys()]
    for who in folded.keys() & stored.keys():
        if user_doc(user_state(stored[who])) != user_doc(folded[who]):
            found.append(f"user {who[1]}: not the fold of its facts")
    return found


async def _wrong_credentials(database: Connection) -> list[str]:
    """The rows of each user are those that the state names, one for one."""
    held: dict[_Stream, set[tuple[str, UUID]]] = defaultdict(set)
    passwords: dict[_Stream, int] = defaultdict(int)
    for company, user, kind, ident in await database.fetch("SELECT company_id, user_id, kind, id FROM credential"):
        if kind == "password":
            passwords[company, user] += 1
        else:
            held[company, user].add((kind, ident))
    found = []
    for company, user, doc in await database.fetch("SELECT company_id, stream_id, doc::text FROM user_state"):
        state = user_state(doc)
        if _named(state) != held.pop((company, user), set()):
            found.append(f"user {user}: other credentials than the state names")
        if passwords.pop((company, user), 0) != int(state.has_password):
            found.append(f"user {user}: not one password")
    return [*found, *(f"user {who[1]}: credentials of nobody" for who in [*held, *passwords])]


def _named(state: UserState) -> set[tuple[str, UUID]]:
    named = {("session", session.id) for session in state.sessions}
    named |= {("sign_in", progress.id) for progress in state.sign_ins}
    named |= {("recovery_code", code) for code in state.recovery_codes}
    named |= {("key", state.key.id)} if state.key else set()
    named |= {("pending_key", state.pending.id)} if state.pending else set()
    return named


async def _wrong_logins(database: Connection) -> list[str]:
    rows = await database.fetch(
        "SELECT s.stream_id FROM user_state s FULL JOIN login l"
        " ON (l.company_id, l.user_id) = (s.company_id, s.stream_id)"
        " WHERE (l.user_id IS NULL) <> coalesce((s.doc ->> 'erased')::boolean, false) OR s.stream_id IS NULL"
    )
    return [f"user {row[0]}: no login, or a login of nobody" for row in rows]


async def _missing_effects(database: Connection) -> list[str]:
    """Each fact that calls for something outside has the rows for it, and there are no others."""
    wanted = set()
    for company, position, name, entry in await database.fetch("SELECT company_id, position, type, entry FROM event"):
        recorded = decode(name, entry)
        if is_user_fact(recorded.data):
            target = effect_target(recorded.stream_id)
            wanted |= {(company, position, str(kind), target) for kind in reactions(recorded.data)}
    rows = await database.fetch("SELECT company_id, position, kind, target FROM effect")
    return [f"effect {effect}: missing, or of no fact" for effect in wanted ^ {tuple(row) for row in rows}]
