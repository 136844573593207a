"""Bodies and answers of the HTTP contract."""

import ipaddress
import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from events.company.reports import ReportKind
from events.company.scopes import Scope
from services.web.values import EMAIL


class Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    CARRIES_SECRET: ClassVar[bool] = False  # such an answer is not kept for a repetition


def _rfc_3339(text: Any) -> datetime:
    if not isinstance(text, str) or _RFC_3339.match(text) is None:
        raise ValueError("has to be a time in the form of RFC 3339")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is beyond the times that can be told") from error


def _moment(text: Any) -> datetime | date:
    if isinstance(text, str) and _DAY.match(text) is not None:
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise ValueError("is not a day of the calendar") from error
    return _rfc_3339(text)


def _is_time_zone(name: str) -> str:
    if name not in _TIME_ZONES:
        raise ValueError("is not a time zone of the IANA database")
    return name


def _is_address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise ValueError("is not an IP address") from error
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        # A zone is any text, and means something on one machine only.
        raise ValueError("is not an IP address without a zone")
    return str(address)


_TIME_ZONES = frozenset(available_timezones())
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})\Z"
)

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")

# `$` is the very end here as in a browser: pydantic's engine knows no end before a last line break.
Code = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$", min_length=6, max_length=6)]
RecoveryCode = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Login = Annotated[str, StringConstraints(min_length=1, max_length=64)]
GivenLogin = Annotated[str, StringConstraints(max_length=256)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"\S")]
Email = Annotated[str, StringConstraints(min_length=3, max_length=254, pattern=EMAIL)]
TimeZone = Annotated[str, AfterValidator(_is_time_zone), StringConstraints(max_length=64)]
Time = Annotated[AwareDatetime, BeforeValidator(_rfc_3339)]
Moment = Annotated[
    AwareDatetime | date,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}),
]
Language = Literal["de", "en", "pt-BR"]
RoleName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_]*$")]
FactorName = Literal["password", "otp", "recovery_code", "break_glass_code"]
FactorState = Literal["off", "enrolment_required", "on"]


Networks = Annotated[list[Annotated[str, StringConstraints(max_length=64)]], Field(max_length=50)]
CompanyName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]
LevelName = Literal["none", "view", "full"]
RightName = Literal[
    "users",
    "two_factor_others",
    "sessions_others",
    "policy",
    "audit",
    "reports",
    "integrations",
    "companies",
    "own_security",
]


class PasswordSignIn(Body):
    """`client_ip` and `client_user_agent`: from an API client with the scope for it only; they count as the user's."""

    login: GivenLogin
    password: Annotated[str, StringConstraints(max_length=1024)]
    client_ip: Annotated[str, StringConstraints(max_length=64), AfterValidator(_is_address)] | None = None
    client_user_agent: Annotated[str, StringConstraints(max_length=400)] | None = None


class CodeBody(Body):
    code: Code


class RecoveryCodeBody(Body):
    recovery_code: RecoveryCode


class NewPasswordBody(Body):
    new_password: Password


class EnrolmentBody(Body):
    """`password`, or `code` to replace a factor that is on."""

    password: Password | None = None
    code: Code | None = None

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        if (self.password is None) == (self.code is None):
            raise ValueError("exactly one of password and code has to be given")
        return self


class ResetBody(Body):
    """`code` or `recovery_code`."""

    code: Code | None = None
    recovery_code: RecoveryCode | None = None

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        if (self.code is None) == (self.recovery_code is None):
            raise ValueError("exactly one of code and recovery_code has to be given")
        return self


class StepUpBody(EnrolmentBody):
    """`code`, or `password` when no factor is on."""


class PasswordChangeBody(Body):
    old_password: Annotated[str, StringConstraints(max_length=1024)]
    new_password: Password


class OwnSettingsBody(Body):
    language: Language | None = None
    time_zone: TimeZone | None = None
    email: Email | None = None


class NewUserBody(Body):
    login: Login
    password: Password | None = None
    email: Email | None = None
    role: RoleName
    activation_date: Time | None = None
    expiration_date: Time | None = None
    time_zone: TimeZone = "Europe/Berlin"
    language: Language = "de"
    reason: Reason | None = None


class UserChangeBody(Body):
    email: Email | None = None
    role: RoleName | None = None
    activation_date: Time | None = None
    expiration_date: Time | None = None
    time_zone: TimeZone | None = None
    language: Language | None = None
    reason: Reason | None = None


class ReasonBody(Body):
    reason: Reason


class PasswordResetBody(Body):
    reason: Reason
    password: Password | None = None


class NetworksBody(Body):
    """Addresses or prefixes; an empty list lifts the restriction."""

    networks: Networks
    reason: Reason | None = None


class OverrideBody(Body):
    override: Literal["inherit", "required", "exempt"]
    reason: Reason
    until: Time | None = None


class BulkBody(Body):
    act: Literal["enable", "reset", "disable"]
    user_ids: Annotated[list[Annotated[UUID, Strict(False)]], Field(min_length=1, max_length=1000)]
    reason: Reason


class PolicyFields(Body):
    requirement: Literal["optional", "required", "required_for_roles", "required_outside_trusted_networks"]
    roles: Annotated[list[RoleName], Field(max_length=60)] = []
    from_at: Annotated[Time | None, Field(alias="from")] = None
    networks: Networks = []
    grace_days: Annotated[int, Field(ge=0, le=365)] = 0
    order_hours: Annotated[int, Field(ge=1, le=720)] = 72
    password_max_age_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class PolicyBody(PolicyFields):
    """`confirm`: also when the caller is forced or locked out by it."""

    confirm: bool = False
    reason: Reason | None = None


class NewRoleBody(Body):
    """Rights that are not named are none."""

    name: RoleName
    rights: dict[RightName, LevelName]


class RoleChangeBody(Body):
    """Rights that are not named stay. `confirm`: also when the caller could not take it back."""

    rights: dict[RightName, LevelName]
    confirm: bool = False


class CompanyBody(Body):
    name: CompanyName


class NewClientBody(Body):
    """`networks`: from where the token is accepted; none: from everywhere."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"\S")]
    scopes: Annotated[list[Annotated[Scope, Strict(False)]], Field(min_length=1, max_length=len(Scope))]
    expires_at: Time | None = None
    networks: Networks = []


class IntrospectBody(Body):
    token: Annotated[str, StringConstraints(max_length=200)]


class PageQuery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, StringConstraints(max_length=400)] | None = None


class LimitQuery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: Annotated[int, Field(ge=1, le=200)] = 50


class UsersQuery(PageQuery):
    role: Annotated[str, StringConstraints(max_length=64)] | None = None
    two_factor: FactorState | None = None
    q: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None


class EventFilters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)

    type: Annotated[str, StringConstraints(max_length=64)] | None = None
    user_id: UUID | None = None
    actor_id: UUID | None = None
    from_at: Annotated[Time | None, Field(alias="from")] = None
    to_at: Annotated[Time | None, Field(alias="to")] = None
    ip: Annotated[str, StringConstraints(max_length=64)] | None = None
    q: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None


class ReportBody(Body):
    """`as_of` for kinds about a moment, `from` and `to` for those about a period. A day counts in UTC, to its end."""

    kind: Annotated[ReportKind, Strict(False)]
    as_of: Moment | None = None
    from_at: Annotated[Moment | None, Field(alias="from")] = None
    to_at: Annotated[Moment | None, Field(alias="to")] = None


class ReportFileQuery(Body):
    format: Literal["jsonl", "csv", "html", "pdf", "xlsx"] = "jsonl"


class EventsQuery(EventFilters, PageQuery):
    pass


class EventsExportQuery(EventFilters):
    """`excel`: of CSV, semicolons and a byte order mark."""

    format: Literal["jsonl", "csv", "ocsf"] = "jsonl"
    excel: bool = False


class SignedInUser(Answer):
    id: UUID
    login: str
    company_id: UUID


class SignInAnswer(Answer):
    CARRIES_SECRET: ClassVar[bool] = True

    status: Literal["signed_in", "code_required", "enrolment_required", "password_expired"]
    token: str
    expires_at: datetime
    user: SignedInUser | None


class SignInWithCodesAnswer(SignInAnswer):
    recovery_codes: list[str]


class EnrolmentAnswer(Answer):
    CARRIES_SECRET: ClassVar[bool] = True

    key: str
    otpauth_uri: str
    qr_svg: str
    expires_at: datetime


class TwoFactor(Answer):
    state: FactorState
    required_by: Literal["user", "role", "company", "network"] | None
    grace_until: datetime | None
    order_expires_at: datetime | None
    enrolled_at: datetime | None
    last_used_at: datetime | None
    recovery_codes_left: int
    locked_until: datetime | None
    next_sign_in: Literal["password", "code", "enrolment", "contact_administrator"]


class ConfirmedAnswer(Answer):
    CARRIES_SECRET: ClassVar[bool] = True

    two_factor: TwoFactor
    recovery_codes: list[str]


class RecoveryCodesAnswer(Answer):
    CARRIES_SECRET: ClassVar[bool] = True

    recovery_codes: list[str]


class StepUpAnswer(Answer):
    CARRIES_SECRET: ClassVar[bool] = True

    token: str
    expires_at: datetime


class Me(Answer):
    id: UUID
    login: str
    company_id: UUID
    email: str | None
    role: str
    language: str
    time_zone: str
    rights: dict[str, Literal["none", "view", "full"]]


class Session(Answer):
    id: UUID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ip: str | None
    user_agent: str | None
    current: bool
    factors: list[FactorName]


class User(Answer):
    id: UUID
    login: str
    company_id: UUID
    email: str | None
    role: str
    language: str
    time_zone: str
    state: Literal["active", "not_yet_active", "expired", "deactivated"]
    two_factor: FactorState
    activation_date: datetime | None
    expiration_date: datetime | None
    locked_until: datetime | None


class UserWithPassword(User):
    CARRIES_SECRET: ClassVar[bool] = True

    generated_password: str | None = None


class TrustedNetworks(Answer):
    networks: list[str]


class BreakGlassAnswer(TwoFactor):
    CARRIES_SECRET: ClassVar[bool] = True

    break_glass_code: str
    break_glass_expires_at: datetime


class BulkResult(Answer):
    user_id: UUID
    status: int
    code: str | None


class BulkAnswer(Answer):
    """Each user by itself: what is refused for one changes nothing for the others."""

    results: list[BulkResult]


class Policy(Answer):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, populate_by_name=True)

    requirement: Literal["optional", "required", "required_for_roles", "required_outside_trusted_networks"]
    roles: list[str]
    from_at: Annotated[datetime | None, Field(alias="from")]
    networks: list[str]
    grace_days: int
    order_hours: int
    password_max_age_days: int | None


class DryRun(Answer):
    forced_now: list[UUID]
    locked_out: list[UUID]
    caller_forced: bool
    caller_locked_out: bool


class PolicyVersion(Answer):
    changed_at: datetime
    actor: "EventActor"
    policy: Policy


class PolicyHistory(Answer):
    items: list[PolicyVersion]
    next_cursor: str | None = None


class Role(Answer):
    id: str
    name: str
    built_in: bool
    rights: dict[RightName, LevelName]


class RoleList(Answer):
    items: list[Role]
    next_cursor: str | None = None


class Company(Answer):
    id: UUID
    name: str
    state: Literal["active", "suspended"]


class CompanyList(Answer):
    items: list[Company]
    next_cursor: str | None


class ApiClient(Answer):
    """`has_token` false: the token ended with a suspension of the company; a rotation gives a new one."""

    id: UUID
    name: str
    scopes: list[Scope]
    expires_at: datetime | None
    networks: list[str]
    created_at: datetime
    last_used_at: datetime | None
    has_token: bool


class ApiClientWithToken(ApiClient):
    CARRIES_SECRET: ClassVar[bool] = True

    token: str


class ApiClientList(Answer):
    items: list[ApiClient]
    next_cursor: str | None = None


T = TypeVar("T")
_WhenActive = Annotated[T | None, Field(exclude_if=lambda value: value is None)]


class Introspection(Answer):
    """Of a token that is no live session, `active` alone."""

    active: bool
    user_id: _WhenActive[UUID] = None
    company_id: _WhenActive[UUID] = None
    authenticated_at: _WhenActive[datetime] = None
    factors: _WhenActive[list[FactorName]] = None
    expires_at: _WhenActive[datetime] = None


class EventActor(Answer):
    kind: Literal["anonymous", "user", "provider", "client", "system"]
    id: UUID | None
    label: str | None


class EventSubject(Answer):
    id: UUID | None
    label: str | None


class EventItem(Answer):
    position: int
    id: UUID
    type: str
    at: datetime
    actor: EventActor
    subject: EventSubject
    ip: str | None
    user_agent: str | None
    request_id: str
    reason: str | None
    details: dict[str, Any]


class OwnProfile(Answer):
    id: UUID
    login: str
    email: str | None
    role: str
    language: str
    time_zone: str
    company_id: UUID
    company: str
    state: Literal["active", "not_yet_active", "expired", "deactivated"]
    created_at: datetime | None
    activation_date: datetime | None
    expiration_date: datetime | None
    trusted_networks: list[str]


class OwnSecurityState(Answer):
    two_factor: TwoFactor
    password_changed_at: datetime | None
    failures_in_a_row: int
    exemption: Literal["inherit", "required", "exempt"]
    exemption_until: datetime | None


class OwnEvent(Answer):
    """`personal`: what of it is kept under the person's own key. What others did shows what they are, not who."""

    position: int
    id: UUID
    type: str
    at: datetime
    about: Literal["yourself", "others"]
    by: Literal["yourself", "administrator", "provider", "program", "system", "unknown"]
    ip: str | None
    user_agent: str | None
    personal: dict[str, str]
    details: dict[str, Any]


class PersonalData(Answer):
    """Everything that is kept about the caller, but secrets, which nobody can read."""

    made_at: datetime
    profile: OwnProfile
    security: OwnSecurityState
    sessions: list[Session]
    events: list[OwnEvent]


class SessionList(Answer):
    items: list[Session]
    next_cursor: str | None = None


class UserList(Answer):
    items: list[User]
    next_cursor: str | None


class EventList(Answer):
    items: list[EventItem]
    next_cursor: str | None


class ReportProgress(Answer):
    """Entries of the log that were looked through, of how many."""

    done: int
    total: int


class ReportOrderer(Answer):
    kind: Literal["anonymous", "user", "provider", "client", "system"]
    id: UUID | None


class Report(Answer):
    """`position`: of the last entry that counts, once the building has begun."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, populate_by_name=True)

    id: UUID
    kind: ReportKind
    as_of: datetime | None
    from_at: Annotated[datetime | None, Field(alias="from")]
    to_at: Annotated[datetime | None, Field(alias="to")]
    time_zone: Literal["UTC"] = "UTC"
    language: str
    status: Literal["queued", "running", "ready", "failed"]
    position: int | None
    progress: ReportProgress
    requested_by: ReportOrderer
    created_at: datetime


class ReportList(Answer):
    items: list[Report]
    next_cursor: str | None


class LogKey(Answer):
    """The verifier key of the company's checkpoints (C2SP signed-note)."""

    vkey: str


class Receipt(Answer):
    """That a fact is under a signed checkpoint."""

    position: int
    checkpoint: str


class ReceiptOnly(Answer):
    """Of an act that answers nothing else; null when no checkpoint came in time."""

    receipt: Receipt | None


class Alive(Answer):
    status: Literal["alive"]


class Ready(Answer):
    status: Literal["ready", "not_ready"]


class FieldError(Answer):
    loc: list[str | int]
    msg: str
    type: str


class ProblemDocument(Answer):
    """RFC 9457."""

    type: str
    title: str
    status: int
    code: str
    request_id: str
    errors: list[FieldError] | None = None
