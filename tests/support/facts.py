"""Facts of a user's past, with what a test does not care about filled in."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from events.user.events import (
    CodeRejected,
    Door,
    EnrolmentStarted,
    Factor,
    RecoveryCodesIssued,
    SignedIn,
    SignInStarted,
    Stage,
    TwoFactorEnabled,
    TwoFactorLocked,
    TwoFactorOrdered,
    TwoFactorPaused,
    UserCreated,
    UserEvent,
)
from tests.support.given import KEY, NOON, SESSION, SIGN_IN, STEP, ident, idents, later

CODES: Final = idents("recovery-code", 10)
PENDING: Final = ident("pending-key")
AN_HOUR_AGO: Final = later(hours=-1)


def created(
    *,
    role: str = "user",
    email: str | None = "udo@acme.example",
    activation_at: datetime | None = None,
    expiration_at: datetime | None = None,
    must_change_password: bool = False,
) -> UserCreated:
    return UserCreated(
        role=role,
        language="de",
        time_zone="Europe/Berlin",
        activation_at=activation_at,
        expiration_at=expiration_at,
        created_at=later(days=-30),
        has_password=True,
        must_change_password=must_change_password,
        login="udo.user",
        email=email,
    )


def enabled(key: UUID = KEY, *, step: int = STEP - 100, at: datetime = AN_HOUR_AGO) -> TwoFactorEnabled:
    return TwoFactorEnabled(key_id=key, generation=1, time_step=step, enabled_at=at, replaced=False)


def codes_issued(codes: tuple[UUID, ...] = CODES) -> RecoveryCodesIssued:
    return RecoveryCodesIssued(code_ids=codes, issued_at=later(hours=-1))


def signed_in(session: UUID = SESSION, *, at: datetime = NOON, factors: tuple[Factor, ...] = ("password",)) -> SignedIn:
    return SignedIn(session_id=session, factors=factors, signed_in_at=at, expires_at=at + timedelta(hours=12))


def signing_in(sign_in: UUID = SIGN_IN, stage: Stage = Stage.CODE, *, at: datetime = NOON) -> SignInStarted:
    return SignInStarted(sign_in_id=sign_in, stage=stage, expires_at=at + timedelta(minutes=5))


def ordered(at: datetime = NOON) -> TwoFactorOrdered:
    return TwoFactorOrdered(ordered_at=at, expires_at=at + timedelta(hours=72))


def shown(holder: UUID = SESSION, key: UUID = PENDING, *, generation: int = 1, at: datetime = NOON) -> EnrolmentStarted:
    """A fresh key was shown to a session or a sign-in in progress."""
    return EnrolmentStarted(
        key_id=key,
        generation=generation,
        holder_id=holder,
        started_at=at,
        expires_at=at + timedelta(minutes=10),
    )


def wrong(door: Door = Door.SIGN_IN, *, at: datetime = NOON, holder: UUID | None = None) -> CodeRejected:
    return CodeRejected(door=door, result="wrong", holder_id=holder, rejected_at=at)


def used(door: Door = Door.SIGN_IN, *, at: datetime = NOON, holder: UUID | None = None) -> CodeRejected:
    return CodeRejected(door=door, result="used", holder_id=holder, rejected_at=at)


def ignored(door: Door = Door.SIGN_IN, *, at: datetime = NOON) -> CodeRejected:
    return CodeRejected(door=door, result="not_evaluated", rejected_at=at)


def failures(count: int, *, at: datetime = NOON) -> tuple[UserEvent, ...]:
    """Wrong codes whose pauses, if any, are over at `at`."""
    return tuple(wrong(Door.STEP_UP, at=at) for _ in range(count))


def paused(until: datetime, *, total: int = 5) -> TwoFactorPaused:
    return TwoFactorPaused(failures=total, until=until)


def locked(until: datetime | None, *, total: int = 10) -> TwoFactorLocked:
    return TwoFactorLocked(failures=total, until=until)


# A user whose factor is on, with ten recovery codes; nobody is signed in.
ON: Final[tuple[UserEvent, ...]] = (
    created(),
    shown(ident("former-session"), KEY, at=later(hours=-1)),
    enabled(),
    codes_issued(),
)
# The same, with one session that began with the password and a code.
ON_SIGNED_IN: Final[tuple[UserEvent, ...]] = (*ON, signed_in(factors=("password", "otp")))
# No factor; one session.
OFF_SIGNED_IN: Final[tuple[UserEvent, ...]] = (created(), signed_in())
