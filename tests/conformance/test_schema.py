"""Schemathesis against the running service: no 5xx, no breach of the schema, no ignored authentication (I-03)."""

from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from requests.adapters import HTTPAdapter
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.api.openapi import document
from tests.conformance.conftest import Fuzzed
from tests.support.processes import SOAK

pytestmark = [pytest.mark.xdist_group("two processes"), pytest.mark.timeout(7200 if SOAK else 120)]

SCHEMA = schemathesis.openapi.from_dict(document())
OPERATIONS = sum(1 for _ in SCHEMA.get_all_operations())
CASES = 50_000 // OPERATIONS if SOAK else 12
# Every case a schema's limits call for; a tenth of an hour.
SCHEMA.config.phases.coverage.enabled = SOAK
# A text that is too long may make the body too large before anybody reads it.
SCHEMA.config.checks.negative_data_rejection.expected_statuses = [
    "400",
    "401",
    "403",
    "404",
    "409",
    "413",
    "415",
    "421",
    "422",
    "429",
    "503",
]
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    allow_header_conformance,
    ignored_auth,
]


class FromAddress(HTTPAdapter):
    """Failed first steps are counted by address: each case comes from another one."""

    def init_poolmanager(self, *arguments: object, **options: object) -> None:
        super().init_poolmanager(*arguments, **options, source_address=(self.address, 0))  # type: ignore[arg-type]

    def __init__(self, number: int) -> None:
        self.address = f"127.{number >> 16 & 127 | 128}.{number >> 8 & 255}.{number & 127 | 1}"
        super().__init__()


@SCHEMA.parametrize()
@settings(
    max_examples=CASES, deadline=None, derandomize=not SOAK, suppress_health_check=list(HealthCheck), database=None
)
def test_i03_every_operation_keeps_its_word(case: schemathesis.Case[Any], fuzzed: Fuzzed) -> None:
    parameters = case.path_parameters or {}
    if "user_id" in parameters and not _is_wrong_on_purpose(case, ParameterLocation.PATH):
        parameters["user_id"] = fuzzed.victim()
    if isinstance(case.body, dict) and "role" in case.body and not _is_wrong_on_purpose(case, ParameterLocation.BODY):
        case.body["role"] = "user"  # its name cannot be guessed
    headers = {}
    for requirement in case.operation.definition.raw["security"]:
        for scheme in requirement:
            headers["Authorization"] = f"Bearer {fuzzed.token(case.operation.path, scheme)}"
    with requests.Session() as session:
        session.mount("http://", FromAddress(hash(case.id)))
        answer = case.call_and_validate(base_url=fuzzed.url, session=session, headers=headers, checks=CHECKS)
    fuzzed.after(answer.status_code, answer.json() if "json" in str(answer.headers.get("content-type")) else None)


def _is_wrong_on_purpose(case: schemathesis.Case[Any], where: ParameterLocation) -> bool:
    return case.meta is not None and case.meta.is_negative_at(where)
