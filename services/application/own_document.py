"""The copy of a person's data as a document: the same for programs and for people."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from events.credentials import Credential
from events.user.state import account_state
from services.application.own_data import OwnData


def document(own: OwnData, current: UUID) -> Mapping[str, Any]:
    """Names as in the API; `current` is the session in which it was asked for."""
    return {
        "made_at": own.made_at,
        "profile": _profile(own),
        "security": _security(own),
        "sessions": [_session(row, current) for row in own.sessions],
        "events": [asdict(one) for one in own.events],
    }


def _profile(own: OwnData) -> dict[str, Any]:
    state = own.user.state
    return {
        "id": own.user.user_id,
        "login": state.login,
        "email": state.email,
        "role": state.role,
        "language": state.language,
        "time_zone": state.time_zone,
        "company_id": own.user.company_id,
        "company": own.user.company.name,
        "state": account_state(state, own.made_at),
        "created_at": state.created_at,
        "activation_date": state.activation_at,
        "expiration_date": state.expiration_at,
        "trusted_networks": list(state.networks),
    }


def _security(own: OwnData) -> dict[str, Any]:
    state = own.user.state
    return {
        "two_factor": asdict(own.two_factor),
        "password_changed_at": state.password_changed_at,
        "failures_in_a_row": state.ladder.total,
        "exemption": state.override_at(own.made_at),
        "exemption_until": state.override.until if state.override is not None else None,
    }


def _session(row: Credential, current: UUID) -> dict[str, Any]:
    attributes = row.attributes
    created_at = datetime.fromisoformat(attributes["created_at"])
    return {
        "id": row.id,
        "created_at": created_at,
        "last_seen_at": row.seen_at or created_at,
        "expires_at": row.expires_at or created_at,
        "ip": attributes["ip"],
        "user_agent": attributes["user_agent"],
        "current": row.id == current,
        "factors": attributes["factors"],
    }
