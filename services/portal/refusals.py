"""What did not work, as pages and as messages at fields."""

from math import ceil
from typing import Any, Final

import structlog
from aiohttp import web

from events.decision import Refusal
from events.store.port import Unavailable
from services.application.errors import Contended, Throttled
from services.application.ports import KeyUnavailable, Overloaded
from services.portal import messages
from services.portal.forms import Errors
from services.portal.languages import Language
from services.portal.route import Allow, Route
from services.portal.visit import Answer, Page, Visit
from services.web.failures import log_unexpected

log = structlog.get_logger()

# They pass by themselves.
TEMPORARY: Final = (Contended, Overloaded, Unavailable, KeyUnavailable, TimeoutError)


def errors_of(route: Route, visit: Visit, refusal: Refusal) -> Errors:
    """At the field that it is about, where there is one."""
    text = messages.refused(refusal, visit.language)
    wanted: tuple[str, ...] = ()
    match refusal:
        case Refusal.CODE_REJECTED:
            wanted = ("code",) if "code" in visit.filled.typed else ("recovery_code",)
        case Refusal.INVALID_CREDENTIALS if route.allow is Allow.SESSION:
            wanted, text = ("old_password", "password"), visit.text(messages.WRONG_PASSWORD)
        case Refusal.LOGIN_TAKEN:
            wanted = ("login",)
        case Refusal.ALREADY_EXISTS:
            wanted = ("name",)
        case Refusal.CONFIRMATION_REQUIRED:
            wanted = ("confirm",)
        case _:
            pass
    name = next((name for name in wanted if name in route.form.model_fields), "")
    return Errors({name: text}, _STATUS.get(refusal, 409))


_STATUS: Final = {
    Refusal.INVALID_CREDENTIALS: 401,
    Refusal.CODE_REJECTED: 401,
    Refusal.FORBIDDEN: 403,
    Refusal.CONTACT_ADMINISTRATOR: 403,
    Refusal.NOT_FOUND: 404,
    Refusal.PRECONDITION_FAILED: 412,
}


def too_often(error: Throttled, language: Language) -> tuple[Errors, dict[str, str]]:
    """With the time to wait, in words and for programs."""
    seconds = max(1, ceil(error.wait.total_seconds()))
    text = language.count(
        "There were too many tries. Please try again in %(num)s minute.",
        "There were too many tries. Please try again in %(num)s minutes.",
        ceil(seconds / 60),
    )
    return Errors({"": text}, 429), {"Retry-After": str(seconds)}


# Named as the API names them, for the count of both doors.
_KINDS: Final = {
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    413: "payload_too_large",
    422: "validation_failed",
    429: "too_many_requests",
    500: "internal_error",
    503: "unavailable",
}


def why_refused(answer: Answer) -> str | None:
    """For the count; None: it was not."""
    if answer.refused is not None or not isinstance(answer, Page):
        return answer.refused
    return _KINDS.get(answer.status)


def error_page(visit: Visit, status: int, kind: str, **values: Any) -> Page:
    """`kind` names the sentence in `error.html`."""
    headers = {"Retry-After": "5"} if status == 503 else {}
    return Page(template="error.html", status=status, values={"kind": kind, **values}, headers=headers)


def unavailable(visit: Visit, error: BaseException) -> Page:
    note(error)
    return error_page(visit, 503, "unavailable")


def note(error: BaseException) -> None:
    if isinstance(error, KeyUnavailable):
        log.error("key_unavailable")


def unexpected(http: web.Request, visit: Visit, error: Exception) -> Page:
    if isinstance(error, TEMPORARY):
        return unavailable(visit, error)
    log_unexpected(http, error)
    return error_page(visit, 500, "unexpected")
