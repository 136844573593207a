"""Wishes about one portal user. All values come from outside: times, ids, and what a check found."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from events.company.policy import CompanyRules, Policy
from events.user.events import Door, OverrideKind
from events.user.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What every wish carries: the moment, and the rules in force."""

    now: datetime
    limits: Limits = Limits()
    rules: CompanyRules = CompanyRules()

    @property
    def policy(self) -> Policy:
        return self.rules.policy


@dataclass(frozen=True, slots=True)
class OtpProof:
    """The time step that a given code matched, or None; `key_id` is the key it was held against."""

    key_id: UUID | None
    time_step: int | None
    unreadable: bool = False  # the stored key does not open: fail closed


@dataclass(frozen=True, slots=True)
class RecoveryProof:
    """The live recovery code that was given, or None."""

    code_id: UUID | None


@dataclass(frozen=True, slots=True)
class BreakGlassProof:
    """The break-glass code that was given at the door for recovery codes."""

    code_id: UUID


Proof: TypeAlias = OtpProof | RecoveryProof | BreakGlassProof


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateUser(Wish):
    login: str
    email: str | None
    role: str
    language: str
    time_zone: str
    activation_at: datetime | None
    expiration_at: datetime | None
    has_password: bool
    must_change_password: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeUser(Wish):
    """The settings wanted, complete; `keep` is the session that may stay."""

    email: str | None
    role: str
    language: str
    time_zone: str
    activation_at: datetime | None
    expiration_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeactivateUser(Wish):
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactivateUser(Wish):
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireUser(Wish):
    """The account's last day went by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseUser(Wish):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOwnData(Wish):
    """A copy of everything that is kept about the person."""

    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidCredentials(Wish):
    """After a restore: end what may have been ended since, and forbid every time step up to this one."""

    epoch: int
    time_step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeNetworks(Wish):
    """From where the user may sign in, each network in its one spelling."""

    networks: tuple[str, ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartSignIn(Wish):
    """The password was right. Ids are for whatever comes of it: a sign-in in progress or a session."""

    sign_in_id: UUID
    session_id: UUID
    address: str | None = None
    rehashed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProveSignIn(Wish):
    """A code or recovery code for a sign-in in progress."""

    sign_in_id: UUID
    proof: Proof
    next_id: UUID
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SetExpiredPassword(Wish):
    sign_in_id: UUID
    session_id: UUID
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelSignIn(Wish):
    sign_in_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class StartEnrolment(Wish):
    """A fresh key for `holder_id`: a sign-in that must enrol, or a session. `proof` replaces a factor that is on."""

    holder_id: UUID
    key_id: UUID
    proof: OtpProof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmEnrolment(Wish):
    holder_id: UUID
    time_step: int | None
    code_ids: tuple[UUID, ...]
    next_id: UUID
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelEnrolment(Wish):
    holder_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetOwnKey(Wish):
    proof: OtpProof | RecoveryProof


@dataclass(frozen=True, slots=True, kw_only=True)
class DisableOwnFactor(Wish):
    session_id: UUID
    proof: OtpProof


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRecoveryCodes(Wish):
    proof: OtpProof
    code_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUp(Wish):
    """`proof` None: the password was right, which suffices where no factor is on."""

    session_id: UUID
    proof: OtpProof | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectSessionPassword(Wish):
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOwnPassword(Wish):
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSessions(Wish):
    """End these sessions of one user; unknown ids are ignored."""

    session_ids: tuple[UUID, ...]
    by_administrator: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOut(Wish):
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEnrolment(Wish):
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetKey(Wish):
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisableFactor(Wish):
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockFactor(Wish):
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverridePolicy(Wish):
    override: OverrideKind
    until: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueBreakGlassCode(Wish):
    code_id: UUID
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportKey(Wish):
    """A key that works elsewhere, of a user without one."""

    key_id: UUID
    time_step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPassword(Wish):
    reason: str | None
    must_change: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDenial(Wish):
    act: str
    target_id: UUID | None = None


UserCommand: TypeAlias = (
    CreateUser
    | ChangeUser
    | DeactivateUser
    | ReactivateUser
    | ExpireUser
    | EraseUser
    | ExportOwnData
    | VoidCredentials
    | ChangeNetworks
    | StartSignIn
    | ProveSignIn
    | SetExpiredPassword
    | CancelSignIn
    | StartEnrolment
    | ConfirmEnrolment
    | CancelEnrolment
    | ResetOwnKey
    | DisableOwnFactor
    | IssueRecoveryCodes
    | StepUp
    | RejectSessionPassword
    | ChangeOwnPassword
    | EndSessions
    | SignOut
    | OrderEnrolment
    | ResetKey
    | DisableFactor
    | UnlockFactor
    | OverridePolicy
    | IssueBreakGlassCode
    | ImportKey
    | ResetPassword
    | RecordDenial
)

DOORS_OF_PROOF: dict[type[Wish], Door] = {
    ProveSignIn: Door.SIGN_IN,
    ConfirmEnrolment: Door.CONFIRM,
    StartEnrolment: Door.REPLACE,
    ResetOwnKey: Door.RESET,
    DisableOwnFactor: Door.DISABLE,
    StepUp: Door.STEP_UP,
    IssueRecoveryCodes: Door.RECOVERY_CODES,
}
