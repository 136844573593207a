"""What a mail is about: facts on one side, texts in every language on the other."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from events.company.events import CompanyEvent, CompanyResumed, CompanySuspended, PolicyChanged
from events.envelope import Actor, ActorKind
from events.user.events import (
    BreakGlassCodeIssued,
    BreakGlassCodeUsed,
    EnrolmentStarted,
    KeyReset,
    OrderWithdrawn,
    PasswordChanged,
    PasswordReset,
    RecoveryCodesIssued,
    RecoveryCodeUsed,
    SessionsEnded,
    TrustedNetworksChanged,
    TwoFactorDisabled,
    TwoFactorEnabled,
    TwoFactorImported,
    TwoFactorLocked,
    TwoFactorOrdered,
    TwoFactorOverridden,
    TwoFactorPaused,
    TwoFactorUnlocked,
    UserChanged,
    UserDeactivated,
    UserEvent,
    UserExpired,
    UserReactivated,
)


class Topic(StrEnum):
    ENABLED = "enabled"
    REPLACED = "replaced"
    REPLACEMENT_STARTED = "replacement_started"
    DISABLED = "disabled"
    RESET = "reset"
    ORDERED = "ordered"
    ORDER_WITHDRAWN = "order_withdrawn"
    PAUSED = "paused"
    LOCKED = "locked"
    CLOSED = "closed"  # after 100 failures in a row, until an administrator helps
    UNLOCKED = "unlocked"
    RECOVERY_CODE_USED = "recovery_code_used"
    RECOVERY_CODES_ISSUED = "recovery_codes_issued"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a topic, not a secret
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a topic, not a secret
    EMAIL_CHANGED = "email_changed"
    ROLE_CHANGED = "role_changed"
    SESSIONS_ENDED = "sessions_ended"
    DEACTIVATED = "deactivated"
    EXPIRED = "expired"
    REACTIVATED = "reactivated"
    NETWORKS_CHANGED = "networks_changed"
    IMPORTED = "imported"
    DEMANDED = "demanded"  # by an exception for this user
    EXEMPTED = "exempted"
    EXCEPTION_ENDED = "exception_ended"
    BREAK_GLASS_ISSUED = "break_glass_issued"
    BREAK_GLASS_USED = "break_glass_used"
    COMPANY_SUSPENDED = "company_suspended"
    COMPANY_RESUMED = "company_resumed"
    POLICY_CHANGED = "policy_changed"


ABOUT_COMPANIES = frozenset({Topic.COMPANY_SUSPENDED, Topic.COMPANY_RESUMED, Topic.POLICY_CHANGED})
FOR_ADMINISTRATORS = frozenset({Topic.RESET, Topic.DISABLED, Topic.CLOSED, Topic.BREAK_GLASS_ISSUED}) | ABOUT_COMPANIES
_BY_TRYING = frozenset({Topic.PAUSED, Topic.LOCKED, Topic.CLOSED})


_EXCEPTIONS = {"required": Topic.DEMANDED, "exempt": Topic.EXEMPTED, "inherit": Topic.EXCEPTION_ENDED}


class Author(StrEnum):
    """By whom, as the reader of a mail is told it."""

    SELF = "self"
    CLAIMANT = "claimant"  # somebody who gave the right password and wrong codes
    ADMINISTRATOR = "administrator"
    PROVIDER = "provider"
    CLIENT = "client"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class News:
    """A topic with what its text may mention."""

    topic: Topic
    until: datetime | None = None
    left: int | None = None


def news_of(event: UserEvent) -> News | None:  # noqa: C901 - one line a fact is the point
    """What a mail about this fact says; None for a fact that nobody is told of."""
    match event:
        case TwoFactorEnabled():
            return News(Topic.REPLACED if event.replaced else Topic.ENABLED)
        case EnrolmentStarted():
            return News(Topic.REPLACEMENT_STARTED)
        case TwoFactorDisabled():
            return News(Topic.DISABLED)
        case KeyReset():
            return News(Topic.RESET, until=event.order_expires_at)
        case TwoFactorOrdered():
            return News(Topic.ORDERED, until=event.expires_at)
        case OrderWithdrawn():
            return News(Topic.ORDER_WITHDRAWN)
        case TwoFactorPaused():
            return News(Topic.PAUSED, until=event.until)
        case TwoFactorLocked():
            return News(Topic.LOCKED, until=event.until) if event.until is not None else News(Topic.CLOSED)
        case TwoFactorUnlocked():
            return News(Topic.UNLOCKED)
        case RecoveryCodeUsed():
            return News(Topic.RECOVERY_CODE_USED, left=event.left)
        case RecoveryCodesIssued():
            return News(Topic.RECOVERY_CODES_ISSUED)
        case PasswordChanged():
            return News(Topic.PASSWORD_CHANGED)
        case PasswordReset():
            return News(Topic.PASSWORD_RESET)
        case UserChanged():
            return News(Topic.EMAIL_CHANGED if "email" in event.changed else Topic.ROLE_CHANGED)
        case SessionsEnded():
            return News(Topic.SESSIONS_ENDED)
        case UserDeactivated():
            return News(Topic.DEACTIVATED)
        case UserReactivated():
            return News(Topic.REACTIVATED)
        case UserExpired():
            return News(Topic.EXPIRED)
        case TrustedNetworksChanged():
            return News(Topic.NETWORKS_CHANGED)
        case TwoFactorImported():
            return News(Topic.IMPORTED)
        case TwoFactorOverridden():
            return News(_EXCEPTIONS[event.override], until=event.until)
        case BreakGlassCodeIssued():
            return News(Topic.BREAK_GLASS_ISSUED, until=event.expires_at)
        case BreakGlassCodeUsed():
            return News(Topic.BREAK_GLASS_USED)
        case _:
            return None


def news_of_company(event: CompanyEvent) -> News | None:
    """The same for a fact about the company as a whole."""
    match event:
        case CompanySuspended():
            return News(Topic.COMPANY_SUSPENDED)
        case CompanyResumed():
            return News(Topic.COMPANY_RESUMED)
        case PolicyChanged():
            return News(Topic.POLICY_CHANGED)
        case _:
            return None


def author_of(actor: Actor, topic: Topic, subject_id: UUID | None) -> Author:
    """How to call the actor towards people: by relation, never by name."""
    if topic in _BY_TRYING:
        return Author.CLAIMANT
    match actor.kind:
        case ActorKind.USER:
            return Author.SELF if actor.id == subject_id else Author.ADMINISTRATOR
        case ActorKind.PROVIDER:
            return Author.PROVIDER
        case ActorKind.CLIENT:
            return Author.CLIENT
        case ActorKind.SYSTEM:
            return Author.SYSTEM
        case ActorKind.ANONYMOUS:
            return Author.CLAIMANT
