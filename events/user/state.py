"""The fold of one portal user's stream: what every rule about that user looks at."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import AwareDatetime

from events.envelope import STRICT
from events.user.events import Factor, OverrideKind, Stage

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The authenticator that is on."""

    __pydantic_config__ = STRICT

    id: UUID
    generation: int  # binds the stored key to this enrolment
    enrolled_at: AwareDatetime
    last_used_at: AwareDatetime
    last_step: int  # RFC 6238 T: nothing at or below it is accepted again


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingKey:
    """A key that was shown and not confirmed yet; bound to the session or sign-in that started it."""

    __pydantic_config__ = STRICT

    id: UUID
    generation: int
    holder_id: UUID
    expires_at: AwareDatetime
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A demand to enrol, open until `expires_at`."""

    __pydantic_config__ = STRICT

    expires_at: AwareDatetime
    by_policy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """An exception from the policy, in force until `until` (None: until it is changed)."""

    __pydantic_config__ = STRICT

    kind: OverrideKind
    until: AwareDatetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlass:
    """The code for once that an administrator gave out."""

    __pydantic_config__ = STRICT

    id: UUID
    expires_at: AwareDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    __pydantic_config__ = STRICT

    id: UUID
    began_at: AwareDatetime
    expires_at: AwareDatetime
    wrong_passwords: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInProgress:
    __pydantic_config__ = STRICT

    id: UUID
    stage: Stage
    expires_at: AwareDatetime
    factors: tuple[Factor, ...] = ("password",)
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Failures in a row over all doors, and what they led to."""

    __pydantic_config__ = STRICT

    short: int = 0  # since the last lock
    total: int = 0  # since the last success or unlock
    locks: int = 0
    until: AwareDatetime | None = None  # end of the pause or lock
    disabled: bool = False
    ignored: bool = False  # a try that was not evaluated is on record for this pause


@dataclass(frozen=True, slots=True, kw_only=True)
class UserState:
    __pydantic_config__ = STRICT

    exists: bool = False
    erased: bool = False
    login: str = ""
    email: str | None = None
    role: str = "user"
    language: str = "de"
    time_zone: str = "Europe/Berlin"
    created_at: AwareDatetime | None = None
    activation_at: AwareDatetime | None = None
    expiration_at: AwareDatetime | None = None
    deactivated: bool = False
    expired: bool = False  # the passing of `expiration_at` is on record
    networks: tuple[str, ...] = ()  # from where to sign in; none: from everywhere
    authority: int = 0  # raised by changes of role, rights and state
    has_password: bool = False
    password_changed_at: AwareDatetime | None = None
    must_change_password: bool = False
    generation: int = 0  # of the newest key ever shown
    key: Key | None = None
    pending: PendingKey | None = None
    order: Order | None = None
    override: Override | None = None
    policy_met_at: AwareDatetime | None = None  # first time under a policy, where that is on record
    counts_from: AwareDatetime | None = None  # demands of a policy count from here, where not from `created_at`
    recovery_codes: tuple[UUID, ...] = ()
    break_glass: BreakGlass | None = None
    ladder: Ladder = Ladder()
    sessions: tuple[Session, ...] = ()
    sign_ins: tuple[SignInProgress, ...] = ()

    def session(self, session_id: UUID) -> Session | None:
        """The live session of that id, or None."""
        return next((s for s in self.sessions if s.id == session_id), None)

    def sign_in(self, sign_in_id: UUID) -> SignInProgress | None:
        """The sign-in in progress of that id, or None."""
        return next((s for s in self.sign_ins if s.id == sign_in_id), None)

    def override_at(self, now: datetime) -> OverrideKind:
        """The exception in force at `now`; `inherit` where there is none."""
        if self.override is None or (self.override.until is not None and now >= self.override.until):
            return "inherit"
        return self.override.kind

    def is_active(self, now: datetime) -> bool:
        """May this account sign in at all at `now`?"""
        return account_state(self, now) == "active"


def account_state(state: UserState, now: datetime) -> str:
    """`active`, `not_yet_active`, `expired` or `deactivated`."""
    if state.deactivated or state.erased or not state.exists:
        return "deactivated"
    if state.activation_at is not None and now < state.activation_at:
        return "not_yet_active"
    if state.expiration_at is not None and now >= state.expiration_at:
        return "expired"
    return "active"


def password_is_due(state: UserState, now: datetime, max_age_days: int | None) -> bool:
    """Must a new password be set before the next session?"""
    if state.must_change_password:
        return True
    if max_age_days is None or state.password_changed_at is None:
        return False
    return now - state.password_changed_at >= timedelta(days=max_age_days)


def without_sessions(state: UserState, ended: tuple[UUID, ...]) -> UserState:
    """The state after these sessions ended; a pending key dies with the session that holds it."""
    if not ended:
        return state
    return replace(state, sessions=tuple(s for s in state.sessions if s.id not in ended), pending=held(state, ended))


def without_sign_ins(state: UserState, ended: tuple[UUID, ...]) -> UserState:
    """The state after these sign-ins in progress ended, their pending key with them."""
    if not ended:
        return state
    return replace(state, sign_ins=tuple(s for s in state.sign_ins if s.id not in ended), pending=held(state, ended))


def held(state: UserState, ended: tuple[UUID, ...]) -> PendingKey | None:
    """The pending key, unless the session or sign-in that holds it is among the ended ones."""
    return None if state.pending is not None and state.pending.holder_id in ended else state.pending
