"""Use-case values to answers of the contract."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from events.company.policy import Policy
from events.company.roles import BUILT_IN, Rights, words_of
from events.company.state import CompanyState
from events.credentials import Credential
from events.policy import EffectiveFactor
from events.store.port import StoredUser
from events.user.state import account_state
from services.api import models
from services.api.problems import Problem, code_of, invalid
from services.application.audit import AuditRow
from services.application.clients import ShownClient
from services.application.codes import ShownKey
from services.application.companies import PolicyEffect, PolicyVersion
from services.application.context import Caller, Tenant
from services.application.introspection import LiveSession
from services.application.others_factors import BreakGlassCode, BulkResult
from services.application.own_data import OwnData
from services.application.own_document import document
from services.application.reports.ports import ShownReport
from services.application.sign_in import SignInAnswer


def sign_in(answer: SignInAnswer) -> models.SignInAnswer:
    return models.SignInAnswer(
        status=answer.status, token=answer.token, expires_at=answer.expires_at, user=_signed_in(answer.user)
    )


def sign_in_with_codes(answer: SignInAnswer) -> models.SignInWithCodesAnswer:
    return models.SignInWithCodesAnswer(
        status=answer.status,
        token=answer.token,
        expires_at=answer.expires_at,
        user=_signed_in(answer.user),
        recovery_codes=list(answer.recovery_codes),
    )


def _signed_in(user: StoredUser | None) -> models.SignedInUser | None:
    if user is None:
        return None
    return models.SignedInUser(id=user.user_id, login=user.state.login, company_id=user.company_id)


def enrolment(shown: ShownKey, expires_at: datetime) -> models.EnrolmentAnswer:
    return models.EnrolmentAnswer(
        key=shown.key, otpauth_uri=shown.otpauth_uri, qr_svg=shown.qr_svg, expires_at=expires_at
    )


def two_factor(effective: EffectiveFactor) -> models.TwoFactor:
    return models.TwoFactor(
        state=effective.state,
        required_by=effective.required_by,
        grace_until=effective.grace_until,
        order_expires_at=effective.order_expires_at,
        enrolled_at=effective.enrolled_at,
        last_used_at=effective.last_used_at,
        recovery_codes_left=effective.recovery_codes_left,
        locked_until=effective.locked_until,
        next_sign_in=effective.next_sign_in,
    )


def me(caller: Caller) -> models.Me:
    return me_of(caller.user, caller.rights())


def me_of(user: StoredUser, rights: Rights) -> models.Me:
    state = user.state
    return models.Me(
        id=user.user_id,
        login=state.login,
        company_id=user.company_id,
        email=state.email,
        role=state.role,
        language=state.language,
        time_zone=state.time_zone,
        rights=cast(Any, words_of(rights)),
    )


def session(row: Credential, current: UUID | None) -> models.Session:
    attributes = row.attributes
    created_at = datetime.fromisoformat(attributes["created_at"])
    return models.Session(
        id=row.id,
        created_at=created_at,
        last_seen_at=row.seen_at or created_at,
        expires_at=row.expires_at or created_at,
        ip=attributes["ip"],
        user_agent=attributes["user_agent"],
        current=row.id == current,
        factors=attributes["factors"],
    )


def personal_data(own: OwnData, current: UUID) -> models.PersonalData:
    return models.PersonalData.model_validate(document(own, current))


def user(stored: StoredUser, effective: EffectiveFactor, now: datetime) -> models.User:
    return models.User(**_user_fields(stored, effective, now))


def user_with_password(
    stored: StoredUser, effective: EffectiveFactor, now: datetime, password: str | None
) -> models.User:
    """With the generated password, when there is one; it is shown this once."""
    fields = _user_fields(stored, effective, now)
    if password is None:
        return models.User(**fields)
    return models.UserWithPassword(**fields, generated_password=password)


def _user_fields(stored: StoredUser, effective: EffectiveFactor, now: datetime) -> dict[str, Any]:
    state = stored.state
    return {
        "id": stored.user_id,
        "login": state.login,
        "company_id": stored.company_id,
        "email": state.email,
        "role": state.role,
        "language": state.language,
        "time_zone": state.time_zone,
        "state": account_state(state, now),
        "two_factor": effective.state,
        "activation_date": state.activation_at,
        "expiration_date": state.expiration_at,
        "locked_until": effective.locked_until,
    }


def break_glass(issued: BreakGlassCode) -> models.BreakGlassAnswer:
    return models.BreakGlassAnswer(
        **two_factor(issued.two_factor).model_dump(),
        break_glass_code=issued.code,
        break_glass_expires_at=issued.expires_at,
    )


def bulk(results: Sequence[BulkResult]) -> models.BulkAnswer:
    return models.BulkAnswer(results=[_bulk_result(result) for result in results])


def _bulk_result(result: BulkResult) -> models.BulkResult:
    if result.refusal is None and not result.contended:
        return models.BulkResult(user_id=result.user_id, status=200, code=None)
    refused = Problem(code=code_of(result.refusal) if result.refusal is not None else "unavailable")
    return models.BulkResult(user_id=result.user_id, status=refused.status, code=refused.code)


def policy(value: Policy) -> models.Policy:
    return models.Policy(
        requirement=value.requirement,
        roles=list(value.roles),
        from_at=value.from_at,
        networks=list(value.networks),
        grace_days=value.grace_days,
        order_hours=value.order_hours,
        password_max_age_days=value.password_max_age_days,
    )


def policy_history(versions: Sequence[PolicyVersion]) -> models.PolicyHistory:
    return models.PolicyHistory(items=[_policy_version(version) for version in versions])


def _policy_version(version: PolicyVersion) -> models.PolicyVersion:
    actor = version.recorded.actor
    return models.PolicyVersion(
        changed_at=version.changed_at,
        actor=models.EventActor(kind=actor.kind.value, id=actor.id, label=None),
        policy=policy(version.policy),
    )


def dry_run(effect: PolicyEffect) -> models.DryRun:
    return models.DryRun(
        forced_now=list(effect.forced_now),
        locked_out=list(effect.locked_out),
        caller_forced=effect.caller_forced,
        caller_locked_out=effect.caller_locked_out,
    )


def role(name: str, rights: Rights) -> models.Role:
    return models.Role(id=name, name=name, built_in=name in BUILT_IN, rights=cast(Any, words_of(rights)))


def role_of(state: CompanyState, name: str) -> models.Role:
    return role(name, state.rights_of(name))


def company(tenant: Tenant) -> models.Company:
    state: Literal["active", "suspended"] = "suspended" if tenant.state.suspended else "active"
    return models.Company(id=tenant.id, name=tenant.state.name, state=state)


def api_client(client: ShownClient) -> models.ApiClient:
    return models.ApiClient(**_client_fields(client))


def api_client_with_token(client: ShownClient) -> models.ApiClientWithToken:
    assert client.token is not None  # noqa: S101 - made for the answer that shows it
    return models.ApiClientWithToken(**_client_fields(client), token=client.token)


def _client_fields(client: ShownClient) -> dict[str, Any]:
    state = client.state
    return {
        "id": client.id,
        "name": state.name,
        "scopes": list(state.scopes),
        "expires_at": state.expires_at,
        "networks": list(state.networks),
        "created_at": state.created_at,
        "last_used_at": client.last_used_at,
        "has_token": client.has_token,
    }


def introspection(found: LiveSession | None) -> models.Introspection:
    if found is None:
        return models.Introspection(active=False)
    return models.Introspection(
        active=True,
        user_id=found.user_id,
        company_id=found.company_id,
        authenticated_at=found.authenticated_at,
        factors=cast(Any, list(found.factors)),
        expires_at=found.expires_at,
    )


def event(row: AuditRow) -> models.EventItem:
    return models.EventItem(
        position=row.position,
        id=row.id,
        type=row.type,
        at=row.at,
        actor=models.EventActor(kind=cast(Any, row.actor_kind), id=row.actor_id, label=row.actor_label),
        subject=models.EventSubject(id=row.subject_id, label=row.subject_label),
        ip=row.ip,
        user_agent=row.user_agent,
        request_id=row.request_id,
        reason=row.reason,
        details=dict(row.details),
    )


def event_list(rows: Sequence[AuditRow], limit: int) -> models.EventList:
    """One page of rows that were asked for with one more than the limit."""
    items = [event(row) for row in rows[:limit]]
    more = len(rows) > limit
    return models.EventList(items=items, next_cursor=make_cursor(items[-1].position) if more else None)


def report(found: ShownReport) -> models.Report:
    order = found.order
    return models.Report(
        id=found.id,
        kind=order.kind,
        as_of=order.as_of,
        from_at=order.from_at,
        to_at=order.to_at,
        language=found.language,
        status=found.status,
        position=found.position,
        progress=models.ReportProgress(done=found.done, total=found.total),
        requested_by=models.ReportOrderer(kind=cast(Any, found.requested_by_kind), id=found.requested_by),
        created_at=found.requested_at,
    )


def report_list(found: Sequence[ShownReport], limit: int) -> models.ReportList:
    """One page of reports that were asked for with one more than the limit."""
    more = len(found) > limit
    cursor = make_cursor(found[limit - 1].requested_position) if more else None
    return models.ReportList(items=[report(one) for one in found[:limit]], next_cursor=cursor)


def make_cursor(*parts: str | int) -> str:
    """Opaque to callers. It names a place in the caller's own list, so a forged one opens nothing."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def read_position(cursor: str | None) -> int | None:
    parts = _read_cursor(cursor)
    if parts is None:
        return None
    if len(parts) != 1 or type(parts[0]) is not int or not 0 < parts[0] < 2**63:
        raise _bad_cursor()
    return parts[0]


def read_place(cursor: str | None) -> tuple[str, UUID] | None:
    parts = _read_cursor(cursor)
    if parts is None:
        return None
    if len(parts) != 2 or not all(isinstance(part, str) for part in parts):
        raise _bad_cursor()
    try:
        return parts[0], UUID(parts[1])
    except ValueError as error:
        raise _bad_cursor() from error


def _read_cursor(cursor: str | None) -> list[Any] | None:
    if cursor is None:
        return None
    try:
        parts = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        text = json.dumps(parts, ensure_ascii=False)
        text.encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise _bad_cursor() from error
    if not isinstance(parts, list) or "\\u0000" in text:
        raise _bad_cursor()
    return parts


def _bad_cursor() -> Exception:
    return invalid(["query", "cursor"], "is not a cursor of this list", "cursor")
