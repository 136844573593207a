"""Accounts in bulk: their facts go through the store's append, the rows beside them in one copy."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from events.codec import SealingKeys
from events.credentials import Credential, CredentialKind
from events.envelope import Actor, ActorKind, Metadata, StreamKind, Traces
from events.store.port import Append, Status
from events.store.states import user_doc
from events.totp import KEY_BYTES, time_step
from events.user.events import (
    EnrolmentStarted,
    RecoveryCodesIssued,
    SignedIn,
    SignInStarted,
    Stage,
    TwoFactorEnabled,
    TwoFactorOrdered,
    UserCreated,
    UserEvent,
)
from events.user.evolve import fold
from services.adapters.passwords import Argon2Passwords
from services.adapters.system import available_cores
from services.application.context import Request
from services.application.logins import keyed, limited_address, login_key
from services.application.sessions import IssuedToken, Tokens, session_row, sign_in_row
from services.bootstrap import Runtime
from services.settings import Settings
from tests.benchmarks.place import BenchmarkFailed, Place

PASSWORD: Final = "Ein langes Kennwort, 7 Wörter"
_AGO: Final = timedelta(minutes=30)
_AT_ONCE: Final = 512
_ADDRESS: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An account to be: with a confirmed key, ordered to enrol, or without anything; and what it holds."""

    login: str
    role: str = "user"
    enrolled: bool = True
    ordered: bool = False
    holds: CredentialKind | None = None  # a session, or a sign-in in progress


@dataclass(slots=True, kw_only=True)
class Made:
    """One account on its way into the database."""

    company_id: UUID
    user_id: UUID
    login: str
    key: bytes
    token: str
    wrapped: bytes
    append: Append
    rows: list[Credential] = field(default_factory=list)

    @property
    def person(self) -> tuple[str, str, str, str]:
        """As the load generator reads it."""
        return self.token, self.key.hex(), self.login, PASSWORD


class Maker:
    """Makes accounts as they would have become; all of one password, and known from this address."""

    def __init__(self, parts: Runtime, password: bytes, address: bytes) -> None:
        self._parts = parts
        self._password = password
        self._address = address
        self._tokens = Tokens(parts.entropy)

    async def make(self, company_id: UUID, wanted: Wanted) -> Made:
        parts, user_id = self._parts, self._parts.entropy.uuid()
        data_key, wrapped = await parts.vault.new_person_key()
        key, now = parts.entropy.bytes(KEY_BYTES), parts.clock.now()
        token = self._tokens.issue(wanted.holds or CredentialKind.SIGN_IN, company_id)
        events = self._history(wanted, now - _AGO)
        rows = self._rows(company_id, user_id, events, data_key, key)
        if wanted.holds is not None:
            session = wanted.holds is CredentialKind.SESSION
            last, row = self._session(user_id, token, now) if session else self._sign_in(user_id, token, now)
            events, rows = (*events, last), [row, *rows]
        keys = SealingKeys(
            subject=data_key, subject_id=user_id, month=await parts.vault.month_key(company_id, parts.clock.now())
        )
        append = Append(
            company_id=company_id,
            stream_id=user_id,
            stream_kind=StreamKind.USER,
            expected=0,
            decided_at=now,
            events=events,
            metadata=_metadata(parts, company_id, user_id),
            keys=keys,
            state=user_doc(fold(events)),
            known_address=self._address,
        )
        return Made(
            company_id=company_id,
            user_id=user_id,
            login=wanted.login,
            key=key,
            token=token.token,
            wrapped=wrapped,
            append=append,
            rows=rows,
        )

    def _history(self, wanted: Wanted, at: datetime) -> tuple[UserEvent, ...]:
        created = UserCreated(
            role=wanted.role,
            language="de",
            time_zone="Europe/Berlin",
            created_at=at,
            has_password=True,
            login=wanted.login,
            email=f"{wanted.login}@example.org",
        )
        if wanted.ordered:
            return created, TwoFactorOrdered(ordered_at=at, expires_at=at + timedelta(hours=72))
        return (created, *self._enrolment(at)) if wanted.enrolled else (created,)

    def _enrolment(self, at: datetime) -> tuple[UserEvent, ...]:
        entropy, key_id = self._parts.entropy, self._parts.entropy.uuid()
        return (
            EnrolmentStarted(
                key_id=key_id,
                generation=1,
                holder_id=entropy.uuid(),
                started_at=at,
                expires_at=at + timedelta(minutes=10),
            ),
            TwoFactorEnabled(key_id=key_id, generation=1, time_step=time_step(at), enabled_at=at, replaced=False),
            RecoveryCodesIssued(code_ids=tuple(entropy.uuid() for _ in range(10)), issued_at=at),
        )

    def _sign_in(self, user_id: UUID, token: IssuedToken, now: datetime) -> tuple[UserEvent, Credential]:
        until = now + timedelta(hours=1)  # longer than people have: the last are asked long after the first were made
        begun = SignInStarted(sign_in_id=token.id, stage=Stage.CODE, expires_at=until)
        return begun, sign_in_row(token, user_id, until)

    def _session(self, user_id: UUID, token: IssuedToken, now: datetime) -> tuple[UserEvent, Credential]:
        begun = SignedIn(
            session_id=token.id, factors=("password", "otp"), signed_in_at=now, expires_at=now + timedelta(hours=12)
        )
        request = Request(id="", arrived_at=now, ip=_ADDRESS)
        return begun, session_row(token, user_id, begun, request, now + timedelta(minutes=5))

    def _rows(
        self, company_id: UUID, user_id: UUID, enrolment: tuple[UserEvent, ...], data_key: bytes, key: bytes
    ) -> list[Credential]:
        entropy, rows = self._parts.entropy, []
        password = Credential(id=entropy.uuid(), user_id=user_id, kind=CredentialKind.PASSWORD, secret=self._password)
        for event in enrolment:
            if isinstance(event, TwoFactorEnabled):
                sealed = self._parts.vault.seal_key(key, data_key, company_id, user_id, "key", event.generation)
                rows.append(
                    Credential(
                        id=event.key_id,
                        user_id=user_id,
                        kind=CredentialKind.KEY,
                        secret=sealed,
                        last_step=event.time_step,
                    )
                )
            if isinstance(event, RecoveryCodesIssued):
                rows += [
                    Credential(id=i, user_id=user_id, kind=CredentialKind.RECOVERY_CODE, secret=entropy.bytes(32))
                    for i in event.code_ids
                ]
        return [password, *rows]


async def prepare(place: Place, name: str, *, companies: int, count: int, session: bool) -> tuple[Path, list[UUID]]:
    """`count` accounts spread over as many companies; the file for the load generator, and the companies."""
    ids = [await place.parts.console.create_company(f"{name} {n}") for n in range(companies)]
    holds = CredentialKind.SESSION if session else CredentialKind.SIGN_IN
    made = await populate(place, ((ids[n % companies], Wanted(login=f"{name}.{n}", holds=holds)) for n in range(count)))
    return write_people(place, name, [account.person for account in made]), ids


async def populate(place: Place, wanted: Iterable[tuple[UUID, Wanted]]) -> list[Made]:
    """These accounts in these companies; given back: those that hold something."""
    parts = place.parts
    address = keyed(await parts.vault.pepper(), "address", limited_address(_ADDRESS))
    maker = Maker(parts, await _shared_hash(parts), address)
    holders, rest = [], iter(wanted)
    while some := list(islice(rest, _AT_ONCE)):
        made = [await maker.make(company_id, one) for company_id, one in some]
        await _store(place, made)
        holders += [account for account, (_, one) in zip(made, some, strict=True) if one.holds is not None]
    return holders


def write_people(place: Place, name: str, people: Sequence[tuple[str, str, str, str]]) -> Path:
    """The file for the load generator."""
    path = place.folder / f"{name}.json"
    path.write_text(json.dumps(people))
    return path


async def _store(place: Place, made: Sequence[Made]) -> None:
    async def one(account: Made) -> None:
        if (await place.parts.store.append(account.append)).status is not Status.APPENDED:
            raise BenchmarkFailed("an account could not be appended")

    async with place.owner() as connection:
        for table, columns, records in _copies(made):
            await connection.copy_records_to_table(table, records=records, columns=columns)
    await asyncio.gather(*(one(account) for account in made))


def _copies(made: Sequence[Made]) -> list[tuple[str, list[str], list[tuple[Any, ...]]]]:
    return [
        ("person_key", ["company_id", "user_id", "wrapped"], [(m.company_id, m.user_id, m.wrapped) for m in made]),
        (
            "login",
            ["login_key", "company_id", "user_id"],
            [(login_key(m.login), m.company_id, m.user_id) for m in made],
        ),
        (
            "credential",
            ["company_id", "id", "user_id", "kind", "secret", "expires_at", "seen_at", "last_step", "attributes"],
            [
                (
                    m.company_id,
                    r.id,
                    r.user_id,
                    str(r.kind),
                    r.secret,
                    r.expires_at,
                    r.seen_at,
                    r.last_step,
                    json.dumps(r.attributes),
                )
                for m in made
                for r in m.rows
            ],
        ),
    ]


async def prepare_floor(place: Place, count: int) -> Path:
    """The floors' accounts: a key each, and nothing else."""
    entropy, now = place.parts.entropy, place.parts.clock.now()
    people = [(entropy.uuid(), entropy.bytes(KEY_BYTES)) for _ in range(count)]
    async with place.owner() as connection:
        await connection.copy_records_to_table(
            "floor_account",
            records=[(i, key, "on", 10, now, 0) for i, key in people],
            columns=["id", "key", "state", "codes_left", "enrolled_at", "last_step"],
        )
    return write_people(place, "floor", [(str(i), key.hex(), "", "") for i, key in people])


async def _shared_hash(parts: Runtime) -> bytes:
    passwords = hasher(parts.settings)
    try:
        return await passwords.hash(PASSWORD)
    finally:
        passwords.close()


def hasher(settings: Settings) -> Argon2Passwords:
    """As the API process has it."""
    return Argon2Passwords(
        memory_kib=settings.argon2_memory_kib,
        passes=settings.argon2_passes,
        lanes=settings.argon2_lanes,
        cores=available_cores(),
    )


def _metadata(parts: Runtime, company_id: UUID, user_id: UUID) -> Metadata:
    return Metadata(
        actor=Actor(kind=ActorKind.USER, id=user_id, company_id=company_id),
        request_id=str(parts.entropy.uuid()),
        traces=Traces(ip=_ADDRESS, user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    )
