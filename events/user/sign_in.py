"""Rules of signing in: password proven, code, recovery code, expired password, session."""

from datetime import datetime
from uuid import UUID

from events.decision import Decision, Refusal, accepted, refused
from events.networks import contains
from events.policy import effective, is_inside
from events.user.commands import (
    BreakGlassProof,
    CancelSignIn,
    OtpProof,
    ProveSignIn,
    RecoveryProof,
    SetExpiredPassword,
    StartSignIn,
    Wish,
)
from events.user.events import (
    BreakGlassCodeUsed,
    By,
    Door,
    Factor,
    KeyReset,
    PasswordChanged,
    PasswordRehashed,
    PolicyOrderStarted,
    RecoveryCodeUsed,
    SignedIn,
    SignInAdvanced,
    SignInCancelled,
    SignInRefused,
    SignInStarted,
    Stage,
    UserEvent,
)
from events.user.ladder import judge
from events.user.state import Session, SignInProgress, UserState, account_state, password_is_due


def start(state: UserState, wish: StartSignIn) -> Decision[UserEvent]:
    """After a right password: a session, a sign-in that needs more, or a refusal."""
    account = account_state(state, wish.now)
    if account != "active":
        return refused(Refusal.INVALID_CREDENTIALS, *_not_active(state, wish, account))
    if wish.rules.suspended:
        return refused(Refusal.INVALID_CREDENTIALS, SignInRefused(cause="suspended", refused_at=wish.now))
    if state.networks and not contains(state.networks, wish.address):
        return refused(Refusal.INVALID_CREDENTIALS, SignInRefused(cause="network", refused_at=wish.now))
    rehashed: tuple[UserEvent, ...] = (PasswordRehashed(),) if wish.rehashed else ()
    match effective(state, wish.rules, wish.now, inside=is_inside(wish.rules, wish.address)).next_sign_in:
        case "contact_administrator" if state.key is None:
            disabled = state.ladder.disabled
            refusal = SignInRefused(cause="factor_disabled" if disabled else "order_expired", refused_at=wish.now)
            return refused(Refusal.CONTACT_ADMINISTRATOR, refusal)
        case "code" | "contact_administrator":
            return accepted(*rehashed, _begun(state, wish, Stage.CODE))
        case "enrolment":
            return accepted(*rehashed, *_policy_order(state, wish), _begun(state, wish, Stage.ENROLMENT))
        case "password" if password_is_due(state, wish.now, wish.policy.password_max_age_days):
            return accepted(*rehashed, _begun(state, wish, Stage.PASSWORD))
        case "password":
            return accepted(*rehashed, session_begun(state, wish, wish.session_id, None, ("password",)))


def prove(state: UserState, wish: ProveSignIn) -> Decision[UserEvent]:
    """A code or recovery code for a sign-in in progress."""
    progress = live(state, wish.sign_in_id, wish)
    if progress is None:
        return refused(Refusal.SIGN_IN_OVER)
    if progress.stage is not Stage.CODE:
        return refused(Refusal.ENROLMENT_REQUIRED if progress.stage is Stage.ENROLMENT else Refusal.NOT_AT_THIS_STAGE)
    if progress.tries >= wish.limits.sign_in_tries:
        return refused(Refusal.SIGN_IN_OVER)
    failed = judge(state, wish, wish.proof, Door.SIGN_IN, wish.sign_in_id)
    if failed is not None:
        return refused(Refusal.CODE_REJECTED, *failed)
    match wish.proof:
        case OtpProof(key_id, time_step):
            return accepted(
                passed(state, wish, progress, wish.next_id, wish.session_id, "otp", key_id=key_id, step=time_step)
            )
        case RecoveryProof(code_id):
            assert code_id is not None  # noqa: S101 - judge() has just said that it holds
            used = RecoveryCodeUsed(
                code_id=code_id, door=Door.SIGN_IN, left=len(state.recovery_codes) - 1, used_at=wish.now
            )
            return accepted(used, passed(state, wish, progress, wish.next_id, wish.session_id, "recovery_code"))
        case BreakGlassProof(code_id):
            return _break_glass(state, wish, progress, code_id)


def _break_glass(state: UserState, wish: ProveSignIn, progress: SignInProgress, code_id: UUID) -> Decision[UserEvent]:
    """The code for once voids the key, and the sign-in goes on with the enrolment of a new one."""
    assert state.key is not None  # noqa: S101 - a code is issued for somebody with a key, and dies with it
    reset = KeyReset(
        by=By.ADMINISTRATOR,
        key_id=state.key.id,
        reset_at=wish.now,
        order_expires_at=wish.now + wish.policy.order_window,
        sessions_ended=tuple(s.id for s in state.sessions),
        sign_ins_ended=tuple(s.id for s in state.sign_ins if s.id != progress.id),
    )
    advanced = SignInAdvanced(
        sign_in_id=wish.next_id,
        previous_id=progress.id,
        stage=Stage.ENROLMENT,
        factors=(*progress.factors, "break_glass_code"),
        advanced_at=wish.now,
        expires_at=progress.expires_at,
    )
    return accepted(BreakGlassCodeUsed(code_id=code_id, used_at=wish.now), reset, advanced)


def passed(
    state: UserState,
    wish: Wish,
    progress: SignInProgress,
    next_id: UUID,
    session_id: UUID,
    factor: Factor,
    *,
    key_id: UUID | None = None,
    step: int | None = None,
) -> SignedIn | SignInAdvanced:
    """The second factor holds: a session, or the demand for a new password."""
    factors: tuple[Factor, ...] = (*progress.factors, factor)
    if password_is_due(state, wish.now, wish.policy.password_max_age_days):
        return SignInAdvanced(
            sign_in_id=next_id,
            previous_id=progress.id,
            stage=Stage.PASSWORD,
            factors=factors,
            key_id=key_id,
            time_step=step,
            advanced_at=wish.now,
            expires_at=progress.expires_at,
        )
    return session_begun(state, wish, session_id, progress.id, factors, key_id=key_id, step=step)


def set_expired_password(state: UserState, wish: SetExpiredPassword) -> Decision[UserEvent]:
    """The new password that an expired one asks for; then the session begins."""
    progress = live(state, wish.sign_in_id, wish)
    if progress is None:
        return refused(Refusal.SIGN_IN_OVER)
    if progress.stage is not Stage.PASSWORD:
        return refused(Refusal.NOT_AT_THIS_STAGE)
    inside = is_inside(wish.rules, wish.address)
    if progress.factors == ("password",) and effective(state, wish.rules, wish.now, inside=inside).state != "off":
        # A second factor is demanded since this sign-in began.
        return refused(Refusal.SIGN_IN_OVER)
    changed = PasswordChanged(
        changed_at=wish.now,
        sessions_ended=tuple(s.id for s in state.sessions),
        sign_ins_ended=tuple(s.id for s in state.sign_ins if s.id != progress.id),
    )
    begun = SignedIn(
        session_id=wish.session_id,
        sign_in_id=progress.id,
        factors=progress.factors,
        signed_in_at=wish.now,
        expires_at=wish.now + wish.limits.session,
    )
    return accepted(changed, begun)


def cancel(state: UserState, wish: CancelSignIn) -> Decision[UserEvent]:
    if live(state, wish.sign_in_id, wish) is None:
        return refused(Refusal.SIGN_IN_OVER)
    return accepted(SignInCancelled(sign_in_id=wish.sign_in_id))


def live(state: UserState, sign_in_id: UUID, wish: Wish) -> SignInProgress | None:
    """The sign-in in progress when it may go on now, else None."""
    progress = state.sign_in(sign_in_id)
    if progress is None or wish.now >= progress.expires_at or not state.is_active(wish.now):
        return None
    return progress


def session_begun(
    state: UserState,
    wish: Wish,
    session_id: UUID,
    sign_in_id: UUID | None,
    factors: tuple[Factor, ...],
    *,
    key_id: UUID | None = None,
    step: int | None = None,
) -> SignedIn:
    """The fact of a new session; expired ones and, over the limit, the oldest end with it."""
    return SignedIn(
        session_id=session_id,
        sign_in_id=sign_in_id,
        factors=factors,
        key_id=key_id,
        time_step=step,
        signed_in_at=wish.now,
        expires_at=wish.now + wish.limits.session,
        sessions_ended=_crowded_out(state.sessions, wish.limits.sessions, wish.now),
    )


def _begun(state: UserState, wish: StartSignIn, stage: Stage) -> SignInStarted:
    return SignInStarted(
        sign_in_id=wish.sign_in_id,
        stage=stage,
        expires_at=wish.now + wish.limits.sign_in,
        sign_ins_ended=_crowded_out(state.sign_ins, wish.limits.sign_ins, wish.now),
    )


def _crowded_out(
    live_ones: tuple[Session, ...] | tuple[SignInProgress, ...], limit: int, now: datetime
) -> tuple[UUID, ...]:
    expired = tuple(s.id for s in live_ones if now >= s.expires_at)
    left = [s.id for s in live_ones if now < s.expires_at]
    return (*expired, *left[: max(0, len(left) + 1 - limit)])


def _policy_order(state: UserState, wish: StartSignIn) -> tuple[UserEvent, ...]:
    """The policy's demand opens its window at the first right password, so nobody returns to a closed door."""
    if state.order is not None:
        return ()
    return (PolicyOrderStarted(started_at=wish.now, expires_at=wish.now + wish.policy.order_window),)


def _not_active(state: UserState, wish: StartSignIn, account: str) -> tuple[UserEvent, ...]:
    match account:
        case "not_yet_active" | "expired":
            return (SignInRefused(cause=account, refused_at=wish.now),)
        case _ if state.erased or not state.exists:
            return ()
        case _:
            return (SignInRefused(cause="deactivated", refused_at=wish.now),)
