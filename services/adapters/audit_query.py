"""Filters of the audit trail as Postgres searches by them."""

import ipaddress
from typing import Any, Final
from uuid import UUID

from events.projections.words import words_asked
from services.application.audit import AuditFilters

_MOST_WORDS: Final = 10


def arguments(filters: AuditFilters) -> list[Any]:
    """Type, subject, actor, address and words, in the order of the statements; None: not asked for."""
    words = tsquery(filters.q) if asks_for_words(filters) and filters.q is not None else None
    return [filters.type, filters.user_id, filters.actor_id, _address(filters.ip), words]


def asks_for_words(filters: AuditFilters) -> bool:
    return bool(filters.q and filters.q.strip())


def is_of_signs_only(filters: AuditFilters) -> bool:
    """Signs are no words: nothing is found by them."""
    return asks_for_words(filters) and not words_asked(filters.q or "")


def tsquery(text: str) -> str:
    """Every word of the text, each as the beginning of a stored one. Quoted, so that no sign means anything."""
    return " & ".join(f"{_quoted(word)}:*" for word in words_asked(text)[:_MOST_WORDS])


def marks(company_id: UUID, filters: AuditFilters) -> str:
    """The same filters as one tsquery on what `audit_marks` makes of a row."""
    kind, subject, actor, address, words = arguments(filters)
    given = ((" c", company_id), (" t", kind), (" s", subject), (" a", actor), (" i", address))
    found = [_quoted(f"{mark}{value}") for mark, value in given if value is not None]
    return " & ".join([*found, words] if words else found)


def _address(text: str | None) -> str | None:
    """As it is stored: an address has one form."""
    try:
        return str(ipaddress.ip_address(text.strip())) if text else None
    except ValueError:
        return text


def _quoted(lexeme: str) -> str:
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
