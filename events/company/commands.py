"""Wishes about a company as a whole. All values come from outside."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from events.company.events import EventsExported
from events.company.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCompany:
    now: datetime
    name: str
    provider: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameCompany:
    now: datetime
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendCompany:
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeCompany:
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRestore:
    """The database is an older one than it was; `epoch` counts these."""

    now: datetime
    epoch: int
    former: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePolicy:
    now: datetime
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRole:
    now: datetime
    name: str
    rights: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRole:
    """The rights that change; `keep` is the session of the person who changes them."""

    now: datetime
    name: str
    rights: dict[str, str] = field(default_factory=dict)
    keep: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRole:
    now: datetime
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordExport:
    """What goes out, as the fact will tell it."""

    now: datetime
    fact: EventsExported


@dataclass(frozen=True, slots=True, kw_only=True)
class DestroyTraces:
    now: datetime
    month: str


CompanyCommand: TypeAlias = (
    CreateCompany
    | RenameCompany
    | SuspendCompany
    | ResumeCompany
    | RecordRestore
    | ChangePolicy
    | CreateRole
    | ChangeRole
    | DeleteRole
    | RecordExport
    | DestroyTraces
)
