"""Logs: JSON lines on standard error, readable on a terminal; one redaction for every line."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

_TOKEN: Final = re.compile(r"fl_(signin|session|api)_[A-Za-z0-9_-]+")
_NEVER: Final = frozenset({"password", "code", "recovery_code", "token", "key", "secret", "authorization", "dsn"})


def redact(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Takes out what must never stand in a log: fields by name, tokens by form."""
    for name, value in event.items():
        if name in _NEVER:
            event[name] = "[redacted]"
        elif isinstance(value, str):
            event[name] = _TOKEN.sub("[redacted]", value)
    return event


def configure(level: str) -> None:
    """Once a process, before anything logs."""
    on_terminal = sys.stderr.isatty()
    renderer: Any = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if on_terminal
        else structlog.processors.JSONRenderer()
    )
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    threshold = getattr(logging, level.upper())
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer))
    logging.basicConfig(level=max(threshold, logging.WARNING), handlers=[handler], force=True)
