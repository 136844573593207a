"""Wishes about a user, with what a test does not care about filled in."""

from datetime import datetime
from typing import Final
from uuid import UUID

from events.company.policy import CompanyRules, Policy
from events.user import commands
from events.user.commands import OtpProof, Proof, RecoveryProof
from events.user.events import OverrideKind
from events.user.limits import Limits
from tests.support.given import KEY, NOON, SESSION, SIGN_IN, STEP, ident, idents

NEXT: Final = ident("next-sign-in")
NEW_SESSION: Final = ident("new-session")
NEW_KEY: Final = ident("new-key")
NEW_CODES: Final = idents("new-recovery-code", 10)
GLASS: Final = ident("break-glass-code")
OPTIONAL: Final = CompanyRules()
REQUIRED: Final = CompanyRules(policy=Policy(requirement="required"))


def otp(step: int | None = STEP, key: UUID | None = KEY) -> OtpProof:
    """A code that matched `step`; None: that matched nothing."""
    return OtpProof(key, step)


WRONG: Final = otp(None)


def start(
    at: datetime = NOON,
    *,
    policy: CompanyRules = OPTIONAL,
    limits: Limits = Limits(),
    sign_in: UUID = SIGN_IN,
    session: UUID = NEW_SESSION,
    address: str | None = None,
    rehashed: bool = False,
) -> commands.StartSignIn:
    return commands.StartSignIn(
        now=at,
        rules=policy,
        limits=limits,
        sign_in_id=sign_in,
        session_id=session,
        address=address,
        rehashed=rehashed,
    )


def prove(
    proof: Proof | None = None,
    at: datetime = NOON,
    *,
    sign_in: UUID = SIGN_IN,
    session: UUID = NEW_SESSION,
    policy: CompanyRules = OPTIONAL,
    limits: Limits = Limits(),
) -> commands.ProveSignIn:
    return commands.ProveSignIn(
        now=at,
        rules=policy,
        limits=limits,
        sign_in_id=sign_in,
        proof=proof or otp(),
        next_id=NEXT,
        session_id=session,
    )


def under(policy: Policy) -> CompanyRules:
    """A company with this policy, in force for ever."""
    return CompanyRules(policy=policy)


def recovery(code: UUID | None) -> RecoveryProof:
    return RecoveryProof(code)


def set_password(at: datetime = NOON, *, sign_in: UUID = SIGN_IN) -> commands.SetExpiredPassword:
    return commands.SetExpiredPassword(now=at, sign_in_id=sign_in, session_id=NEW_SESSION)


def cancel_sign_in(at: datetime = NOON, *, sign_in: UUID = SIGN_IN) -> commands.CancelSignIn:
    return commands.CancelSignIn(now=at, sign_in_id=sign_in)


def start_enrolment(
    holder: UUID = SESSION,
    proof: OtpProof | None = None,
    *,
    at: datetime = NOON,
    key: UUID = NEW_KEY,
    policy: CompanyRules = OPTIONAL,
) -> commands.StartEnrolment:
    return commands.StartEnrolment(now=at, holder_id=holder, key_id=key, proof=proof, rules=policy)


def confirm(
    holder: UUID = SESSION, *, step: int | None = STEP, at: datetime = NOON, policy: CompanyRules = OPTIONAL
) -> commands.ConfirmEnrolment:
    return commands.ConfirmEnrolment(
        now=at,
        rules=policy,
        holder_id=holder,
        time_step=step,
        code_ids=NEW_CODES,
        next_id=NEXT,
        session_id=NEW_SESSION,
    )


def cancel_enrolment(holder: UUID = SESSION, *, at: datetime = NOON) -> commands.CancelEnrolment:
    return commands.CancelEnrolment(now=at, holder_id=holder)


def reset_own(
    proof: OtpProof | RecoveryProof | None = None, at: datetime = NOON, *, policy: CompanyRules = OPTIONAL
) -> commands.ResetOwnKey:
    return commands.ResetOwnKey(now=at, proof=proof or otp(), rules=policy)


def disable_own(
    proof: OtpProof | None = None, at: datetime = NOON, *, policy: CompanyRules = OPTIONAL
) -> commands.DisableOwnFactor:
    return commands.DisableOwnFactor(now=at, session_id=SESSION, proof=proof or otp(), rules=policy)


def issue_codes(proof: OtpProof | None = None, at: datetime = NOON) -> commands.IssueRecoveryCodes:
    return commands.IssueRecoveryCodes(now=at, proof=proof or otp(), code_ids=NEW_CODES)


def step_up(proof: OtpProof | None = None, at: datetime = NOON, *, session: UUID = SESSION) -> commands.StepUp:
    return commands.StepUp(now=at, session_id=session, proof=proof)


def reject_password(at: datetime = NOON, *, session: UUID = SESSION) -> commands.RejectSessionPassword:
    return commands.RejectSessionPassword(now=at, session_id=session)


def change_own_password(at: datetime = NOON, *, session: UUID = SESSION) -> commands.ChangeOwnPassword:
    return commands.ChangeOwnPassword(now=at, session_id=session)


def end_sessions(
    *sessions: UUID, at: datetime = NOON, by_administrator: bool = False, reason: str | None = None
) -> commands.EndSessions:
    return commands.EndSessions(now=at, session_ids=sessions, by_administrator=by_administrator, reason=reason)


def sign_out(at: datetime = NOON, *, session: UUID = SESSION) -> commands.SignOut:
    return commands.SignOut(now=at, session_id=session)


def order(
    at: datetime = NOON, *, policy: CompanyRules = OPTIONAL, reason: str | None = None
) -> commands.OrderEnrolment:
    return commands.OrderEnrolment(now=at, rules=policy, reason=reason)


def reset(at: datetime = NOON, *, policy: CompanyRules = OPTIONAL, reason: str | None = None) -> commands.ResetKey:
    return commands.ResetKey(now=at, rules=policy, reason=reason)


def disable(
    at: datetime = NOON, *, policy: CompanyRules = OPTIONAL, reason: str | None = None
) -> commands.DisableFactor:
    return commands.DisableFactor(now=at, rules=policy, reason=reason)


def unlock(at: datetime = NOON, *, reason: str | None = None) -> commands.UnlockFactor:
    return commands.UnlockFactor(now=at, reason=reason)


def reset_password(
    at: datetime = NOON, *, must_change: bool = False, reason: str | None = None
) -> commands.ResetPassword:
    return commands.ResetPassword(now=at, reason=reason, must_change=must_change)


def deactivate(at: datetime = NOON, *, reason: str | None = None) -> commands.DeactivateUser:
    return commands.DeactivateUser(now=at, reason=reason)


def reactivate(at: datetime = NOON, *, reason: str | None = None) -> commands.ReactivateUser:
    return commands.ReactivateUser(now=at, reason=reason)


def expire(at: datetime = NOON) -> commands.ExpireUser:
    return commands.ExpireUser(now=at)


def erase(at: datetime = NOON) -> commands.EraseUser:
    return commands.EraseUser(now=at)


def create(at: datetime = NOON, *, role: str = "user") -> commands.CreateUser:
    return commands.CreateUser(
        now=at,
        login="udo.user",
        email=None,
        role=role,
        language="de",
        time_zone="Europe/Berlin",
        activation_at=None,
        expiration_at=None,
        has_password=True,
    )


def change(
    at: datetime = NOON,
    *,
    email: str | None = "udo@acme.example",
    role: str = "user",
    language: str = "de",
    activation_at: datetime | None = None,
    expiration_at: datetime | None = None,
    policy: CompanyRules = OPTIONAL,
) -> commands.ChangeUser:
    return commands.ChangeUser(
        now=at,
        rules=policy,
        email=email,
        role=role,
        language=language,
        time_zone="Europe/Berlin",
        activation_at=activation_at,
        expiration_at=expiration_at,
    )


def override(
    kind: OverrideKind,
    until: datetime | None = None,
    *,
    at: datetime = NOON,
    policy: CompanyRules = OPTIONAL,
    reason: str | None = None,
) -> commands.OverridePolicy:
    return commands.OverridePolicy(now=at, rules=policy, override=kind, until=until, reason=reason)


def break_glass(at: datetime = NOON, *, code: UUID = GLASS, limits: Limits = Limits()) -> commands.IssueBreakGlassCode:
    return commands.IssueBreakGlassCode(now=at, limits=limits, code_id=code, reason="locked out")


def networks(*networks: str, at: datetime = NOON, reason: str | None = None) -> commands.ChangeNetworks:
    return commands.ChangeNetworks(now=at, networks=networks, reason=reason)


def deny(act: str, target: UUID | None = None, at: datetime = NOON) -> commands.RecordDenial:
    return commands.RecordDenial(now=at, act=act, target_id=target)


def import_key(at: datetime = NOON, *, key: UUID = KEY) -> commands.ImportKey:
    return commands.ImportKey(now=at, key_id=key, time_step=STEP)
