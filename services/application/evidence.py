"""What a check or a rebuild reads of a company, and what it finds. The port's promises are those of one snapshot."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, TypeAlias
from uuid import UUID

from events.credentials import CredentialKind
from events.projections.audit_trail import Row
from events.projections.keyring import Keyring
from events.store.port import RawEvent, RecordedEvent, StateDoc

# (facts looked at, facts there are): called now and then.
Progress: TypeAlias = Callable[[int, int], None]

_MOST: Final = 20  # findings of one kind in one company


class Problem(StrEnum):
    MISSING_ENTRY = "missing_entry"
    UNREADABLE_ENTRY = "unreadable_entry"
    COLUMNS_DIFFER = "columns_differ"
    TIME_GOES_BACK = "time_goes_back"
    HEAD_DIFFERS = "head_differs"
    VERSIONS_NOT_DENSE = "versions_not_dense"
    BROKEN_SEAL = "broken_seal"
    DATA_KEY_MISSING = "data_key_missing"
    DATA_KEY_LEFT = "data_key_left"
    STATE_DIFFERS = "state_differs"
    STATE_MISSING = "state_missing"
    STATE_WITHOUT_HISTORY = "state_without_history"
    CREDENTIAL_MISSING = "credential_missing"
    CREDENTIAL_PLANTED = "credential_planted"
    TIME_STEP_LOWERED = "time_step_lowered"
    TRAIL_DIFFERS = "trail_differs"
    TRAIL_STOPPED = "trail_stopped"
    LEAF_DIFFERS = "leaf_differs"
    TREE_DIFFERS = "tree_differs"
    CHECKPOINT_REFUSED = "checkpoint_refused"
    CHECKPOINT_MISSING = "checkpoint_missing"
    LOG_SET_BACK = "log_set_back"
    SIGNING_REFUSED = "signing_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as the log says. `position`: the first bad one, where there is one."""

    company_id: UUID
    problem: Problem
    position: int | None = None
    stream_id: UUID | None = None
    detail: str = ""


@dataclass(slots=True)
class Findings:
    """Of one company; of each kind only the first ones, so that a ruined log does not fill the memory."""

    company_id: UUID
    found: list[Finding] = field(default_factory=list)
    _counts: Counter[Problem] = field(default_factory=Counter)

    def add(
        self, problem: Problem, position: int | None = None, *, stream_id: UUID | None = None, detail: str = ""
    ) -> None:
        self._counts[problem] += 1
        if self._counts[problem] <= _MOST:
            self.found.append(
                Finding(
                    company_id=self.company_id,
                    problem=problem,
                    position=position,
                    stream_id=stream_id,
                    detail=detail,
                )
            )


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry with the index copies beside it."""

    position: int
    stream_id: UUID
    version: int
    type: str
    entry: bytes


@dataclass(frozen=True, slots=True)
class StoredState:
    stream_id: UUID
    version: int
    authority: int
    doc: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """What a check looks at; never the secret."""

    user_id: UUID
    id: UUID
    kind: CredentialKind
    expires_at: datetime | None
    last_step: int | None


@dataclass(frozen=True, slots=True)
class TrailPosition:
    """How far the audit trail is, why it stopped, and who was erased behind that, and whatever month."""

    position: int
    stopped: str | None
    erased_later: frozenset[UUID]
    destroyed_later: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Restored:
    """A state as the log says it is; `is_company`: of one of the company's own streams."""

    version: int
    state: StateDoc
    is_company: bool


class Snapshot(Protocol):
    """One company at one moment, whatever is written meanwhile."""

    company_id: UUID
    head: int
    now: datetime
    keyring: Keyring

    async def entries(self, after: int, limit: int) -> list[StoredEntry]: ...

    async def load_keys(self, batch: Sequence[RecordedEvent]) -> None:
        """Put the keys that these facts need on the keyring. Raises KeyUnavailable."""
        ...

    async def out_of_order(self) -> list[tuple[UUID, int]]:
        """(stream, first position) of streams whose versions are not 1, 2, 3 … in the order of positions."""
        ...

    def user_states(self) -> AsyncIterator[StoredState]:
        """In the order of ids."""
        ...

    async def company_states(self) -> list[StoredState]: ...

    def credentials(self) -> AsyncIterator[StoredCredential]:
        """In the order of users."""
        ...

    async def key_holders(self) -> set[UUID]:
        """Users who have a data key."""
        ...

    async def key_months(self) -> set[str]:
        """Months whose traces have a key."""
        ...

    async def trail_position(self) -> TrailPosition: ...

    async def trail(self, after: int, upto: int) -> list[Row]:
        """Stored rows; words in whatever order."""
        ...

    async def trail_behind(self, position: int) -> int | None:
        """The first stored row behind a position, which should have none."""
        ...


class Evidence(Protocol):
    """Reads all companies; repairs what can be made anew from the log."""

    async def companies(self) -> list[tuple[UUID, int]]:
        """(company, head position) of each."""
        ...

    def snapshot(self, company_id: UUID) -> AbstractAsyncContextManager[Snapshot]: ...

    async def restore_state(
        self, company_id: UUID, stream_id: UUID, refold: "Callable[[Sequence[RawEvent], bytes | None], Restored | None]"
    ) -> bool:
        """Write what `refold` makes of the stream, under the company's head lock; False when it makes nothing."""
        ...

    async def repair_trail(self, company_id: UUID, after: int, limit: int) -> tuple[int, int]:
        """Make the trail's rows behind a position what the log says; (last position looked at, rows changed)."""
        ...

    async def extend_trail(self, company_id: UUID) -> None:
        """Bring the trail to the head; what stands behind its position is thrown away before."""
        ...
