"""State documents <-> states, for every store."""

from functools import lru_cache
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter

from events.company.clients import SCHEMA as CLIENT_SCHEMA
from events.company.clients import ClientState
from events.company.reports import SCHEMA as REPORT_SCHEMA
from events.company.reports import ReportState
from events.company.state import SCHEMA as COMPANY_SCHEMA
from events.company.state import CompanyState
from events.store.port import StateDoc
from events.user.state import SCHEMA as USER_SCHEMA
from events.user.state import UserState

_USER: Final = TypeAdapter(UserState)
_COMPANY: Final = TypeAdapter(CompanyState)
_CLIENT: Final = TypeAdapter(ClientState)
_REPORT: Final = TypeAdapter(ReportState)


def user_doc(state: UserState) -> StateDoc:
    """Defaults are left out: they say nothing and cost bytes at every append."""
    doc = _USER.dump_json(state, exclude_defaults=True).decode()
    return StateDoc(doc=doc, schema=USER_SCHEMA, authority=state.authority)


def company_doc(state: CompanyState) -> StateDoc:
    return StateDoc(doc=_COMPANY.dump_json(state, exclude_defaults=True).decode(), schema=COMPANY_SCHEMA)


def client_doc(state: ClientState) -> StateDoc:
    return StateDoc(doc=_CLIENT.dump_json(state, exclude_defaults=True).decode(), schema=CLIENT_SCHEMA)


def report_doc(state: ReportState) -> StateDoc:
    return StateDoc(doc=_REPORT.dump_json(state, exclude_defaults=True).decode(), schema=REPORT_SCHEMA)


def report_state(doc: str) -> ReportState:
    return _REPORT.validate_json(doc)


def client_state(doc: str) -> ClientState:
    return _CLIENT.validate_json(doc)


def user_state(doc: str) -> UserState:
    return _USER.validate_json(doc)


@lru_cache(maxsize=16_384)
def company_state(company_id: UUID, version: int, doc: str) -> CompanyState:
    """Cached: one version of one company has one document, and every request reads it."""
    return _COMPANY.validate_json(doc)
