"""The event log in Postgres: one function call an append, several streams of a company in one call when it is busy."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from time import perf_counter
from typing import Final, TypeAlias
from uuid import UUID

import asyncpg

from events.company.state import CompanyState
from events.credentials import Credential, CredentialKind
from events.sealing import Random
from events.sql import statement
from events.store.batch import arguments, entries
from events.store.grouped import GroupedReads
from events.store.observer import AppendObserver, Unobserved
from events.store.port import (
    Append,
    Appended,
    HeldCredential,
    LoginAccount,
    RawEvent,
    Status,
    StoredStream,
    StoredUser,
    Unavailable,
)
from events.store.states import client_state, company_state, user_state

_APPEND: Final = statement(__file__, "append")
_LOAD_USER: Final = statement(__file__, "load_user")
_LOAD_CALLERS: Final = statement(__file__, "load_callers")
_LOAD_LOGIN: Final = statement(__file__, "load_login")
_LOAD_STREAM: Final = statement(__file__, "load_stream")
_READ_STREAM: Final = statement(__file__, "read_stream")
_LOAD_CLIENTS: Final = statement(__file__, "load_clients")
_CREDENTIALS: Final = statement(__file__, "credentials_of_user")
_TOUCH: Final = statement(__file__, "touch_credential")
_READ_EVENTS: Final = statement(__file__, "read_events")
_TRACE_KEY: Final = statement(__file__, "trace_key")
_OFFER_TRACE_KEY: Final = statement(__file__, "offer_trace_key")
_INSTALLATION_KEY: Final = statement(__file__, "installation_key")
_OFFER_INSTALLATION_KEY: Final = statement(__file__, "offer_installation_key")
_PERSON_KEYS: Final = statement(__file__, "person_keys")

_Waiting: TypeAlias = tuple[Append, list[bytes], asyncio.Future[Appended]]

MAX_BATCH: Final = 64
# InternalClientError: the server's farewell reached the connection while nobody used it.
_AWAY: Final = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    TimeoutError,
)
_STOPPING: Final = (
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
)


@asynccontextmanager
async def available() -> AsyncIterator[None]:
    """Translate "the database is away" to Unavailable; other errors are bugs and pass."""
    try:
        yield
    except (*_AWAY, *_STOPPING) as error:
        raise Unavailable(type(error).__name__) from error


class _Company:
    """Commands that wait for the append of their company that is in flight."""

    __slots__ = ("busy", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[_Waiting] = deque()
        self.busy = False


class PostgresEventStore:
    """EventStore on a pool of the restricted role."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        new_id: Callable[[], UUID],
        random: Random,
        observer: AppendObserver | None = None,
    ) -> None:
        self._pool = pool
        self._new_id = new_id
        self._random = random
        self._observer = observer or Unobserved()
        self._companies: dict[UUID, _Company] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._callers = GroupedReads(self._read_callers)

    async def append(self, command: Append) -> Appended:
        """Group commit: while one append of a company is in flight, the next ones go together. No timer."""
        bodies = entries(command, self._new_id, self._random)
        company = self._companies.setdefault(command.company_id, _Company())
        outcome: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        company.waiting.append((command, bodies, outcome))
        if not company.busy:
            company.busy = True
            task = asyncio.create_task(self._flush(command.company_id, company))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await outcome

    async def _flush(self, company_id: UUID, company: _Company) -> None:
        try:
            while company.waiting:
                if batch := _next_batch(company.waiting):
                    await self._commit(batch)
        finally:
            company.busy = False
            self._companies.pop(company_id, None)
            # Only when this ends early; nobody may wait for ever.
            _fail(list(company.waiting), Unavailable("interrupted"))

    async def _commit(self, batch: list[_Waiting]) -> None:
        try:
            results = await self._call([(command, bodies) for command, bodies, _ in batch])
        except asyncpg.PostgresError as error:
            if len(batch) == 1:
                _fail(batch, error)
                return
            # One bad command of a batch must not fail the others.
            for one in batch:
                await self._commit([one])
        except Unavailable as error:
            # The outcome is unknown: it must not be repeated, and nobody may believe it.
            _fail(batch, error)
        except BaseException as error:
            # A cancellation is ours and not the callers'.
            _fail(batch, error if isinstance(error, Exception) else Unavailable("interrupted"))
            raise
        else:
            for (_, _, outcome), result in zip(batch, results, strict=True):
                if not outcome.done():
                    outcome.set_result(result)

    async def _call(self, batch: list[tuple[Append, list[bytes]]]) -> list[Appended]:
        began = perf_counter()
        async with available():
            row = await self._pool.fetchrow(_APPEND, *arguments(batch))
        if row is None:
            raise Unavailable("append gave no answer")
        results = [Appended(Status(s), p) for s, p in zip(row[0], row[1], strict=True)]
        self._observer.appended(perf_counter() - began, results)
        return results

    async def user(self, company_id: UUID, user_id: UUID) -> StoredUser | None:
        async with available():
            row = await self._pool.fetchrow(_LOAD_USER, company_id, user_id)
        return _stored_user(row) if row else None

    async def caller(self, company_id: UUID, credential_id: UUID) -> HeldCredential | None:
        return await self._callers.get((company_id, credential_id))

    async def _read_callers(self, asked: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], HeldCredential]:
        async with available():
            rows = await self._pool.fetch(_LOAD_CALLERS, [a[0] for a in asked], [a[1] for a in asked])
        return {(row["company_id"], row["held_id"]): _held(row) for row in rows}

    async def login(self, login_key: str, address: bytes) -> LoginAccount | None:
        async with available():
            row = await self._pool.fetchrow(_LOAD_LOGIN, login_key, address)
        if row is None:
            return None
        return LoginAccount(user=_stored_user(row), password=row["password"], address_is_known=row["address_is_known"])

    async def company(self, company_id: UUID) -> tuple[int, CompanyState]:
        async with available():
            row = await self._pool.fetchrow(_LOAD_STREAM, company_id, company_id)
        return (row[0], company_state(company_id, row[0], row[1])) if row else (0, CompanyState())

    async def stream(self, company_id: UUID, stream_id: UUID) -> StoredStream:
        async with available():
            row = await self._pool.fetchrow(_LOAD_STREAM, company_id, stream_id)
        return StoredStream(row[0], row[1]) if row else StoredStream(0, None)

    async def stream_events(self, company_id: UUID, stream_id: UUID, after: int, limit: int) -> list[RawEvent]:
        async with available():
            rows = await self._pool.fetch(_READ_STREAM, company_id, stream_id, after + 1, limit)
        return [RawEvent(*row) for row in rows]

    async def clients(self, company_id: UUID) -> list[tuple[UUID, str, Credential | None]]:
        async with available():
            rows = await self._pool.fetch(_LOAD_CLIENTS, company_id)
        return [(row["client_id"], row["doc"], _credential(row) if row["id"] else None) for row in rows]

    async def credentials(self, company_id: UUID, user_id: UUID, kinds: Sequence[CredentialKind]) -> list[Credential]:
        async with available():
            rows = await self._pool.fetch(_CREDENTIALS, company_id, user_id, list(kinds))
        return [_credential(row) for row in rows]

    async def touch(self, company_id: UUID, credential_id: UUID, at: datetime) -> None:
        async with available():
            await self._pool.execute(_TOUCH, company_id, credential_id, at)

    async def events(self, company_id: UUID, after: int, limit: int) -> list[RawEvent]:
        async with available():
            rows = await self._pool.fetch(_READ_EVENTS, company_id, after, limit)
        return [RawEvent(*row) for row in rows]

    async def trace_key(self, company_id: UUID, month: str) -> bytes | None:
        async with available():
            wrapped: bytes | None = await self._pool.fetchval(_TRACE_KEY, company_id, month)
        return wrapped

    async def offer_trace_key(self, company_id: UUID, month: str, wrapped: bytes) -> bytes | None:
        async with available():
            await self._pool.execute(_OFFER_TRACE_KEY, company_id, month, wrapped)
        return await self.trace_key(company_id, month)

    async def installation_key(self, name: str) -> bytes | None:
        async with available():
            wrapped: bytes | None = await self._pool.fetchval(_INSTALLATION_KEY, name)
        return wrapped

    async def offer_installation_key(self, name: str, wrapped: bytes) -> bytes:
        async with available():
            await self._pool.execute(_OFFER_INSTALLATION_KEY, name, wrapped)
        return await self.installation_key(name) or wrapped

    async def person_keys(self, company_id: UUID, user_ids: Sequence[UUID]) -> dict[UUID, bytes]:
        async with available():
            rows = await self._pool.fetch(_PERSON_KEYS, company_id, list(user_ids))
        return {row[0]: row[1] for row in rows}


def _next_batch(waiting: deque[_Waiting]) -> list[_Waiting]:
    """The commands that may share a call: of different streams, and none that has to go alone."""
    batch: list[_Waiting] = []
    streams: set[UUID] = set()
    while waiting and len(batch) < MAX_BATCH:
        command, _, outcome = waiting[0]
        if outcome.cancelled():
            # Whoever asked for it has been told that it did not happen.
            waiting.popleft()
            continue
        if batch and (command.alone is not None or command.stream_id in streams):
            break
        streams.add(command.stream_id)
        batch.append(waiting.popleft())
        if command.alone is not None:
            break
    return batch


def _fail(batch: Sequence[_Waiting], error: BaseException) -> None:
    for _, _, outcome in batch:
        if not outcome.done():
            outcome.set_exception(error)


def _held(row: asyncpg.Record) -> HeldCredential:
    company_id: UUID = row["company_id"]
    held = Credential(
        id=row["held_id"],
        user_id=row["held_user_id"],
        kind=CredentialKind(row["held_kind"]),
        secret=row["held_secret"],
        expires_at=row["held_expires_at"],
        seen_at=row["held_seen_at"],
        attributes=json.loads(row["held_attributes"]),
    )
    version, company = _company(row)
    return HeldCredential(
        credential=held,
        company_id=company_id,
        company=company,
        company_version=version,
        user=_stored_user(row) if row["user_id"] is not None else None,
        client=client_state(row["client_doc"]) if row["client_doc"] is not None else None,
    )


def _company(row: asyncpg.Record) -> tuple[int, CompanyState]:
    version = row["company_version"]
    return (version, company_state(row["company_id"], version, row["company_doc"])) if version else (0, CompanyState())


def _stored_user(row: asyncpg.Record) -> StoredUser:
    version, company = _company(row)
    return StoredUser(
        company_id=row["company_id"],
        user_id=row["user_id"],
        version=row["version"],
        state=user_state(row["doc"]),
        company=company,
        company_version=version,
        person_key=row["person_key"],
        key_id=row["key_id"],
        key_secret=row["key_secret"],
    )


def _credential(row: asyncpg.Record) -> Credential:
    return Credential(
        id=row["id"],
        user_id=row["user_id"],
        kind=CredentialKind(row["kind"]),
        secret=row["secret"],
        expires_at=row["expires_at"],
        seen_at=row["seen_at"],
        last_step=row["last_step"],
        attributes=json.loads(row["attributes"]),
    )
