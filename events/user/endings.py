"""Which credentials a fact ends, and which time step it spends: pure, so no path can forget it."""

from collections.abc import Iterable
from uuid import UUID

from events.credentials import CredentialKind as Kind
from events.credentials import EndAll, Endings
from events.user.events import (
    BreakGlassCodeIssued,
    BreakGlassCodeUsed,
    CredentialsVoided,
    EnrolmentCancelled,
    EnrolmentStarted,
    KeyReset,
    OrderWithdrawn,
    PasswordChanged,
    PasswordRehashed,
    PasswordReset,
    RecoveryCodesIssued,
    RecoveryCodeUsed,
    SessionsEnded,
    SignedIn,
    SignedOut,
    SignInAdvanced,
    SignInCancelled,
    SignInStarted,
    SteppedUp,
    TwoFactorDisabled,
    TwoFactorEnabled,
    TwoFactorLocked,
    TwoFactorOrdered,
    TwoFactorOverridden,
    UserChanged,
    UserDeactivated,
    UserErased,
    UserEvent,
    UserExpired,
)
from events.user.state import UserState

_FACTOR = (Kind.KEY, Kind.PENDING_KEY, Kind.RECOVERY_CODE, Kind.BREAK_GLASS)
_BEGUN = (Kind.SESSION, Kind.SIGN_IN)


def endings(user_id: UUID, events: Iterable[UserEvent], before: UserState, after: UserState) -> Endings:
    """Everything that these facts end. A pending key goes with the session or sign-in that holds it."""
    ids: list[UUID] = []
    all_of: list[EndAll] = []
    key, step = None, None
    for event in events:
        ids += _ended_ids(event)
        all_of += _ended_kinds(user_id, event)
        spent = _spent(event)
        if spent is not None:
            key, step = spent
    if before.pending is not None and (after.pending is None or after.pending.id != before.pending.id):
        ids.append(before.pending.id)
    return Endings(ids=tuple(ids), all_of=tuple(all_of), spent_key=key, spent_step=step)


def _ended_ids(event: UserEvent) -> tuple[UUID, ...]:  # noqa: C901 - one line a fact
    match event:
        case SignedIn():
            return (*((event.sign_in_id,) if event.sign_in_id else ()), *event.sessions_ended)
        case SignInStarted() | TwoFactorLocked() | OrderWithdrawn() | TwoFactorOverridden():
            return event.sign_ins_ended
        case SignInAdvanced():
            return (event.previous_id,)
        case SignInCancelled():
            return (event.sign_in_id,)
        case SignedOut():
            return (event.session_id,)
        case SteppedUp():
            return (event.session_id,)  # the same id comes back with a new secret
        case SessionsEnded():
            return event.sessions_ended
        case TwoFactorEnabled():
            # The session that goes on comes back too: a code was accepted in it, so it is fresh.
            return (event.kept,) if event.kept else ()
        case EnrolmentCancelled():
            return (event.key_id,)
        case RecoveryCodeUsed() | BreakGlassCodeUsed():
            return (event.code_id,)
        case TwoFactorOrdered() | UserChanged():
            return (*event.sessions_ended, *event.sign_ins_ended)
        case PasswordChanged():
            return event.sign_ins_ended
        case _:
            return ()


def _ended_kinds(user_id: UUID, event: UserEvent) -> tuple[EndAll, ...]:  # noqa: C901 - one line a fact
    match event:
        case KeyReset():
            return (EndAll(user_id=user_id, kinds=(*_FACTOR, *_BEGUN)),)
        case UserDeactivated() | UserExpired():
            return (EndAll(user_id=user_id, kinds=(*_BEGUN, Kind.PENDING_KEY, Kind.BREAK_GLASS)),)
        case BreakGlassCodeIssued():
            return (EndAll(user_id=user_id, kinds=(Kind.BREAK_GLASS,)),)
        case TwoFactorDisabled():
            return (EndAll(user_id=user_id, kinds=(*_FACTOR, *_BEGUN), keep=event.kept),)
        case TwoFactorEnabled():
            begun = EndAll(user_id=user_id, kinds=_BEGUN, keep=event.kept)
            return (EndAll(user_id=user_id, kinds=_FACTOR), begun)
        case EnrolmentStarted():
            return (EndAll(user_id=user_id, kinds=(Kind.PENDING_KEY,)),)
        case RecoveryCodesIssued():
            return (EndAll(user_id=user_id, kinds=(Kind.RECOVERY_CODE,)),)
        case PasswordChanged():
            return (
                EndAll(user_id=user_id, kinds=(Kind.PASSWORD,)),
                EndAll(user_id=user_id, kinds=(Kind.SESSION,), keep=event.kept),
            )
        case PasswordReset():
            return (EndAll(user_id=user_id, kinds=(Kind.PASSWORD, *_BEGUN, Kind.PENDING_KEY)),)
        case PasswordRehashed():
            return (EndAll(user_id=user_id, kinds=(Kind.PASSWORD,)),)
        case UserErased():
            return (EndAll(user_id=user_id, kinds=tuple(Kind)),)
        case CredentialsVoided():
            voided = (*_BEGUN, Kind.PENDING_KEY, Kind.RECOVERY_CODE, Kind.BREAK_GLASS)
            return (EndAll(user_id=user_id, kinds=voided),)
        case _:
            return ()


def _spent(event: UserEvent) -> tuple[UUID, int] | None:
    match event:
        case SignedIn() | SignInAdvanced() | SteppedUp() | RecoveryCodesIssued() | CredentialsVoided():
            key, step = event.key_id, event.time_step
        case EnrolmentStarted():
            key, step = event.proven_key_id, event.time_step
        case _:
            # A reset or a disable deletes the key itself; a confirmation inserts it with its step.
            return None
    return (key, step) if key is not None and step is not None else None
