"""Facts of one portal user's stream."""

from enum import StrEnum
from typing import ClassVar, Literal, TypeAlias
from uuid import UUID

from events.fact import Instant, Personal, fact


class Stage(StrEnum):
    """What a sign-in in progress still has to bring."""

    CODE = "code_required"
    ENROLMENT = "enrolment_required"
    PASSWORD = "password_expired"  # noqa: S105 - a stage, not a secret


class Door(StrEnum):
    """Where a code or recovery code was given."""

    SIGN_IN = "sign_in"
    CONFIRM = "confirm"
    REPLACE = "replace"
    RESET = "reset"
    DISABLE = "disable"
    STEP_UP = "step_up"
    RECOVERY_CODES = "recovery_codes"


class By(StrEnum):
    """On whose behalf a factor, a session or a state was changed."""

    USER = "user"
    ADMINISTRATOR = "administrator"
    SYSTEM = "system"


Factor: TypeAlias = Literal["password", "otp", "recovery_code", "break_glass_code"]
OverrideKind: TypeAlias = Literal["inherit", "required", "exempt"]


@fact
class UserCreated:
    """An account came into being; nothing is proven about its owner yet."""

    VERSION: ClassVar[int] = 1
    role: str
    language: str
    time_zone: str
    activation_at: Instant | None = None
    expiration_at: Instant | None = None
    created_at: Instant
    has_password: bool
    must_change_password: bool = False
    login: Personal = None
    email: Personal = None


@fact
class UserChanged:
    """Settings after the change, complete; `changed` names what is new."""

    VERSION: ClassVar[int] = 1
    changed: tuple[str, ...]
    role: str
    language: str
    time_zone: str
    activation_at: Instant | None = None
    expiration_at: Instant | None = None
    sessions_ended: tuple[UUID, ...] = ()
    sign_ins_ended: tuple[UUID, ...] = ()
    email: Personal = None
    previous_email: Personal = None


@fact
class UserDeactivated:
    VERSION: ClassVar[int] = 1
    sessions_ended: tuple[UUID, ...] = ()
    sign_ins_ended: tuple[UUID, ...] = ()
    reason: Personal = None


@fact
class UserExpired:
    """The account's last day went by; what was begun in time ended with it."""

    VERSION: ClassVar[int] = 1
    expired_at: Instant
    sessions_ended: tuple[UUID, ...] = ()
    sign_ins_ended: tuple[UUID, ...] = ()


@fact
class UserReactivated:
    VERSION: ClassVar[int] = 1
    reason: Personal = None


@fact
class UserErased:
    """The person's data key is destroyed in the same commit."""

    VERSION: ClassVar[int] = 1
    erased_at: Instant
    sessions_ended: tuple[UUID, ...] = ()
    sign_ins_ended: tuple[UUID, ...] = ()


@fact
class PersonalDataExported:
    """The person took a copy of everything that is kept about them."""

    VERSION: ClassVar[int] = 1
    exported_at: Instant


@fact
class CredentialsVoided:
    """An older backup of the database was restored: whatever may have been ended or used since then is void.

    `time_step`: no code of that step or an earlier one is accepted any more; None where there is no key.
    """

    VERSION: ClassVar[int] = 1
    epoch: int
    voided_at: Instant
    sessions_ended: tuple[UUID, ...] = ()
    sign_ins_ended: tuple[UUID, ...] = ()
    recovery_codes: int = 0
    key_id: UUID | None = None
    time_step: int | None = None


@fact
class TrustedNetworksChanged:
    """From where the user may sign in, separated by commas; none: from everywhere. Sessions elsewhere are closed."""

    VERSION: ClassVar[int] = 1
    count: int
    networks: Personal = None
    reason: Personal = None


@fact
class PasswordChanged:
    """The user set a new password; `kept` is the session that stays."""

    VERSION: ClassVar[int] = 1
    changed_at: Instant
    kept: UUID | None = None
    sessions_ended: tuple[UUID, ...] = ()
    sign_ins_ended: tuple[UUID, ...] = ()


@fact
class PasswordReset:
    """An administrator set a new password; the second factor stays as it was."""

    VERSION: ClassVar[int] = 1
    reset_at: Instant
    must_change: bool = False
    sessions_ended: tuple[UUID, ...] = ()
    sign_ins_ended: tuple[UUID, ...] = ()
    reason: Personal = None


@fact
class PasswordRehashed:
    """The stored hash was raised to today's parameters at a right password."""

    VERSION: ClassVar[int] = 1


@fact
class SessionPasswordRejected:
    """A wrong password inside a session; the fifth ends that session."""

    VERSION: ClassVar[int] = 1
    session_id: UUID
    rejected_at: Instant


@fact
class SignInStarted:
    """The password was right; `stage` says what is missing."""

    VERSION: ClassVar[int] = 1
    sign_in_id: UUID
    stage: Stage
    expires_at: Instant
    sign_ins_ended: tuple[UUID, ...] = ()


@fact
class SignInAdvanced:
    """A sign-in in progress passed one stage and waits at the next, under a new token."""

    VERSION: ClassVar[int] = 1
    sign_in_id: UUID
    previous_id: UUID
    stage: Stage
    factors: tuple[Factor, ...]
    time_step: int | None = None
    key_id: UUID | None = None
    advanced_at: Instant
    expires_at: Instant


@fact
class SignInRefused:
    """The password was right and the sign-in still refused."""

    VERSION: ClassVar[int] = 1
    cause: Literal[
        "not_yet_active", "expired", "deactivated", "order_expired", "factor_disabled", "network", "suspended"
    ]
    refused_at: Instant


@fact
class SignInCancelled:
    VERSION: ClassVar[int] = 1
    sign_in_id: UUID


@fact
class SignedIn:
    """A session began. `time_step` is the RFC 6238 T of the accepted OTP, when one was given for it."""

    VERSION: ClassVar[int] = 1
    session_id: UUID
    sign_in_id: UUID | None = None
    factors: tuple[Factor, ...]
    time_step: int | None = None
    key_id: UUID | None = None
    signed_in_at: Instant
    expires_at: Instant
    sessions_ended: tuple[UUID, ...] = ()


@fact
class SignedOut:
    VERSION: ClassVar[int] = 1
    session_id: UUID


@fact
class SessionsEnded:
    """Sessions were ended on purpose, by their owner, an administrator or a rule."""

    VERSION: ClassVar[int] = 1
    by: By
    sessions_ended: tuple[UUID, ...]
    reason: Personal = None


@fact
class SteppedUp:
    """A factor was proven again inside a session; the session has a new token."""

    VERSION: ClassVar[int] = 1
    session_id: UUID
    factor: Factor
    time_step: int | None = None
    key_id: UUID | None = None
    stepped_up_at: Instant
    fresh_until: Instant


@fact
class CodeRejected:
    """A code or recovery code was refused. Only `wrong` counts on the account.

    `used`: of a spent step. `not_evaluated`: while paused or locked. `unreadable`: the stored key does not open.
    """

    VERSION: ClassVar[int] = 1
    door: Door
    factor: Factor = "otp"
    result: Literal["wrong", "used", "not_evaluated", "unreadable"]
    holder_id: UUID | None = None  # the sign-in, or the pending key, that loses a try
    rejected_at: Instant


@fact
class TwoFactorPaused:
    VERSION: ClassVar[int] = 1
    failures: int
    until: Instant


@fact
class TwoFactorLocked:
    """`until` None: disabled after 100 failures in a row, until an administrator unlocks or resets."""

    VERSION: ClassVar[int] = 1
    failures: int
    until: Instant | None
    sign_ins_ended: tuple[UUID, ...] = ()


@fact
class TwoFactorUnlocked:
    VERSION: ClassVar[int] = 1
    reason: Personal = None


@fact
class EnrolmentStarted:
    """A fresh key was shown to `holder_id` (a session or a sign-in); it opens nothing until it is confirmed."""

    VERSION: ClassVar[int] = 1
    key_id: UUID
    generation: int
    holder_id: UUID
    started_at: Instant
    expires_at: Instant
    time_step: int | None = None  # of the proof that a replacement asks for
    proven_key_id: UUID | None = None


@fact
class EnrolmentCancelled:
    VERSION: ClassVar[int] = 1
    key_id: UUID


@fact
class TwoFactorOrdered:
    """Enrolment is demanded by a person; the window is open until `expires_at`."""

    VERSION: ClassVar[int] = 1
    ordered_at: Instant
    expires_at: Instant
    sessions_ended: tuple[UUID, ...] = ()
    sign_ins_ended: tuple[UUID, ...] = ()
    reason: Personal = None


@fact
class PolicyOrderStarted:
    """The policy's demand met the user's first right password: the enrolment window opens now."""

    VERSION: ClassVar[int] = 1
    started_at: Instant
    expires_at: Instant


@fact
class TwoFactorOverridden:
    """An exception from the policy for this user; `inherit`: there is none any more."""

    VERSION: ClassVar[int] = 1
    override: OverrideKind
    until: Instant | None = None
    overridden_at: Instant
    sign_ins_ended: tuple[UUID, ...] = ()
    reason: Personal = None


@fact
class GraceNoted:
    """Kept before a change of role or an exemption would make it unknown: when the user first fell under a policy.

    `met_at` None: not yet; then demands count from `counts_from` on.
    """

    VERSION: ClassVar[int] = 1
    met_at: Instant | None = None
    counts_from: Instant | None = None


@fact
class BreakGlassCodeIssued:
    """A code for once, given by an administrator; it ends pause and lock, like an unlock."""

    VERSION: ClassVar[int] = 1
    code_id: UUID
    issued_at: Instant
    expires_at: Instant
    reason: Personal = None


@fact
class BreakGlassCodeUsed:
    """It was spent at a sign-in; the key is void with it and enrolment follows."""

    VERSION: ClassVar[int] = 1
    code_id: UUID
    used_at: Instant


@fact
class TwoFactorImported:
    """A working key came along from another system: no code was asked, its owner goes on with the same authenticator.

    At or below `time_step`, that of the import, no code is accepted.
    """

    VERSION: ClassVar[int] = 1
    key_id: UUID
    generation: int
    time_step: int
    imported_at: Instant


@fact
class OrderWithdrawn:
    VERSION: ClassVar[int] = 1
    sign_ins_ended: tuple[UUID, ...] = ()
    reason: Personal = None


@fact
class TwoFactorEnabled:
    """The user proved possession of the key; at or below `time_step` no code is accepted again."""

    VERSION: ClassVar[int] = 1
    key_id: UUID
    generation: int
    time_step: int
    enabled_at: Instant
    replaced: bool
    kept: UUID | None = None
    sessions_ended: tuple[UUID, ...] = ()
    sign_ins_ended: tuple[UUID, ...] = ()


@fact
class RecoveryCodesIssued:
    """A new set; every older code is void."""

    VERSION: ClassVar[int] = 1
    code_ids: tuple[UUID, ...]
    time_step: int | None = None
    key_id: UUID | None = None
    issued_at: Instant


@fact
class RecoveryCodeUsed:
    VERSION: ClassVar[int] = 1
    code_id: UUID
    door: Door
    left: int
    used_at: Instant


@fact
class KeyReset:
    """Key and recovery codes are void, every session is over, the next sign-in enrols anew."""

    VERSION: ClassVar[int] = 1
    by: By
    key_id: UUID
    time_step: int | None = None
    reset_at: Instant
    order_expires_at: Instant
    sessions_ended: tuple[UUID, ...] = ()
    sign_ins_ended: tuple[UUID, ...] = ()
    reason: Personal = None


@fact
class TwoFactorDisabled:
    VERSION: ClassVar[int] = 1
    by: By
    key_id: UUID
    time_step: int | None = None
    disabled_at: Instant
    kept: UUID | None = None
    sessions_ended: tuple[UUID, ...] = ()
    sign_ins_ended: tuple[UUID, ...] = ()
    reason: Personal = None


@fact
class AccessDenied:
    """A signed-in caller asked for what is not theirs to do."""

    VERSION: ClassVar[int] = 1
    act: str
    target_id: UUID | None = None
    denied_at: Instant


UserEvent: TypeAlias = (
    UserCreated
    | UserChanged
    | UserDeactivated
    | UserExpired
    | UserReactivated
    | UserErased
    | PersonalDataExported
    | CredentialsVoided
    | TrustedNetworksChanged
    | PasswordChanged
    | PasswordReset
    | PasswordRehashed
    | SessionPasswordRejected
    | SignInStarted
    | SignInAdvanced
    | SignInRefused
    | SignInCancelled
    | SignedIn
    | SignedOut
    | SessionsEnded
    | SteppedUp
    | CodeRejected
    | TwoFactorPaused
    | TwoFactorLocked
    | TwoFactorUnlocked
    | EnrolmentStarted
    | EnrolmentCancelled
    | TwoFactorOrdered
    | PolicyOrderStarted
    | TwoFactorOverridden
    | GraceNoted
    | BreakGlassCodeIssued
    | BreakGlassCodeUsed
    | TwoFactorImported
    | OrderWithdrawn
    | TwoFactorEnabled
    | RecoveryCodesIssued
    | RecoveryCodeUsed
    | KeyReset
    | TwoFactorDisabled
    | AccessDenied
)
