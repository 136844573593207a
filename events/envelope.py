"""What surrounds a fact: where it stands, who caused it, what is sealed beside it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, NewType, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict

CompanyId = NewType("CompanyId", UUID)
UserId = NewType("UserId", UUID)
StreamId = NewType("StreamId", UUID)
Position = NewType("Position", int)
StreamVersion = NewType("StreamVersion", int)

STRICT = ConfigDict(strict=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")


class StreamKind(StrEnum):
    """Whose history a stream is."""

    USER = "user"
    COMPANY = "company"
    SIGN_INS = "sign_ins"  # refused passwords: never on the user's own stream, a stranger must not contend there
    EFFECT = "effect"
    CLIENT = "client"  # one API client
    REPORT = "report"  # one compliance report


class ActorKind(StrEnum):
    """Who acts. A provider's member acting on another company is `PROVIDER`."""

    ANONYMOUS = "anonymous"
    USER = "user"
    PROVIDER = "provider"
    CLIENT = "client"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who caused a fact; `label` (the login at that time) is personal and stands in the actor box only."""

    __pydantic_config__ = STRICT

    kind: ActorKind
    id: UUID | None = None
    company_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Where a request came from."""

    ip: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What every fact of one request shares."""

    actor: Actor
    request_id: str
    causation_id: UUID | None = None
    traces: Traces = field(default_factory=Traces)
    actor_label: str | None = None
    reason: str | None = None  # of a fact whose shape has none: sealed with its subject, else with its actor

    @property
    def leaves_traces(self) -> bool:
        """Is a month's key asked for? Where none is, none is made that would have to be destroyed some day."""
        return self.traces != Traces() or self.reason is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Sealed bytes that bind one plaintext; see docs/log-format.md."""

    __pydantic_config__ = STRICT

    person: UUID | None = None  # whose data key; None: nobody's
    month: str | None = None  # which month's trace key, "YYYY-MM"; None: not a trace
    box: str
    commitment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """Up to three boxes of one entry."""

    __pydantic_config__ = STRICT

    subject: Box | None = None
    actor: Box | None = None
    traces: Box | None = None


E = TypeVar("E", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Generic[E]):
    """One entry of the log. Personal fields of `data` are None until the subject box is opened."""

    __pydantic_config__ = STRICT

    position: int
    at: AwareDatetime
    company_id: UUID
    stream_id: UUID
    stream_kind: StreamKind
    version: int
    id: UUID
    type: str
    v: int
    actor: Actor
    request_id: str
    causation_id: UUID | None
    data: E
    sealed: Sealed


def month_of(at: datetime) -> str:
    """The trace-key period of an instant: its UTC month."""
    return f"{at.year:04}-{at.month:02}"
