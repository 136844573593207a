"""What nobody expected is logged once, without anything that was sent or stored."""

import traceback

import structlog
from aiohttp import web

from services.web.incoming import REQUEST_ID, template

log = structlog.get_logger()


def log_unexpected(request: web.Request, error: Exception) -> None:
    """Where, and of what kind: the text of an error may quote what was sent or stored."""
    log.error(
        "unexpected_error",
        request_id=request.get(REQUEST_ID),
        path=template(request),
        error=_kinds(error),
        trace=traceback.format_list(traceback.extract_tb(error.__traceback__)),
    )


def _kinds(error: BaseException | None) -> list[str]:
    """The error's class, and those of what caused it."""
    kinds: list[str] = []
    while error is not None and len(kinds) < 10:
        kinds.append(type(error).__name__)
        error = error.__cause__ or error.__context__
    return kinds
