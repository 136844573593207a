"""Facts of a company's own streams, and the outcomes of effects."""

from typing import ClassVar, Literal, TypeAlias
from uuid import UUID

from events.company.policy import Policy
from events.fact import Instant, Personal, fact


@fact
class CompanyCreated:
    """`provider` marks the one company whose members serve all the others."""

    VERSION: ClassVar[int] = 1
    name: str
    provider: bool = False


@fact
class PolicyChanged:
    VERSION: ClassVar[int] = 1
    policy: Policy


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


CompanyEvent: TypeAlias = CompanyCreated | PolicyChanged
SignInsEvent: TypeAlias = PasswordRejected
EffectEvent: TypeAlias = SessionsRevoked | NotificationSent | NotificationFailed
