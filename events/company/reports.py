"""One compliance report's stream: what was ordered. What became of it stands on the stream of its effect."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import reduce
from typing import ClassVar, TypeAlias
from uuid import UUID

from pydantic import AwareDatetime

from events.decision import Decision, Refusal, accepted, refused
from events.effects import EffectKind
from events.envelope import STRICT
from events.fact import Instant, fact

SCHEMA = 1
LEAST = timedelta(microseconds=1)  # between two entries of a company


class ReportKind(StrEnum):
    COVERAGE = "coverage"
    COVERAGE_OVER_TIME = "coverage_over_time"
    FACTOR_CHANGES = "factor_changes"
    ADMINISTRATOR_ACTS = "administrator_acts"
    FAILED_ATTEMPTS = "failed_attempts"
    SESSION_REVOCATIONS = "session_revocations"
    POLICY_HISTORY = "policy_history"
    API_CLIENTS = "api_clients"


OF_A_MOMENT = frozenset({ReportKind.COVERAGE, ReportKind.API_CLIENTS})


@fact
class ReportRequested:
    """`as_of`: what was recorded at that time counts too; `to_at`: only what was recorded before it. One of both."""

    VERSION: ClassVar[int] = 1
    kind: ReportKind
    as_of: Instant | None = None
    from_at: Instant | None = None
    to_at: Instant | None = None
    language: str
    requested_at: Instant


@fact
class ReportReady:
    """The file is there. `position`: of the last entry that counts; `digest`: SHA-256 of the JSON Lines."""

    VERSION: ClassVar[int] = 1
    report_id: UUID
    position: int
    rows: int
    size: int
    digest: str


@fact
class ReportFailed:
    """It could not be built, again and again."""

    VERSION: ClassVar[int] = 1
    report_id: UUID


ReportEvent: TypeAlias = ReportRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a report is about: two with the same order have the same rows."""

    kind: ReportKind
    as_of: datetime | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None

    @property
    def cut(self) -> datetime:
        """The last moment that counts."""
        if self.to_at is not None:
            return self.to_at - LEAST
        assert self.as_of is not None  # noqa: S101 - one of both is there, see above
        return self.as_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportState:
    """`report`: its kind; None before it was ordered."""

    __pydantic_config__ = STRICT

    report: ReportKind | None = None
    as_of: AwareDatetime | None = None
    from_at: AwareDatetime | None = None
    to_at: AwareDatetime | None = None
    language: str = "en"
    requested_at: AwareDatetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReport:
    now: datetime
    order: Order
    language: str


ReportCommand: TypeAlias = RequestReport


def decide(state: ReportState, command: ReportCommand) -> Decision[ReportEvent]:
    """Facts or a refusal. Pure, like all rules."""
    if state.report is not None:
        return refused(Refusal.ALREADY_EXISTS)
    order = command.order
    return accepted(
        ReportRequested(
            kind=order.kind,
            as_of=order.as_of,
            from_at=order.from_at,
            to_at=order.to_at,
            language=command.language,
            requested_at=command.now,
        )
    )


def evolve(state: ReportState, event: ReportEvent) -> ReportState:
    """The state after one more fact."""
    return ReportState(
        report=event.kind,
        as_of=event.as_of,
        from_at=event.from_at,
        to_at=event.to_at,
        language=event.language,
        requested_at=event.requested_at,
    )


def fold(events: Iterable[ReportEvent], state: ReportState | None = None) -> ReportState:
    """All state steps from `state` (a new report's when None)."""
    return reduce(evolve, events, state or ReportState())


def order_of(event: ReportRequested) -> Order:
    return Order(kind=event.kind, as_of=event.as_of, from_at=event.from_at, to_at=event.to_at)


def reactions(event: ReportEvent) -> tuple[EffectKind, ...]:
    """Kinds of effects that one fact calls for."""
    return (EffectKind.BUILD_REPORT,)
