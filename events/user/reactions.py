"""What has to happen outside because of a fact: pure, so a rebuild can never fire anything twice."""

from uuid import UUID

from events.effects import EffectKind
from events.user.events import (
    BreakGlassCodeIssued,
    BreakGlassCodeUsed,
    By,
    CredentialsVoided,
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
    UserErased,
    UserEvent,
    UserExpired,
    UserReactivated,
)


def reactions(event: UserEvent) -> tuple[EffectKind, ...]:
    """Kinds of effects that one fact calls for."""
    kinds: list[EffectKind] = []
    if ended_counts(event) is not None:
        kinds.append(EffectKind.REVOKE_SESSIONS)
    if _told_to_user(event):
        kinds.append(EffectKind.NOTIFY_USER)
    if _told_to_administrators(event):
        kinds.append(EffectKind.NOTIFY_ADMINISTRATORS)
    if isinstance(event, UserErased):
        kinds.append(EffectKind.FORGET_PERSON)
    return tuple(kinds)


def ended_counts(event: UserEvent) -> tuple[int, int] | None:
    """(sessions, sign-ins in progress) that a revoking fact ended; None for a fact that revokes nothing."""
    match event:
        case KeyReset() | TwoFactorDisabled() | UserDeactivated() | UserExpired() | UserErased() | PasswordReset():
            return len(event.sessions_ended), len(event.sign_ins_ended)
        case TwoFactorEnabled() | PasswordChanged() | UserChanged() | TwoFactorOrdered() | CredentialsVoided():
            counts = len(event.sessions_ended), len(event.sign_ins_ended)
            return counts if any(counts) else None
        case SessionsEnded():
            return len(event.sessions_ended), 0
        case TwoFactorLocked() | OrderWithdrawn() | TwoFactorOverridden():
            return (0, len(event.sign_ins_ended)) if event.sign_ins_ended else None
        case _:
            return None


def _told_to_user(event: UserEvent) -> bool:
    match event:
        case (
            TwoFactorEnabled()
            | TwoFactorDisabled()
            | TwoFactorOrdered()
            | TwoFactorOverridden()
            | TwoFactorImported()
            | OrderWithdrawn()
            | BreakGlassCodeIssued()
            | BreakGlassCodeUsed()
            | KeyReset()
            | TwoFactorPaused()
            | TwoFactorLocked()
            | TwoFactorUnlocked()
            | RecoveryCodeUsed()
            | PasswordChanged()
            | PasswordReset()
            | TrustedNetworksChanged()
            | UserDeactivated()
            | UserExpired()
            | UserReactivated()
        ):
            return True
        case RecoveryCodesIssued() | EnrolmentStarted():
            # Both belong to another mailed fact, unless they stand alone: a new set, a replacement.
            return event.time_step is not None
        case UserChanged():
            return "email" in event.changed or "role" in event.changed
        case SessionsEnded():
            return event.by is By.ADMINISTRATOR
        case _:
            return False


def _told_to_administrators(event: UserEvent) -> bool:
    match event:
        case KeyReset() | TwoFactorDisabled() | BreakGlassCodeIssued():
            return True
        case TwoFactorLocked():
            return event.until is None
        case _:
            return False


def effect_target(user_id: UUID) -> str:
    """Whom an effect is about: part of its key, so that it exists once."""
    return str(user_id)
