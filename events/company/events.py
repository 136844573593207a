"""Facts of a company's own streams, and the outcomes of effects."""

from typing import ClassVar, Literal, TypeAlias
from uuid import UUID

from events.company.policy import Policy
from events.company.reports import ReportFailed, ReportReady
from events.fact import Instant, Personal, fact


@fact
class CompanyCreated:
    """`provider` marks the one company whose members serve all the others."""

    VERSION: ClassVar[int] = 1
    name: str
    provider: bool = False


@fact
class CompanyRenamed:
    VERSION: ClassVar[int] = 1
    name: str


@fact
class CompanySuspended:
    """Every session, sign-in, pending key and API token of the company ended with this."""

    VERSION: ClassVar[int] = 1
    suspended_at: Instant


@fact
class CompanyResumed:
    VERSION: ClassVar[int] = 1
    resumed_at: Instant


@fact
class InstallationRestored:
    """The database was set back to an older backup; what was recorded since is lost from here on.

    Every session, sign-in, pending key, recovery code and break-glass code of the company ended with this. `former`:
    the body of the last checkpoint that was signed before (C2SP tlog-checkpoint); the log does not have to extend it.
    """

    VERSION: ClassVar[int] = 1
    epoch: int
    restored_at: Instant
    former: str | None = None


@fact
class PolicyChanged:
    """The whole policy after the change. Version 1 had no time, no beginning, no networks and no grace."""

    VERSION: ClassVar[int] = 2
    policy: Policy
    changed_at: Instant


@fact
class RoleCreated:
    """`rights`: right -> none, view or full; those not named are none."""

    VERSION: ClassVar[int] = 1
    name: str
    rights: dict[str, str]


@fact
class RoleChanged:
    """Sessions of the role's users ended with this, but `kept`: that of the person who changed it."""

    VERSION: ClassVar[int] = 1
    name: str
    rights: dict[str, str]
    kept: UUID | None = None


@fact
class RoleDeleted:
    """No user had it."""

    VERSION: ClassVar[int] = 1
    name: str


@fact
class EventsExported:
    """Recorded before the first of `events` rows, the newest at `upto`, went out.

    Of what was searched for only what is nobody's data stands here: an address or words, that there were some.
    """

    VERSION: ClassVar[int] = 1
    format: Literal["jsonl", "csv", "ocsf"]
    events: int
    upto: int
    of_type: str | None = None
    of_user: UUID | None = None
    of_actor: UUID | None = None
    from_at: Instant | None = None
    to_at: Instant | None = None
    by_address: bool = False
    by_words: bool = False
    exported_at: Instant


@fact
class TracesDestroyed:
    """The key of one month's traces, "YYYY-MM", went in this very commit: its addresses and programs are nobody's."""

    VERSION: ClassVar[int] = 1
    month: str
    destroyed_at: Instant


@fact
class PasswordRejected:
    """A refused password on a known login. `throttled`: tries that were not evaluated, one fact a window."""

    VERSION: ClassVar[int] = 1
    user_id: UUID
    throttled: bool = False
    count: int = 1
    rejected_at: Instant


@fact
class SessionsRevoked:
    """Everybody who has to know of ended sessions was told."""

    VERSION: ClassVar[int] = 1
    user_id: UUID
    cause_position: int
    sessions: int
    sign_ins: int
    milliseconds_to_effect: int
    receipts: tuple[str, ...] = ()


@fact
class EveryoneSignedOut:
    """A fact about the whole company, or about a role, reached each of its users' own histories."""

    VERSION: ClassVar[int] = 1
    cause_position: int
    users: int
    milliseconds_to_effect: int


@fact
class AdministratorsNotified:
    """Of a fact about the company; `reached`: to how many a mail went out."""

    VERSION: ClassVar[int] = 1
    cause_position: int
    cause: str
    reached: int


@fact
class PersonForgotten:
    """What was kept of an erased person outside of the database is gone too; `places` names where that was."""

    VERSION: ClassVar[int] = 1
    user_id: UUID
    cause_position: int
    places: tuple[str, ...]


@fact
class NotificationSent:
    VERSION: ClassVar[int] = 1
    user_id: UUID
    cause_position: int
    cause: str
    channel: Literal["mail"] = "mail"


@fact
class NotificationFailed:
    VERSION: ClassVar[int] = 1
    user_id: UUID
    cause_position: int
    cause: str
    problem: Literal["no_address", "not_delivered", "recipient_gone"]
    detail: Personal = None


CompanyEvent: TypeAlias = (
    CompanyCreated
    | CompanyRenamed
    | CompanySuspended
    | CompanyResumed
    | InstallationRestored
    | PolicyChanged
    | RoleCreated
    | RoleChanged
    | RoleDeleted
    | EventsExported
    | TracesDestroyed
)
SignInsEvent: TypeAlias = PasswordRejected
EffectEvent: TypeAlias = (
    SessionsRevoked
    | EveryoneSignedOut
    | PersonForgotten
    | AdministratorsNotified
    | NotificationSent
    | NotificationFailed
    | ReportReady
    | ReportFailed
)
