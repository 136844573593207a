"""Facts as records of the Open Cybersecurity Schema Framework, version 1.1, with the attributes that it requires.

What happens to an account is an Account Change (3001), what happens at a sign-in an Authentication (3002). All the
rest is a Base Event (0), so that a file holds every fact: what has no attribute there stands in `unmapped`.
"""

from typing import Any, Final, NamedTuple

from services.application.audit import AuditRow

VERSION: Final = "1.1.0"
BASE_EVENT: Final = 0
ACCOUNT_CHANGE: Final = 3001
AUTHENTICATION: Final = 3002
_OTHER: Final = 99
_SUCCESS: Final = 1
_FAILURE: Final = 2
_INFORMATIONAL: Final = 1
_LOW: Final = 2
_MEDIUM: Final = 3


class _Meaning(NamedTuple):
    class_uid: int
    activity_id: int = _OTHER
    status_id: int = _SUCCESS
    severity_id: int = _INFORMATIONAL


_REST: Final = _Meaning(BASE_EVENT)
_MEANINGS: Final = {
    "UserCreated": _Meaning(ACCOUNT_CHANGE, 1),
    "UserReactivated": _Meaning(ACCOUNT_CHANGE, 2),
    "PasswordChanged": _Meaning(ACCOUNT_CHANGE, 3),
    "PasswordReset": _Meaning(ACCOUNT_CHANGE, 4),
    "UserDeactivated": _Meaning(ACCOUNT_CHANGE, 5),
    "UserExpired": _Meaning(ACCOUNT_CHANGE, 5),
    "UserErased": _Meaning(ACCOUNT_CHANGE, 6),
    "TwoFactorPaused": _Meaning(ACCOUNT_CHANGE, 9, severity_id=_LOW),
    "TwoFactorLocked": _Meaning(ACCOUNT_CHANGE, 9, severity_id=_MEDIUM),
    "TwoFactorEnabled": _Meaning(ACCOUNT_CHANGE, 10),
    "TwoFactorImported": _Meaning(ACCOUNT_CHANGE, 10),
    "TwoFactorDisabled": _Meaning(ACCOUNT_CHANGE, 11, severity_id=_LOW),
    "KeyReset": _Meaning(ACCOUNT_CHANGE, 11, severity_id=_LOW),
    **dict.fromkeys(
        (
            *("UserChanged", "TrustedNetworksChanged", "PasswordRehashed", "TwoFactorOrdered", "OrderWithdrawn"),
            *("TwoFactorUnlocked", "TwoFactorOverridden", "PolicyOrderStarted", "GraceNoted", "EnrolmentStarted"),
            *("EnrolmentCancelled", "RecoveryCodesIssued", "BreakGlassCodeIssued"),
        ),
        _Meaning(ACCOUNT_CHANGE),
    ),
    "SignedIn": _Meaning(AUTHENTICATION, 1),
    "PasswordRejected": _Meaning(AUTHENTICATION, 1, _FAILURE, _LOW),
    "CodeRejected": _Meaning(AUTHENTICATION, 1, _FAILURE, _LOW),
    "SignInRefused": _Meaning(AUTHENTICATION, 1, _FAILURE, _LOW),
    "SignedOut": _Meaning(AUTHENTICATION, 2),
    "SessionsEnded": _Meaning(AUTHENTICATION, 2),
    "SessionPasswordRejected": _Meaning(AUTHENTICATION, _OTHER, _FAILURE, _LOW),
    "BreakGlassCodeUsed": _Meaning(AUTHENTICATION, severity_id=_MEDIUM),
    **dict.fromkeys(
        ("SignInStarted", "SignInAdvanced", "SignInCancelled", "SteppedUp", "RecoveryCodeUsed"),
        _Meaning(AUTHENTICATION),
    ),
    "AccessDenied": _Meaning(BASE_EVENT, _OTHER, _FAILURE, _LOW),
    "NotificationFailed": _Meaning(BASE_EVENT, _OTHER, _FAILURE),
}
# How a wrong code is called that was not given at the sign-in.
_AT_THE_SIGN_IN: Final = "sign_in"

_SERVICE: Final = {"name": "Factorlog"}
_PRODUCT: Final = {"name": "Factorlog", "vendor_name": "Factorlog"}
_USER_TYPES: Final = {"user": 1, "provider": 2, "client": 4, "system": 3, "anonymous": 0}


def record(row: AuditRow) -> dict[str, Any]:
    """One row as the record of its class."""
    meaning = _meaning(row)
    return {
        "activity_id": meaning.activity_id,
        **({"activity_name": row.type} if meaning.activity_id == _OTHER else {}),
        "category_uid": meaning.class_uid // 1000,
        "class_uid": meaning.class_uid,
        "type_uid": meaning.class_uid * 100 + meaning.activity_id,
        "time": int(row.at.timestamp() * 1000),
        "severity_id": meaning.severity_id,
        "status_id": meaning.status_id,
        "message": row.type,
        "metadata": {
            "version": VERSION,
            "product": _PRODUCT,
            "uid": row.id,
            "sequence": row.position,
            "correlation_uid": row.request_id,
        },
        **(_people(row) if meaning.class_uid != BASE_EVENT else {}),
        **({"service": _SERVICE} if meaning.class_uid == AUTHENTICATION else {}),
        **({"is_mfa": len(row.details["factors"]) > 1} if row.type == "SignedIn" else {}),
        "unmapped": _unmapped(row, meaning),
    }


def _meaning(row: AuditRow) -> _Meaning:
    meaning = _MEANINGS.get(row.type, _REST)
    if meaning.class_uid != BASE_EVENT and row.subject_id is None:
        return _REST  # both classes ask for a user
    if row.type == "CodeRejected" and row.details["door"] != _AT_THE_SIGN_IN:
        return meaning._replace(activity_id=_OTHER)
    return meaning


def _people(row: AuditRow) -> dict[str, Any]:
    return {
        "user": _named({"uid": row.subject_id}, row.subject_label),
        "actor": {"user": _actor(row)},
        **({"src_endpoint": {"ip": row.ip}} if row.ip is not None else {}),
    }


def _actor(row: AuditRow) -> dict[str, Any]:
    kind = _USER_TYPES.get(row.actor_kind, _OTHER)
    if row.actor_id is None:
        return {"name": row.actor_kind, "type_id": kind}
    return _named({"uid": row.actor_id, "type_id": kind}, row.actor_label)


def _named(user: dict[str, Any], name: str | None) -> dict[str, Any]:
    return {**user, "name": name} if name is not None else user


def _unmapped(row: AuditRow, meaning: _Meaning) -> dict[str, Any]:
    beside: dict[str, Any] = {
        "type": row.type,
        "reason": row.reason,
        "user_agent": row.user_agent,
        "details": row.details,
    }
    if meaning.class_uid == BASE_EVENT:
        beside |= {"actor": _actor(row), "subject_id": row.subject_id, "ip": row.ip}
    return beside
