"""Moving in: the users of another system become a company's, and go on with the authenticators that they have."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Final
from uuid import UUID

from events.credentials import Credential
from events.decision import Refusal
from events.envelope import Metadata
from events.store.port import EventStore, StoredUser
from events.totp import KeyFault, key_from_uri, time_step
from events.user import commands
from events.user.state import UserState
from services.application.codes import Codes
from services.application.context import SYSTEM, Request, Tenant, metadata_of
from services.application.errors import Refused, Unacceptable
from services.application.execute import Acting, Executor, Formed, nobody
from services.application.logins import check_login, login_key
from services.application.ports import Clock, Entropy, Passwords
from services.application.sign_in import password_row
from services.application.streams import Streams
from services.application.vault import Vault

_NOWHERE: Final = b""


class Outcome(StrEnum):
    """What became of one user of the other system."""

    TAKEN = "taken"
    ALREADY_THERE = "already_there"
    ENROLS = "enrols"  # taken, without the key: the next sign-in binds an authenticator anew
    REFUSED = "refused"


class Why(StrEnum):
    """Why a user was not taken, or not with everything; docs/moving-in.md says what to do."""

    LINE_TOO_LONG = "line_too_long"
    NOT_UTF8 = "not_utf8"
    NUL = "nul_character"
    OPEN_QUOTE = "quote_not_closed_in_its_line"
    NOT_A_ROW = "not_a_row"
    NUMBER_OF_COLUMNS = "wrong_number_of_columns"
    UNKNOWN_MEMBER = "unknown_member"
    INVALID = "invalid"
    SECRET_ELSEWHERE = "secret_in_another_column"  # noqa: S105 - a reason, not a secret
    TWICE = "twice_in_this_file"
    UNKNOWN_ROLE = "unknown_role"
    LOGIN_TAKEN = "login_taken"
    OTHER_DATA = "other_data"
    NO_KEY = "factor_without_key"
    FACTOR_LEFT = "factor_left_as_it_is"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one user, and why; `columns`: those that it is about."""

    outcome: Outcome
    why: Why | KeyFault | None = None
    columns: tuple[str, ...] = ()

    @property
    def reason(self) -> str | None:
        """In one line, without anything that stood in the file."""
        if self.why is None or not self.columns:
            return self.why
        return f"{self.why}: {', '.join(self.columns)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """A user as the other system has it. `had_factor`: one that was on there, or demanded."""

    login: str
    email: str | None = None
    role: str = "user"
    language: str = "de"
    time_zone: str = "Europe/Berlin"
    activation_at: datetime | None = None
    expiration_at: datetime | None = None
    deactivated: bool = False
    had_factor: bool = False
    otpauth_uri: str | None = field(default=None, repr=False)
    password_hash: str | None = field(default=None, repr=False)

    def key(self) -> bytes | KeyFault | Why | None:
        """The authenticator's key; a reason where there was a factor and its key cannot be used; None: no factor."""
        if self.otpauth_uri is not None:
            return key_from_uri(self.otpauth_uri)
        return Why.NO_KEY if self.had_factor else None


@dataclass(slots=True, kw_only=True)
class Arrival:
    """One import into one company: as the company was read last, and which logins the file has named so far."""

    tenant: Tenant
    metadata: Metadata
    reason: str
    dry_run: bool
    named: set[bytes] = field(default_factory=set, repr=False)


class MovingIn:
    """Takes users one by one; each is one append or none, so an import that broke off is simply run again."""

    def __init__(
        self,
        store: EventStore,
        executor: Executor,
        streams: Streams,
        codes: Codes,
        passwords: Passwords,
        vault: Vault,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._executor = executor
        self._streams = streams
        self._codes = codes
        self._passwords = passwords
        self._vault = vault
        self._clock = clock
        self._entropy = entropy

    async def begin(self, company_id: UUID, reason: str, *, dry_run: bool = False) -> Arrival:
        """Raises Refused(NOT_FOUND)."""
        tenant = await self._streams.tenant(company_id)
        if not tenant.state.exists:
            raise Refused(Refusal.NOT_FOUND)
        # One request id for all of them: the audit trail shows the import as a whole.
        request = Request(id=str(self._entropy.uuid()), arrived_at=self._clock.now())
        metadata = replace(metadata_of(request, SYSTEM), reason=reason)
        return Arrival(tenant=tenant, metadata=metadata, reason=reason, dry_run=dry_run)

    async def take(self, arrival: Arrival, newcomer: Newcomer) -> Verdict:
        """One user, or why not. A dry run changes nothing and gives the same verdict. Raises Contended.

        Several may be under way at once, as long as they are begun in the order of the file.
        """
        # Before anything is awaited: of two lines with one login the first one counts.
        refused = self._refused_unseen(arrival, newcomer)
        if refused is not None:
            return refused
        account = await self._store.login(login_key(newcomer.login), _NOWHERE)
        if account is not None:
            return _met(account.user, arrival, newcomer)
        key = newcomer.key()
        if not arrival.dry_run:
            try:
                await self._create(arrival, newcomer, key)
            except Refused as error:
                if error.refusal is not Refusal.LOGIN_TAKEN:
                    raise
                return _refusal(Why.LOGIN_TAKEN)
            except Unacceptable:
                return _refusal(Why.UNKNOWN_ROLE)
        return Verdict(Outcome.ENROLS, key) if isinstance(key, StrEnum) else Verdict(Outcome.TAKEN)

    def _refused_unseen(self, arrival: Arrival, newcomer: Newcomer) -> Verdict | None:
        """What can be said without a look at who is there already."""
        try:
            check_login(newcomer.login)
        except Unacceptable:
            return _refusal(Why.INVALID, "login")
        if newcomer.password_hash is not None and not self._passwords.is_acceptable(newcomer.password_hash):
            return _refusal(Why.INVALID, "password_hash")
        if not arrival.tenant.state.has_role(newcomer.role):
            return _refusal(Why.UNKNOWN_ROLE)
        # A file may name millions; this is all that is kept of them.
        name = blake2b(login_key(newcomer.login).encode(), digest_size=16).digest()
        if name in arrival.named:
            return _refusal(Why.TWICE)
        arrival.named.add(name)
        return None

    async def _create(self, arrival: Arrival, newcomer: Newcomer, key: bytes | KeyFault | Why | None) -> None:
        person_key, user_id = await self._vault.new_person_key(), self._entropy.uuid()

        def as_of(tenant: Tenant) -> StoredUser:
            return replace(nobody(tenant, user_id), person_key=person_key[1])

        async def form(user: StoredUser) -> Formed:
            if not user.company.has_role(newcomer.role):
                raise Unacceptable("role", "unknown_role", "is not a role of this company")
            now = self._clock.now()
            factor, rows = await self._factor(user, key, now, arrival.reason)
            if newcomer.password_hash is not None:
                rows = (*rows, password_row(self._entropy, user, newcomer.password_hash.encode()))
            return Formed(
                command=_creation(newcomer, now),
                acting=Acting(metadata=arrival.metadata),
                then=(*factor, *_closing(newcomer, now, arrival.reason)),
                credentials=lambda events: rows,
                claim_login=login_key(newcomer.login),
                person_key=person_key,
            )

        async def load() -> StoredUser:
            # Not the user, who does not exist, but the company changed meanwhile.
            arrival.tenant = await self._streams.tenant(arrival.tenant.id)
            return as_of(arrival.tenant)

        await self._executor.run(as_of(arrival.tenant), load, form)

    async def _factor(
        self, user: StoredUser, key: bytes | KeyFault | Why | None, now: datetime, reason: str
    ) -> tuple[tuple[commands.UserCommand, ...], tuple[Credential, ...]]:
        """What is wished of the new user's factor, and the row of the key. Raises Unavailable."""
        if key is None:
            return (), ()
        if isinstance(key, StrEnum):
            return (commands.OrderEnrolment(now=now, rules=user.company.rules, reason=reason),), ()
        self._codes.demand_clock()
        # Whatever the other system accepted up to now is spent here too.
        step, key_id = time_step(now), self._entropy.uuid()
        row = await self._codes.confirmed_key(user, key_id, key, user.state.generation + 1, step)
        return (commands.ImportKey(now=now, key_id=key_id, time_step=step),), (row,)


def _creation(newcomer: Newcomer, now: datetime) -> commands.CreateUser:
    return commands.CreateUser(
        now=now,
        login=newcomer.login,
        email=newcomer.email,
        role=newcomer.role,
        language=newcomer.language,
        time_zone=newcomer.time_zone,
        activation_at=newcomer.activation_at,
        expiration_at=newcomer.expiration_at,
        has_password=newcomer.password_hash is not None,
    )


def _closing(newcomer: Newcomer, now: datetime, reason: str) -> tuple[commands.UserCommand, ...]:
    return (commands.DeactivateUser(now=now, reason=reason),) if newcomer.deactivated else ()


def _met(user: StoredUser, arrival: Arrival, newcomer: Newcomer) -> Verdict:
    """Somebody has the login; nothing of an account that exists is changed, whoever has it."""
    if user.company_id != arrival.tenant.id:
        return _refusal(Why.LOGIN_TAKEN)
    differing = tuple(_differing(user.state, newcomer))
    if differing:
        return _refusal(Why.OTHER_DATA, *differing)
    brings_factor = newcomer.key() is not None
    left = brings_factor and user.state.key is None and user.state.order is None
    return Verdict(Outcome.ALREADY_THERE, Why.FACTOR_LEFT if left else None)


def _differing(state: UserState, newcomer: Newcomer) -> Iterator[str]:
    for name in ("login", "email", "role", "language", "time_zone", "activation_at", "expiration_at"):
        if getattr(state, name) != getattr(newcomer, name):
            yield name.replace("_at", "_date")


def _refusal(why: Why, *columns: str) -> Verdict:
    return Verdict(Outcome.REFUSED, why, columns)
