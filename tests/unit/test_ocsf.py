"""OCSF 1.1: every fact of the catalogue as a record that has what the published schema requires of its class."""

import json
from typing import Any, Final
from uuid import UUID

import pytest
from pydantic_core import from_json, to_json

from events.catalogue import EVENTS
from services.application.audit import AuditRow
from services.application.ocsf import ACCOUNT_CHANGE, AUTHENTICATION, BASE_EVENT, record
from tests.support.given import NOON, USER, ident
from tests.support.samples import FOLDER

# schema.ocsf.io/1.1.0: attributes with the requirement "required" of the base event, which every class has, and of
# the two classes; then of the objects that are used here. Then "at least one of" by class and object.
REQUIRED: Final[dict[int, set[str]]] = {
    BASE_EVENT: {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"},
    ACCOUNT_CHANGE: {"user"},
    AUTHENTICATION: {"user"},
}
REQUIRED_OF_OBJECTS: Final = {"metadata": {"product", "version"}, "product": {"name", "vendor_name"}}
AT_LEAST_ONE: Final = {
    AUTHENTICATION: {"service", "dst_endpoint"},
    "user": {"account", "name", "uid"},
    "actor": {"process", "user", "invoked_by", "session"},
    "src_endpoint": {"ip", "uid", "name", "hostname", "svc_name", "instance_uid", "interface_uid", "interface_name"},
    "service": {"name", "uid"},
}
ACTIVITIES: Final = {
    BASE_EVENT: {0, 99},
    ACCOUNT_CHANGE: {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 99},
    AUTHENTICATION: {0, 1, 2, 3, 4, 5, 99},
}


def row(name: str, **changed: Any) -> AuditRow:
    """A fact as the trail shows it."""
    newest = max(FOLDER.glob(f"{name}.*.json"), key=lambda file: int(file.stem.split(".")[1]))
    values: dict[str, Any] = {
        "position": 7,
        "id": ident("event"),
        "type": name,
        "at": NOON,
        "actor_kind": "user",
        "actor_id": ident("actor"),
        "actor_label": "anna.admin",
        "subject_id": USER,
        "subject_label": "udo.user",
        "ip": "192.0.2.7",
        "user_agent": "Portal/7",
        "request_id": "r",
        "reason": "lost",
        "details": from_json(newest.read_bytes())["data"],
    }
    return AuditRow(**{**values, **changed})


def of(found: AuditRow) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(to_json(record(found)))
    return parsed


BARE: Final = {"actor_id": None, "actor_label": None, "subject_label": None, "ip": None, "user_agent": None}


@pytest.mark.parametrize("changed", [{}, {"subject_id": None}, BARE, {**BARE, "subject_id": None}], ids=str)
@pytest.mark.parametrize("name", EVENTS)
def test_every_fact_has_what_its_class_requires(name: str, changed: dict[str, UUID | None]) -> None:
    found = of(row(name, **changed))
    class_uid = found["class_uid"]
    assert REQUIRED[BASE_EVENT] | REQUIRED[class_uid] <= found.keys()
    assert found["category_uid"] == class_uid // 1000
    assert found["activity_id"] in ACTIVITIES[class_uid]
    assert found["type_uid"] == class_uid * 100 + found["activity_id"]
    assert (found["activity_id"] != 99) or found["activity_name"] == name
    assert found["severity_id"] in {1, 2, 3}
    assert found["status_id"] in {1, 2}
    assert found["time"] == int(NOON.timestamp()) * 1000
    assert REQUIRED_OF_OBJECTS["metadata"] <= found["metadata"].keys()
    assert REQUIRED_OF_OBJECTS["product"] <= found["metadata"]["product"].keys()
    assert found["metadata"]["version"] == "1.1.0"
    assert not AT_LEAST_ONE.get(class_uid, set()) or AT_LEAST_ONE[class_uid] & found.keys()
    objects = {"user": found.get("user"), **found, **found.get("actor", {})}
    for name_of, members in AT_LEAST_ONE.items():
        if isinstance(name_of, str) and objects.get(name_of) is not None:
            assert members & objects[name_of].keys(), name_of


@pytest.mark.parametrize(
    ("name", "class_uid", "activity_id", "status_id"),
    [
        ("UserCreated", ACCOUNT_CHANGE, 1, 1),
        ("UserErased", ACCOUNT_CHANGE, 6, 1),
        ("PasswordReset", ACCOUNT_CHANGE, 4, 1),
        ("TwoFactorLocked", ACCOUNT_CHANGE, 9, 1),
        ("TwoFactorEnabled", ACCOUNT_CHANGE, 10, 1),
        ("KeyReset", ACCOUNT_CHANGE, 11, 1),
        ("SignedIn", AUTHENTICATION, 1, 1),
        ("PasswordRejected", AUTHENTICATION, 1, 2),
        ("SignedOut", AUTHENTICATION, 2, 1),
        ("PolicyChanged", BASE_EVENT, 99, 1),
        ("AccessDenied", BASE_EVENT, 99, 2),
    ],
)
def test_what_happened_is_called_as_there(name: str, class_uid: int, activity_id: int, status_id: int) -> None:
    found = of(row(name))
    assert (found["class_uid"], found["activity_id"], found["status_id"]) == (class_uid, activity_id, status_id)


def test_a_wrong_code_is_a_logon_at_the_sign_in_only() -> None:
    rejected = row("CodeRejected")
    at_the_door = row("CodeRejected", details={**rejected.details, "door": "sign_in"})
    inside = row("CodeRejected", details={**rejected.details, "door": "step_up"})
    assert (of(at_the_door)["activity_id"], of(inside)["activity_id"]) == (1, 99)


def test_nothing_of_a_row_is_lost() -> None:
    for name in ("KeyReset", "PolicyChanged"):
        text = json.dumps(of(row(name)))
        assert all(value in text for value in ("anna.admin", "192.0.2.7", "Portal/7", "lost", str(USER), "Portal/7"))
