"""Rules of the own account: enrolment, replacement, reset, disable, recovery codes, step-up, sessions, password."""

from uuid import UUID

from events.decision import Decision, Refusal, accepted, refused
from events.policy import may_not_be_without
from events.user.commands import (
    CancelEnrolment,
    ChangeOwnPassword,
    ConfirmEnrolment,
    DisableOwnFactor,
    EndSessions,
    ExportOwnData,
    IssueRecoveryCodes,
    RecoveryProof,
    RejectSessionPassword,
    ResetOwnKey,
    SignOut,
    StartEnrolment,
    StepUp,
    Wish,
)
from events.user.events import (
    By,
    Door,
    EnrolmentCancelled,
    EnrolmentStarted,
    KeyReset,
    PasswordChanged,
    PersonalDataExported,
    RecoveryCodesIssued,
    RecoveryCodeUsed,
    SessionPasswordRejected,
    SessionsEnded,
    SignedOut,
    Stage,
    SteppedUp,
    TwoFactorDisabled,
    TwoFactorEnabled,
    UserEvent,
)
from events.user.ladder import judge, judge_pending
from events.user.sign_in import live, passed
from events.user.state import UserState


def start_enrolment(state: UserState, wish: StartEnrolment) -> Decision[UserEvent]:
    """A fresh key for whoever may enrol now; a working factor stays as it is."""
    progress = live(state, wish.holder_id, wish)
    if progress is not None:
        if progress.stage is not Stage.ENROLMENT or state.key is not None:
            return refused(Refusal.NOT_AT_THIS_STAGE)
        return accepted(_shown(state, wish))
    if not has_session(state, wish.holder_id, wish):
        return refused(Refusal.SESSION_OVER)
    if state.key is None:
        return accepted(_shown(state, wish))
    if wish.proof is None:
        return refused(Refusal.STEP_UP_REQUIRED)
    failed = judge(state, wish, wish.proof, Door.REPLACE)
    return accepted(_shown(state, wish)) if failed is None else refused(Refusal.CODE_REJECTED, *failed)


def _shown(state: UserState, wish: StartEnrolment) -> EnrolmentStarted:
    return EnrolmentStarted(
        key_id=wish.key_id,
        generation=state.generation + 1,
        holder_id=wish.holder_id,
        started_at=wish.now,
        expires_at=wish.now + wish.limits.pending,
        time_step=wish.proof.time_step if wish.proof and state.key else None,
        proven_key_id=wish.proof.key_id if wish.proof and state.key else None,
    )


def confirm_enrolment(state: UserState, wish: ConfirmEnrolment) -> Decision[UserEvent]:
    """A right code of the shown key switches the factor on, and everything begun without it ends."""
    progress = live(state, wish.holder_id, wish)
    if progress is None and not has_session(state, wish.holder_id, wish):
        return refused(Refusal.SIGN_IN_OVER if state.session(wish.holder_id) is None else Refusal.SESSION_OVER)
    pending = state.pending
    if pending is None or pending.holder_id != wish.holder_id or wish.now >= pending.expires_at:
        return refused(Refusal.NO_PENDING_ENROLMENT)
    if pending.tries >= wish.limits.pending_tries:
        return refused(Refusal.NO_PENDING_ENROLMENT)
    failed = judge_pending(state, wish, wish.time_step, pending.id)
    if failed is not None or wish.time_step is None:
        return refused(Refusal.CODE_REJECTED, *(failed or ()))
    enabled = TwoFactorEnabled(
        key_id=pending.id,
        generation=pending.generation,
        time_step=wish.time_step,
        enabled_at=wish.now,
        replaced=state.key is not None,
        kept=None if progress else wish.holder_id,
        sessions_ended=tuple(s.id for s in state.sessions if s.id != wish.holder_id),
        sign_ins_ended=tuple(s.id for s in state.sign_ins if s.id != wish.holder_id),
    )
    codes = RecoveryCodesIssued(code_ids=wish.code_ids, issued_at=wish.now)
    if progress is None:
        return accepted(enabled, codes)
    return accepted(enabled, codes, passed(state, wish, progress, wish.next_id, wish.session_id, "otp"))


def cancel_enrolment(state: UserState, wish: CancelEnrolment) -> Decision[UserEvent]:
    pending = state.pending
    if pending is None or pending.holder_id != wish.holder_id or wish.now >= pending.expires_at:
        return refused(Refusal.NO_PENDING_ENROLMENT)
    return accepted(EnrolmentCancelled(key_id=pending.id))


def reset_own_key(state: UserState, wish: ResetOwnKey) -> Decision[UserEvent]:
    """Void key and codes, end everything, enrol anew at the next sign-in."""
    if state.key is None:
        return refused(Refusal.NO_KEY)
    failed = judge(state, wish, wish.proof, Door.RESET)
    if failed is not None:
        return refused(Refusal.CODE_REJECTED, *failed)
    used: tuple[UserEvent, ...] = ()
    step = None
    if isinstance(wish.proof, RecoveryProof):
        code_id = wish.proof.code_id
        if code_id is not None:
            left = len(state.recovery_codes) - 1
            used = (RecoveryCodeUsed(code_id=code_id, door=Door.RESET, left=left, used_at=wish.now),)
    else:
        step = wish.proof.time_step
    return accepted(
        *used,
        KeyReset(
            by=By.USER,
            key_id=state.key.id,
            time_step=step,
            reset_at=wish.now,
            order_expires_at=wish.now + wish.policy.order_window,
            sessions_ended=tuple(s.id for s in state.sessions),
            sign_ins_ended=tuple(s.id for s in state.sign_ins),
        ),
    )


def disable_own_factor(state: UserState, wish: DisableOwnFactor) -> Decision[UserEvent]:
    """Off, by a fresh code; refused, with the code unspent, where a policy demands a factor."""
    if not has_session(state, wish.session_id, wish):
        return refused(Refusal.SESSION_OVER)
    if state.key is None:
        return refused(Refusal.NO_KEY)
    if may_not_be_without(state, wish.rules, wish.now):
        return refused(Refusal.POLICY_REQUIRES_TWO_FACTOR)
    failed = judge(state, wish, wish.proof, Door.DISABLE)
    if failed is not None:
        return refused(Refusal.CODE_REJECTED, *failed)
    return accepted(
        TwoFactorDisabled(
            by=By.USER,
            key_id=state.key.id,
            time_step=wish.proof.time_step,
            disabled_at=wish.now,
            kept=wish.session_id,
            sessions_ended=tuple(s.id for s in state.sessions if s.id != wish.session_id),
            sign_ins_ended=tuple(s.id for s in state.sign_ins),
        )
    )


def issue_recovery_codes(state: UserState, wish: IssueRecoveryCodes) -> Decision[UserEvent]:
    if state.key is None:
        return refused(Refusal.NO_KEY)
    failed = judge(state, wish, wish.proof, Door.RECOVERY_CODES)
    if failed is not None:
        return refused(Refusal.CODE_REJECTED, *failed)
    step, key_id = wish.proof.time_step, wish.proof.key_id
    return accepted(RecoveryCodesIssued(code_ids=wish.code_ids, time_step=step, key_id=key_id, issued_at=wish.now))


def step_up(state: UserState, wish: StepUp) -> Decision[UserEvent]:
    """Make a session fresh: by a code, or by the password where no factor is on."""
    if not has_session(state, wish.session_id, wish):
        return refused(Refusal.SESSION_OVER)
    fresh_until = wish.now + wish.limits.step_up
    if wish.proof is None:
        if state.key is not None:
            return refused(Refusal.STEP_UP_REQUIRED)
        return accepted(
            SteppedUp(session_id=wish.session_id, factor="password", stepped_up_at=wish.now, fresh_until=fresh_until)
        )
    if state.key is None:
        return refused(Refusal.NO_KEY)
    failed = judge(state, wish, wish.proof, Door.STEP_UP)
    if failed is not None:
        return refused(Refusal.CODE_REJECTED, *failed)
    return accepted(
        SteppedUp(
            session_id=wish.session_id,
            factor="otp",
            time_step=wish.proof.time_step,
            key_id=wish.proof.key_id,
            stepped_up_at=wish.now,
            fresh_until=fresh_until,
        )
    )


def reject_session_password(state: UserState, wish: RejectSessionPassword) -> Decision[UserEvent]:
    """A wrong password inside a session; the fifth ends the session."""
    session = state.session(wish.session_id)
    if session is None:
        return refused(Refusal.SESSION_OVER)
    rejected = SessionPasswordRejected(session_id=session.id, rejected_at=wish.now)
    if session.wrong_passwords + 1 < wish.limits.session_wrong_passwords:
        return refused(Refusal.INVALID_CREDENTIALS, rejected)
    return refused(Refusal.INVALID_CREDENTIALS, rejected, SessionsEnded(by=By.SYSTEM, sessions_ended=(session.id,)))


def change_own_password(state: UserState, wish: ChangeOwnPassword) -> Decision[UserEvent]:
    if not has_session(state, wish.session_id, wish):
        return refused(Refusal.SESSION_OVER)
    return accepted(
        PasswordChanged(
            changed_at=wish.now,
            kept=wish.session_id,
            sessions_ended=tuple(s.id for s in state.sessions if s.id != wish.session_id),
            sign_ins_ended=tuple(s.id for s in state.sign_ins),
        )
    )


def end_sessions(state: UserState, wish: EndSessions) -> Decision[UserEvent]:
    """End those of the named sessions that live; none of them living changes nothing."""
    ended = tuple(s.id for s in state.sessions if s.id in wish.session_ids)
    if not ended:
        return accepted()
    by = By.ADMINISTRATOR if wish.by_administrator else By.USER
    return accepted(SessionsEnded(by=by, sessions_ended=ended, reason=wish.reason))


def export_own_data(state: UserState, wish: ExportOwnData) -> Decision[UserEvent]:
    if not has_session(state, wish.session_id, wish):
        return refused(Refusal.SESSION_OVER)
    return accepted(PersonalDataExported(exported_at=wish.now))


def sign_out(state: UserState, wish: SignOut) -> Decision[UserEvent]:
    if state.session(wish.session_id) is None:
        return refused(Refusal.SESSION_OVER)
    return accepted(SignedOut(session_id=wish.session_id))


def has_session(state: UserState, session_id: UUID, wish: Wish) -> bool:
    """Does this session live, of an account that may be used now?"""
    session = state.session(session_id)
    return session is not None and wish.now < session.expires_at and state.is_active(wish.now)
