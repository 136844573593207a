"""Errors as RFC 9457 problem documents: the one mapping from refusals to answers."""

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, assert_never

from events.decision import Refusal

TYPE_BASE: Final = "https://factorlog.example/problems/"

TITLES: Final[dict[str, tuple[int, str]]] = {
    "bad_request": (400, "The request is not well-formed HTTP."),
    "invalid_credentials": (401, "Login or password is not right."),
    "invalid_code": (401, "The code was not accepted."),
    "unauthenticated": (401, "A valid token is needed."),
    "step_up_required": (401, "A factor has to be proven again."),
    "forbidden": (403, "The caller may not do this."),
    "enrolment_required": (403, "An authenticator has to be bound first."),
    "contact_administrator": (403, "The time to enrol is over; an administrator can help."),
    "not_found": (404, "There is no such thing."),
    "method_not_allowed": (405, "The method is not allowed here."),
    "conflict": (409, "The act does not fit the present state."),
    "confirmation_required": (409, "The caller would lose access by this; say that it is meant."),
    "policy_requires_two_factor": (409, "The company's policy requires a second factor."),
    "no_key": (409, "There is no key."),
    "no_pending_enrolment": (409, "No enrolment waits for its confirmation."),
    "precondition_failed": (412, "The object changed since it was read."),
    "payload_too_large": (413, "The body is too large."),
    "unsupported_media_type": (415, "The body has to be JSON, without content encoding."),
    "misdirected_request": (421, "This host is not served here."),
    "validation_failed": (422, "The request does not have the right form."),
    "idempotency_key_reused": (422, "The idempotency key was used with another request."),
    "too_many_requests": (429, "Too many tries."),
    "internal_error": (500, "Something went wrong."),
    "unavailable": (503, "Not available right now."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One error answer. `errors` never holds input."""

    code: str
    errors: tuple[dict[str, Any], ...] = ()
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return TITLES[self.code][0]

    def body(self, request_id: str) -> bytes:
        status, title = TITLES[self.code]
        document: dict[str, Any] = {
            "type": TYPE_BASE + self.code.replace("_", "-"),
            "title": title,
            "status": status,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors:
            document["errors"] = list(self.errors)
        return json.dumps(document).encode()

    def all_headers(self) -> dict[str, str]:
        if self.status == HTTPStatus.UNAUTHORIZED:
            return {"WWW-Authenticate": 'Bearer realm="factorlog"', **self.headers}
        return self.headers


class ProblemError(Exception):
    """Ends the handling of a request with a problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def problem(code: str, **headers: str) -> ProblemError:
    return ProblemError(Problem(code=code, headers={k.replace("_", "-"): v for k, v in headers.items()}))


def invalid(loc: list[str | int], msg: str, kind: str) -> ProblemError:
    """One field that does not have the right form."""
    return ProblemError(Problem(code="validation_failed", errors=({"loc": loc, "msg": msg, "type": kind},)))


def code_of(refusal: Refusal) -> str:  # noqa: C901 - one line a refusal
    """The slug of a refusal; a new refusal fails the type check here."""
    match refusal:
        case Refusal.INVALID_CREDENTIALS:
            return "invalid_credentials"
        case Refusal.CODE_REJECTED:
            return "invalid_code"
        case Refusal.SIGN_IN_OVER | Refusal.SESSION_OVER:
            return "unauthenticated"
        case Refusal.STEP_UP_REQUIRED:
            return "step_up_required"
        case Refusal.CONTACT_ADMINISTRATOR:
            return "contact_administrator"
        case Refusal.ENROLMENT_REQUIRED:
            return "enrolment_required"
        case Refusal.FORBIDDEN:
            return "forbidden"
        case Refusal.NOT_FOUND:
            return "not_found"
        case Refusal.NO_PENDING_ENROLMENT:
            return "no_pending_enrolment"
        case Refusal.POLICY_REQUIRES_TWO_FACTOR:
            return "policy_requires_two_factor"
        case Refusal.NO_KEY:
            return "no_key"
        case (
            Refusal.NOT_AT_THIS_STAGE
            | Refusal.ALREADY_ON
            | Refusal.LOGIN_TAKEN
            | Refusal.ALREADY_EXISTS
            | Refusal.ALREADY_DEACTIVATED
            | Refusal.NOT_DEACTIVATED
            | Refusal.ALREADY_SUSPENDED
            | Refusal.NOT_SUSPENDED
            | Refusal.PROVIDER_STAYS
            | Refusal.BUILT_IN_ROLE
            | Refusal.ROLE_IN_USE
            | Refusal.TOO_MANY
            | Refusal.CLIENT_EXPIRED
            | Refusal.NOT_READY
        ):
            return "conflict"
        case Refusal.CONFIRMATION_REQUIRED:
            return "confirmation_required"
        case Refusal.PRECONDITION_FAILED:
            return "precondition_failed"
        case _:
            assert_never(refusal)
