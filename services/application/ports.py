"""What the use cases need from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from events.company.state import CompanyState
from events.policy import FactorState
from events.store.port import IdempotencyClaim
from services.application.context import Tenant


class KeyUnavailable(Exception):
    """The key-encryption key is missing or is not the one that wrapped this data key. Fail closed."""


class Overloaded(Exception):
    """More work waits than can be done in time."""


class Clock(Protocol):
    """The process's one source of time."""

    def now(self) -> datetime:
        """Now, aware, UTC."""
        ...

    async def sleep_until(self, at: datetime) -> None: ...


class Entropy(Protocol):
    """The system's CSPRNG."""

    def uuid(self) -> UUID: ...

    def bytes(self, count: int) -> "bytes": ...


class Doorbell(Protocol):
    """Tells workers that something is due. Losing a ring costs latency only."""

    def ring(self) -> None:
        """Never blocks, never raises."""
        ...


class KeyWrapper(Protocol):
    """Wraps data keys under a key-encryption key that is not in the database."""

    async def wrap(self, key: bytes) -> bytes:
        """Under the current key-encryption key. Raises KeyUnavailable."""
        ...

    async def unwrap(self, wrapped: bytes) -> bytes:
        """Raises KeyUnavailable."""
        ...

    def key_id(self, wrapped: bytes) -> str:
        """Names the key-encryption key that a wrapped form is under; tells nothing about the key itself."""
        ...

    def close(self) -> None: ...


class Passwords(Protocol):
    """Argon2id, off the event loop, at most one hash a core at a time."""

    async def hash(self, password: str) -> bytes: ...

    async def verify(self, account: str, stored: bytes | None, password: str) -> bool:
        """One hash of work also when nothing is stored. One at a time per `account`. Raises Overloaded."""
        ...

    def is_outdated(self, stored: bytes) -> bool:
        """Were the parameters raised since?"""
        ...

    def is_acceptable(self, foreign: str) -> bool:
        """Is it a hash that passwords can be held against, at a cost that sign-ins can bear? Hashes nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `tries` in `window`, for one subject (a keyed hash)."""

    subject: bytes
    tries: int
    window: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """`wait` None: go on. `first_refusal`: no earlier try of this window was refused."""

    wait: timedelta | None
    first_refusal: bool = False
    count: int = 0


class Throttle(Protocol):
    """Counts tries before they are made; lives in Postgres, so a limit never vanishes with a cache."""

    async def reserve(self, limits: Sequence[Limit], now: datetime) -> Reserved:
        """Take one try of each limit, or none when one is used up. Atomic over processes."""
        ...

    async def give_back(self, limits: Sequence[Limit]) -> None:
        """A reserved try was no failure."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFilter:
    """`two_factor`: an effective state, or `locked`: those who are shut out."""

    role: str | None = None
    two_factor: str | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How many users stand alike. `shut_out`: locked, or refused at the next sign-in; `some` of those by id."""

    state: FactorState
    shut_out: bool
    exempt: bool
    active: bool
    users: int
    some: tuple[UUID, ...] = ()


class Users(Protocol):
    """Reads over many users of one company, from their states."""

    async def page(
        self,
        company_id: UUID,
        company: CompanyState,
        wanted: UserFilter,
        now: datetime,
        limit: int,
        after: tuple[str, UUID] | None,
        *,
        backwards: bool = False,
    ) -> Sequence[tuple[UUID, int, str]]:
        """(id, version, state document) by login, whatever its case, and id; beginning after the given pair.

        Backwards: from the last one on, or from before the given pair. The second-factor state that is asked for is
        the effective one at `now`.
        """
        ...

    async def count(
        self, company_id: UUID, company: CompanyState, wanted: UserFilter, now: datetime
    ) -> Sequence[Standing]:
        """All whom the filter names, whatever their second-factor state, by how they stand at `now`."""
        ...

    async def unprotected(self, company_id: UUID) -> Sequence[tuple[UUID, str]]:
        """(id, state document) of all users without a factor that is on."""
        ...


class Companies(Protocol):
    """Reads over all companies, for the provider."""

    async def page(self, limit: int, after: tuple[str, UUID] | None, *, backwards: bool = False) -> Sequence[Tenant]:
        """By name, whatever its case, and id; beginning after the given pair, or backwards before it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    digest: bytes
    status: int | None
    answer: bytes | None


class KeptAnswers(Protocol):
    """Answers of idempotent calls."""

    async def claim(self, company_id: UUID, claim: IdempotencyClaim, now: datetime) -> bool:
        """Take the key for a call that makes many appends; False when it is taken."""
        ...

    async def find(self, company_id: UUID, caller: str, key: str) -> KeptAnswer | None: ...

    async def keep(self, company_id: UUID, caller: str, key: str, status: int, answer: bytes | None) -> None: ...
