"""One state step of a user's stream, and the fold. Total: every fact has a next state."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import reduce
from typing import assert_never
from uuid import UUID

from events.user.events import (
    AccessDenied,
    BreakGlassCodeIssued,
    BreakGlassCodeUsed,
    CodeRejected,
    CredentialsVoided,
    EnrolmentCancelled,
    EnrolmentStarted,
    GraceNoted,
    KeyReset,
    OrderWithdrawn,
    PasswordChanged,
    PasswordRehashed,
    PasswordReset,
    PersonalDataExported,
    PolicyOrderStarted,
    RecoveryCodesIssued,
    RecoveryCodeUsed,
    SessionPasswordRejected,
    SessionsEnded,
    SignedIn,
    SignedOut,
    SignInAdvanced,
    SignInCancelled,
    SignInRefused,
    SignInStarted,
    SteppedUp,
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
    UserCreated,
    UserDeactivated,
    UserErased,
    UserEvent,
    UserExpired,
    UserReactivated,
)
from events.user.state import (
    BreakGlass,
    Key,
    Ladder,
    Order,
    Override,
    PendingKey,
    Session,
    SignInProgress,
    UserState,
    held,
    without_sessions,
    without_sign_ins,
)


def fold(events: Iterable[UserEvent], state: UserState | None = None) -> UserState:
    """All state steps from `state` (a new user's when None)."""
    return reduce(evolve, events, state or UserState())


def evolve(state: UserState, event: UserEvent) -> UserState:  # noqa: C901 - one line a fact is the point
    """The state after one more fact. Reads no clock and no `at`."""
    match event:
        case SignedIn():
            return _signed_in(state, event)
        case SignInStarted():
            begun = SignInProgress(id=event.sign_in_id, stage=event.stage, expires_at=event.expires_at)
            kept = without_sign_ins(state, event.sign_ins_ended)
            return replace(kept, sign_ins=(*kept.sign_ins, begun))
        case SignInAdvanced():
            return _sign_in_advanced(state, event)
        case CodeRejected():
            return _code_rejected(state, event)
        case TwoFactorPaused():
            return replace(state, ladder=replace(state.ladder, until=event.until, ignored=False))
        case TwoFactorLocked():
            return _locked(state, event)
        case TwoFactorUnlocked():
            return replace(state, ladder=Ladder())
        case SteppedUp():
            return _proven(state, event.key_id, event.time_step, event.stepped_up_at)
        case EnrolmentStarted():
            return _enrolment_started(state, event)
        case EnrolmentCancelled():
            return replace(state, pending=None)
        case TwoFactorEnabled():
            return _enabled(state, event)
        case RecoveryCodesIssued():
            proven = _proven(state, event.key_id, event.time_step, event.issued_at)
            return replace(proven, recovery_codes=event.code_ids)
        case RecoveryCodeUsed():
            left = tuple(c for c in state.recovery_codes if c != event.code_id)
            return replace(state, recovery_codes=left, ladder=Ladder())
        case KeyReset():
            ended = _factor_gone(_ended(state, event.sessions_ended, event.sign_ins_ended))
            return replace(ended, order=Order(expires_at=event.order_expires_at))
        case TwoFactorDisabled():
            ended = _factor_gone(_ended(state, event.sessions_ended, event.sign_ins_ended))
            return replace(ended, order=None)
        case TwoFactorOrdered():
            ended = _ended(state, event.sessions_ended, event.sign_ins_ended)
            return replace(ended, order=Order(expires_at=event.expires_at))
        case PolicyOrderStarted():
            return replace(state, order=Order(expires_at=event.expires_at, by_policy=True))
        case TwoFactorOverridden():
            return _overridden(state, event)
        case GraceNoted():
            return replace(state, policy_met_at=event.met_at, counts_from=event.counts_from)
        case BreakGlassCodeIssued():
            issued = BreakGlass(id=event.code_id, expires_at=event.expires_at)
            return replace(state, break_glass=issued, ladder=Ladder())
        case BreakGlassCodeUsed():
            return replace(state, break_glass=None, ladder=Ladder())
        case TwoFactorImported():
            return _imported(state, event)
        case OrderWithdrawn():
            return replace(without_sign_ins(state, event.sign_ins_ended), order=None)
        case UserCreated():
            return _created(event)
        case UserChanged():
            return _changed(state, event)
        case UserDeactivated():
            ended = _ended(state, event.sessions_ended, event.sign_ins_ended)
            return replace(ended, break_glass=None, deactivated=True, authority=state.authority + 1)
        case UserExpired():
            ended = _ended(state, event.sessions_ended, event.sign_ins_ended)
            return replace(ended, break_glass=None, expired=True, authority=state.authority + 1)
        case UserReactivated():
            return replace(state, deactivated=False, authority=state.authority + 1)
        case TrustedNetworksChanged():
            networks = tuple(event.networks.split(",")) if event.networks else ()
            return replace(state, networks=networks, authority=state.authority + 1)
        case UserErased():
            return UserState(exists=True, erased=True, deactivated=True, authority=state.authority + 1)
        case CredentialsVoided():
            return _voided(state, event)
        case PasswordChanged():
            ended = _ended(state, event.sessions_ended, event.sign_ins_ended)
            return _password_set(ended, event.changed_at, must_change=False)
        case PasswordReset():
            ended = _ended(state, event.sessions_ended, event.sign_ins_ended)
            return _password_set(ended, event.reset_at, must_change=event.must_change)
        case SessionPasswordRejected():
            return _session_password_rejected(state, event.session_id)
        case SignInCancelled():
            return without_sign_ins(state, (event.sign_in_id,))
        case SignedOut():
            return without_sessions(state, (event.session_id,))
        case SessionsEnded():
            return without_sessions(state, event.sessions_ended)
        case SignInRefused() | AccessDenied() | PasswordRehashed() | PersonalDataExported():
            return state
        case _:
            assert_never(event)


def _ended(state: UserState, sessions: tuple[UUID, ...], sign_ins: tuple[UUID, ...]) -> UserState:
    return without_sign_ins(without_sessions(state, sessions), sign_ins)


def _voided(state: UserState, event: CredentialsVoided) -> UserState:
    ended = _ended(state, event.sessions_ended, event.sign_ins_ended)
    key = ended.key
    if key is not None and event.time_step is not None and key.id == event.key_id:
        key = replace(key, last_step=event.time_step)  # nobody used it
    return replace(ended, pending=None, recovery_codes=(), break_glass=None, key=key)


def _created(event: UserCreated) -> UserState:
    return UserState(
        exists=True,
        login=event.login or "",
        email=event.email,
        role=event.role,
        language=event.language,
        time_zone=event.time_zone,
        created_at=event.created_at,
        activation_at=event.activation_at,
        expiration_at=event.expiration_at,
        has_password=event.has_password,
        password_changed_at=event.created_at if event.has_password else None,
        must_change_password=event.must_change_password,
        authority=1,
    )


def _changed(state: UserState, event: UserChanged) -> UserState:
    ended = _ended(state, event.sessions_ended, event.sign_ins_ended)
    weighty = {"role", "activation_at", "expiration_at"} & set(event.changed)
    return replace(
        ended,
        email=event.email,
        role=event.role,
        language=event.language,
        time_zone=event.time_zone,
        activation_at=event.activation_at,
        expiration_at=event.expiration_at,
        expired=state.expired and "expiration_at" not in event.changed,
        authority=state.authority + (1 if weighty else 0),
    )


def _password_set(state: UserState, at: datetime, *, must_change: bool) -> UserState:
    return replace(state, has_password=True, password_changed_at=at, must_change_password=must_change)


def _signed_in(state: UserState, event: SignedIn) -> UserState:
    session = Session(id=event.session_id, began_at=event.signed_in_at, expires_at=event.expires_at)
    kept = tuple(s for s in state.sessions if s.id not in event.sessions_ended)
    key = _spent(state.key, event.key_id, event.time_step, event.signed_in_at)
    # One copy of the state: this is the fact of every sign-in.
    return replace(
        state,
        sessions=(*kept, session),
        sign_ins=tuple(s for s in state.sign_ins if s.id != event.sign_in_id),
        pending=held(state, event.sessions_ended),
        key=key,
        ladder=state.ladder if key is state.key else Ladder(),
    )


def _sign_in_advanced(state: UserState, event: SignInAdvanced) -> UserState:
    step = SignInProgress(id=event.sign_in_id, stage=event.stage, expires_at=event.expires_at, factors=event.factors)
    others = tuple(s for s in state.sign_ins if s.id != event.previous_id)
    return _proven(replace(state, sign_ins=(*others, step)), event.key_id, event.time_step, event.advanced_at)


def _proven(state: UserState, key_id: UUID | None, time_step: int | None, at: datetime) -> UserState:
    """An OTP was accepted: its step is spent and the failures in a row are over."""
    key = _spent(state.key, key_id, time_step, at)
    return state if key is state.key else replace(state, key=key, ladder=Ladder())


def _spent(key: Key | None, key_id: UUID | None, time_step: int | None, at: datetime) -> Key | None:
    """The key after one of its steps was accepted; the same object when none was."""
    if key is None or time_step is None or key.id != key_id:
        return key
    return replace(key, last_step=max(key.last_step, time_step), last_used_at=at)


def _enrolment_started(state: UserState, event: EnrolmentStarted) -> UserState:
    proven = _proven(state, event.proven_key_id, event.time_step, event.started_at)
    pending = PendingKey(
        id=event.key_id, generation=event.generation, holder_id=event.holder_id, expires_at=event.expires_at
    )
    return replace(proven, pending=pending, generation=event.generation)


def _enabled(state: UserState, event: TwoFactorEnabled) -> UserState:
    ended = _ended(state, event.sessions_ended, event.sign_ins_ended)
    key = Key(
        id=event.key_id,
        generation=event.generation,
        enrolled_at=event.enabled_at,
        last_used_at=event.enabled_at,
        last_step=event.time_step,
    )
    return replace(_factor_gone(ended), key=key, order=None)


def _imported(state: UserState, event: TwoFactorImported) -> UserState:
    key = Key(
        id=event.key_id,
        generation=event.generation,
        enrolled_at=event.imported_at,
        last_used_at=event.imported_at,
        last_step=event.time_step,
    )
    return replace(state, key=key, generation=event.generation, order=None)


def _factor_gone(state: UserState) -> UserState:
    return replace(state, key=None, pending=None, recovery_codes=(), break_glass=None, ladder=Ladder())


def _overridden(state: UserState, event: TwoFactorOverridden) -> UserState:
    exception = Override(kind=event.override, until=event.until) if event.override != "inherit" else None
    # Exempt, its owner misses the window that the policy opened: when the exemption is over there is another.
    by_policy = event.override == "exempt" and state.order is not None and state.order.by_policy
    order = None if by_policy else state.order
    return replace(without_sign_ins(state, event.sign_ins_ended), override=exception, order=order)


def _code_rejected(state: UserState, event: CodeRejected) -> UserState:
    ladder = state.ladder
    if event.result == "not_evaluated":
        return replace(state, ladder=replace(ladder, ignored=True))
    if event.result == "wrong":
        ladder = replace(ladder, short=ladder.short + 1, total=ladder.total + 1, until=None, ignored=False)
    tried = tuple(replace(s, tries=s.tries + 1) if s.id == event.holder_id else s for s in state.sign_ins)
    pending = state.pending
    if pending is not None and pending.id == event.holder_id:
        pending = replace(pending, tries=pending.tries + 1)
    return replace(state, ladder=ladder, sign_ins=tried, pending=pending)


def _locked(state: UserState, event: TwoFactorLocked) -> UserState:
    ladder = replace(
        state.ladder,
        short=0,
        locks=state.ladder.locks + 1,
        until=event.until,
        disabled=event.until is None,
        ignored=False,
    )
    return replace(without_sign_ins(state, event.sign_ins_ended), ladder=ladder)


def _session_password_rejected(state: UserState, session_id: UUID) -> UserState:
    tried = tuple(
        replace(s, wrong_passwords=s.wrong_passwords + 1) if s.id == session_id else s for s in state.sessions
    )
    return replace(state, sessions=tried)
