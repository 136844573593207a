"""Rules of acts on somebody else's account. Who may act on whom is decided before, by access."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from events.decision import Decision, Refusal, accepted, refused
from events.policy import met_at
from events.user.commands import (
    ChangeNetworks,
    ChangeUser,
    CreateUser,
    DeactivateUser,
    DisableFactor,
    EraseUser,
    ExpireUser,
    ImportKey,
    IssueBreakGlassCode,
    OrderEnrolment,
    OverridePolicy,
    ReactivateUser,
    RecordDenial,
    ResetKey,
    ResetPassword,
    UnlockFactor,
    VoidCredentials,
    Wish,
)
from events.user.events import (
    AccessDenied,
    BreakGlassCodeIssued,
    By,
    CredentialsVoided,
    GraceNoted,
    KeyReset,
    OrderWithdrawn,
    PasswordReset,
    TrustedNetworksChanged,
    TwoFactorDisabled,
    TwoFactorImported,
    TwoFactorOrdered,
    TwoFactorOverridden,
    TwoFactorUnlocked,
    UserChanged,
    UserCreated,
    UserDeactivated,
    UserErased,
    UserEvent,
    UserExpired,
    UserReactivated,
)
from events.user.state import Ladder, UserState

_WEIGHTY = frozenset({"role", "activation_at", "expiration_at"})


@dataclass(frozen=True, slots=True)
class _Everything:
    sessions: tuple[UUID, ...]
    sign_ins: tuple[UUID, ...]


def _everything(state: UserState) -> _Everything:
    return _Everything(tuple(s.id for s in state.sessions), tuple(s.id for s in state.sign_ins))


def create(state: UserState, wish: CreateUser) -> Decision[UserEvent]:
    if state.exists:
        return refused(Refusal.ALREADY_EXISTS)
    return accepted(
        UserCreated(
            role=wish.role,
            language=wish.language,
            time_zone=wish.time_zone,
            activation_at=wish.activation_at,
            expiration_at=wish.expiration_at,
            created_at=wish.now,
            has_password=wish.has_password,
            must_change_password=wish.must_change_password,
            login=wish.login,
            email=wish.email,
        )
    )


def change(state: UserState, wish: ChangeUser) -> Decision[UserEvent]:
    """New settings; a change of role or dates ends what was begun under the old ones."""
    names = ("email", "role", "language", "time_zone", "activation_at", "expiration_at")
    changed = tuple(name for name in names if getattr(state, name) != getattr(wish, name))
    if not changed:
        return accepted()
    ends = _everything(state) if _WEIGHTY & set(changed) else _Everything((), ())
    noted: tuple[GraceNoted, ...] = ()
    if "role" in changed and wish.rules.since:
        # While exempt until a later time, demands count from there all the same.
        noted = _grace_noted(state, wish, counts_from=max(wish.now, state.counts_from or wish.now))
    return accepted(
        *noted,
        UserChanged(
            changed=changed,
            role=wish.role,
            language=wish.language,
            time_zone=wish.time_zone,
            activation_at=wish.activation_at,
            expiration_at=wish.expiration_at,
            email=wish.email,
            previous_email=state.email if "email" in changed else None,
            sessions_ended=ends.sessions,
            sign_ins_ended=ends.sign_ins,
        ),
    )


def _grace_noted(state: UserState, wish: Wish, counts_from: datetime | None) -> tuple[GraceNoted, ...]:
    """What would be unknown after the change."""
    if state.policy_met_at is not None:
        return ()
    met = met_at(state, wish.rules)
    if met is not None and met < wish.now:
        return (GraceNoted(met_at=met),)
    return (GraceNoted(counts_from=counts_from),) if counts_from is not None else ()


def deactivate(state: UserState, wish: DeactivateUser) -> Decision[UserEvent]:
    if state.deactivated:
        return refused(Refusal.ALREADY_DEACTIVATED)
    ends = _everything(state)
    return accepted(UserDeactivated(reason=wish.reason, sessions_ended=ends.sessions, sign_ins_ended=ends.sign_ins))


def reactivate(state: UserState, wish: ReactivateUser) -> Decision[UserEvent]:
    if not state.deactivated:
        return refused(Refusal.NOT_DEACTIVATED)
    return accepted(UserReactivated(reason=wish.reason))


def expire(state: UserState, wish: ExpireUser) -> Decision[UserEvent]:
    """Once for each last day that went by."""
    if state.expired or state.expiration_at is None or wish.now < state.expiration_at:
        return accepted()
    ends = _everything(state)
    return accepted(UserExpired(expired_at=wish.now, sessions_ended=ends.sessions, sign_ins_ended=ends.sign_ins))


def change_networks(state: UserState, wish: ChangeNetworks) -> Decision[UserEvent]:
    if wish.networks == state.networks:
        return accepted()
    networks = ",".join(wish.networks) or None
    return accepted(TrustedNetworksChanged(count=len(wish.networks), networks=networks, reason=wish.reason))


def erase(state: UserState, wish: EraseUser) -> Decision[UserEvent]:
    ends = _everything(state)
    return accepted(UserErased(erased_at=wish.now, sessions_ended=ends.sessions, sign_ins_ended=ends.sign_ins))


def void_credentials(state: UserState, wish: VoidCredentials) -> Decision[UserEvent]:
    """Everything that can be presented, but the password and the key itself, whose steps up to now are forbidden."""
    ends = _everything(state)
    key = state.key if state.key is not None and state.key.last_step < wish.time_step else None
    if not (any((*ends.sessions, *ends.sign_ins, *state.recovery_codes)) or state.pending or state.break_glass or key):
        return accepted()
    return accepted(
        CredentialsVoided(
            epoch=wish.epoch,
            voided_at=wish.now,
            sessions_ended=ends.sessions,
            sign_ins_ended=ends.sign_ins,
            recovery_codes=len(state.recovery_codes),
            key_id=key.id if key is not None else None,
            time_step=wish.time_step if key is not None else None,
        )
    )


def order_enrolment(state: UserState, wish: OrderEnrolment) -> Decision[UserEvent]:
    """Demand a factor at the next sign-in, or renew the demand. Sessions stay: nothing about them changed."""
    if state.key is not None:
        return refused(Refusal.ALREADY_ON)
    ends = _everything(state)
    return accepted(
        TwoFactorOrdered(
            ordered_at=wish.now,
            expires_at=wish.now + wish.policy.order_window,
            reason=wish.reason,
            sign_ins_ended=ends.sign_ins,
        )
    )


def reset_key(state: UserState, wish: ResetKey) -> Decision[UserEvent]:
    if state.key is None:
        return refused(Refusal.NO_KEY)
    ends = _everything(state)
    return accepted(
        KeyReset(
            by=By.ADMINISTRATOR,
            key_id=state.key.id,
            reset_at=wish.now,
            order_expires_at=wish.now + wish.policy.order_window,
            reason=wish.reason,
            sessions_ended=ends.sessions,
            sign_ins_ended=ends.sign_ins,
        )
    )


def disable_factor(state: UserState, wish: DisableFactor) -> Decision[UserEvent]:
    """Remove the factor, or withdraw the order where there is none yet."""
    ends = _everything(state)
    if state.key is not None:
        return accepted(
            TwoFactorDisabled(
                by=By.ADMINISTRATOR,
                key_id=state.key.id,
                disabled_at=wish.now,
                reason=wish.reason,
                sessions_ended=ends.sessions,
                sign_ins_ended=ends.sign_ins,
            )
        )
    if state.order is None:
        return refused(Refusal.NO_KEY)
    return accepted(OrderWithdrawn(reason=wish.reason, sign_ins_ended=ends.sign_ins))


def unlock(state: UserState, wish: UnlockFactor) -> Decision[UserEvent]:
    """Clear pause, lock and count; the factor itself stays."""
    if state.ladder == Ladder():
        return accepted()
    return accepted(TwoFactorUnlocked(reason=wish.reason))


def override_policy(state: UserState, wish: OverridePolicy) -> Decision[UserEvent]:
    """An exception, or its end. What begun under the old rule ends; sessions stay, as with an order."""
    before = state.override_at(wish.now)
    if before == wish.override and (
        wish.override == "inherit" or (state.override and state.override.until) == wish.until
    ):
        return accepted()
    noted: tuple[GraceNoted, ...] = ()
    if wish.override == "exempt" and before != "exempt":
        noted = _grace_noted(state, wish, counts_from=wish.until)
    elif before == "exempt":
        noted = _grace_noted(state, wish, counts_from=wish.until if wish.override == "exempt" else wish.now)
    overridden = TwoFactorOverridden(
        override=wish.override,
        until=wish.until if wish.override != "inherit" else None,
        overridden_at=wish.now,
        reason=wish.reason,
        sign_ins_ended=_everything(state).sign_ins,
    )
    return accepted(*noted, overridden)


def issue_break_glass_code(state: UserState, wish: IssueBreakGlassCode) -> Decision[UserEvent]:
    """A code for once, for somebody who has a key and cannot use it; an older one is void."""
    if state.key is None:
        return refused(Refusal.NO_KEY)
    expires_at = wish.now + wish.limits.break_glass
    issued = BreakGlassCodeIssued(code_id=wish.code_id, issued_at=wish.now, expires_at=expires_at, reason=wish.reason)
    return accepted(issued)


def import_key(state: UserState, wish: ImportKey) -> Decision[UserEvent]:
    if state.key is not None:
        return refused(Refusal.ALREADY_ON)
    imported = TwoFactorImported(
        key_id=wish.key_id, generation=state.generation + 1, time_step=wish.time_step, imported_at=wish.now
    )
    return accepted(imported)


def reset_password(state: UserState, wish: ResetPassword) -> Decision[UserEvent]:
    """A new password from an administrator; it neither removes nor weakens the second factor."""
    ends = _everything(state)
    return accepted(
        PasswordReset(
            reset_at=wish.now,
            must_change=wish.must_change,
            reason=wish.reason,
            sessions_ended=ends.sessions,
            sign_ins_ended=ends.sign_ins,
        )
    )


def record_denial(state: UserState, wish: RecordDenial) -> Decision[UserEvent]:
    return accepted(AccessDenied(act=wish.act, target_id=wish.target_id, denied_at=wish.now))
