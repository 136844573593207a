"""What a rule answers: facts, or a refusal with the facts that the attempt itself is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

E = TypeVar("E", covariant=True)
F = TypeVar("F")


class Refusal(StrEnum):
    """Why a wish was not granted; closed, so that every surface has to answer each of them."""

    INVALID_CREDENTIALS = "invalid_credentials"
    CODE_REJECTED = "code_rejected"
    SIGN_IN_OVER = "sign_in_over"
    SESSION_OVER = "session_over"
    CONTACT_ADMINISTRATOR = "contact_administrator"
    NO_PENDING_ENROLMENT = "no_pending_enrolment"
    ENROLMENT_REQUIRED = "enrolment_required"
    NOT_AT_THIS_STAGE = "not_at_this_stage"
    POLICY_REQUIRES_TWO_FACTOR = "policy_requires_two_factor"
    NO_KEY = "no_key"
    ALREADY_ON = "already_on"
    STEP_UP_REQUIRED = "step_up_required"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    LOGIN_TAKEN = "login_taken"
    ALREADY_EXISTS = "already_exists"
    ALREADY_DEACTIVATED = "already_deactivated"
    NOT_DEACTIVATED = "not_deactivated"
    PRECONDITION_FAILED = "precondition_failed"
    ALREADY_SUSPENDED = "already_suspended"
    NOT_SUSPENDED = "not_suspended"
    PROVIDER_STAYS = "provider_stays"
    BUILT_IN_ROLE = "built_in_role"
    ROLE_IN_USE = "role_in_use"
    TOO_MANY = "too_many"
    CLIENT_EXPIRED = "client_expired"
    NOT_READY = "not_ready"
    CONFIRMATION_REQUIRED = "confirmation_required"


@dataclass(frozen=True, slots=True)
class Decision(Generic[E]):
    """Facts to append; with a refusal, the facts of the refused attempt (may be none)."""

    events: tuple[E, ...] = ()
    refusal: Refusal | None = None


def refused(refusal: Refusal, *events: F) -> Decision[F]:
    """A refusal, together with the facts that the attempt leaves."""
    return Decision(events, refusal)


def accepted(*events: F) -> Decision[F]:
    """The facts of a granted wish; none when nothing has to change."""
    return Decision(events)
