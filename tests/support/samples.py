"""A sample of every fact, and the stored entry that it becomes: `python -m tests.support.samples` writes new ones.

A file in tests/contract/samples is never changed: it stands for rows that exist. A new fact, or a new version of
one, adds a file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, get_args
from uuid import UUID

from events.catalogue import Event
from events.codec import Address, SealingKeys, complete, compose
from events.company.clients import ApiClientCreated, ApiClientRevoked, ApiClientRotated, ClientEvent
from events.company.events import (
    AdministratorsNotified,
    CompanyCreated,
    CompanyEvent,
    CompanyRenamed,
    CompanyResumed,
    CompanySuspended,
    EffectEvent,
    EventsExported,
    EveryoneSignedOut,
    InstallationRestored,
    NotificationFailed,
    NotificationSent,
    PasswordRejected,
    PersonForgotten,
    PolicyChanged,
    RoleChanged,
    RoleCreated,
    RoleDeleted,
    SessionsRevoked,
    SignInsEvent,
    TracesDestroyed,
)
from events.company.policy import Policy
from events.company.reports import ReportEvent, ReportFailed, ReportKind, ReportReady, ReportRequested
from events.envelope import Actor, ActorKind, Metadata, StreamKind, Traces, month_of
from events.user.events import (
    AccessDenied,
    BreakGlassCodeIssued,
    BreakGlassCodeUsed,
    By,
    CodeRejected,
    CredentialsVoided,
    Door,
    EnrolmentCancelled,
    EnrolmentStarted,
    GraceNoted,
    KeyReset,
    OrderWithdrawn,
    PasswordChanged,
    PasswordRehashed,
    PasswordReset,
    PersonalDataExported,
    PolicyOrderStarted,
    RecoveryCodesIssued,
    RecoveryCodeUsed,
    SessionPasswordRejected,
    SessionsEnded,
    SignedIn,
    SignedOut,
    SignInAdvanced,
    SignInCancelled,
    SignInRefused,
    SignInStarted,
    Stage,
    SteppedUp,
    TrustedNetworksChanged,
    TwoFactorDisabled,
    TwoFactorEnabled,
    TwoFactorImported,
    TwoFactorLocked,
    TwoFactorOrdered,
    TwoFactorOverridden,
    TwoFactorPaused,
    TwoFactorUnlocked,
    UserChanged,
    UserCreated,
    UserDeactivated,
    UserErased,
    UserEvent,
    UserExpired,
    UserReactivated,
)
from tests.support.given import KEY, NOON, SESSION, SIGN_IN, STEP, USER, ident, later

FOLDER: Final = Path(__file__).parent.parent / "contract" / "samples"
COMPANY: Final = ident("company")
ADMINISTRATOR: Final = ident("administrator")
# What must not be found in clear anywhere in an entry: `personal` marks it for a search.
LOGIN, EMAIL, FORMER_EMAIL = "personal.udo.user", "personal-udo@acme.example", "personal-old@acme.example"
FORMER = (
    "factorlog.example/log/05f19dbc-e0d1-5e86-a2fa-7bdf912558f0\n41\nqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=\n"
)
REASON: Final = "personal reason: lost his phone"
ADMINISTRATOR_LOGIN: Final = "personal.anna.admin"
IP, USER_AGENT = "192.0.2.77", "personal Mozilla/5.0"
PERSONAL: Final = (LOGIN, EMAIL, FORMER_EMAIL, REASON, ADMINISTRATOR_LOGIN, IP, USER_AGENT)

OTHERS: Final = (ident("other-session"), ident("third-session"))


def user_facts() -> list[UserEvent]:
    """One of every fact of a user's stream, with every field filled in."""
    ended = {"sessions_ended": (SESSION, *OTHERS), "sign_ins_ended": (SIGN_IN,)}
    return [
        UserCreated(
            role="administrator",
            language="pt-BR",
            time_zone="America/Sao_Paulo",
            activation_at=NOON,
            expiration_at=later(days=365),
            created_at=later(days=-1),
            has_password=True,
            must_change_password=True,
            login=LOGIN,
            email=EMAIL,
        ),
        UserChanged(
            changed=("email", "role"),
            role="user",
            language="de",
            time_zone="Europe/Berlin",
            activation_at=NOON,
            expiration_at=later(days=365),
            email=EMAIL,
            previous_email=FORMER_EMAIL,
            sessions_ended=(SESSION, *OTHERS),
            sign_ins_ended=(SIGN_IN,),
        ),
        UserDeactivated(reason=REASON, **ended),
        UserReactivated(reason=REASON),
        UserExpired(expired_at=NOON, **ended),
        TrustedNetworksChanged(count=2, networks="192.0.2.0/24,2001:db8::/64", reason=REASON),
        TwoFactorOverridden(
            override="exempt", until=later(days=30), overridden_at=NOON, sign_ins_ended=(SIGN_IN,), reason=REASON
        ),
        GraceNoted(met_at=NOON, counts_from=later(days=1)),
        BreakGlassCodeIssued(code_id=KEY, issued_at=NOON, expires_at=later(minutes=15), reason=REASON),
        BreakGlassCodeUsed(code_id=KEY, used_at=NOON),
        TwoFactorImported(key_id=KEY, generation=3, time_step=STEP, imported_at=NOON),
        UserErased(erased_at=NOON, **ended),
        PasswordChanged(changed_at=NOON, kept=SESSION, sessions_ended=OTHERS, sign_ins_ended=(SIGN_IN,)),
        PasswordReset(reset_at=NOON, must_change=True, reason=REASON, **ended),
        PasswordRehashed(),
        SessionPasswordRejected(session_id=SESSION, rejected_at=NOON),
        SignInStarted(
            sign_in_id=SIGN_IN,
            stage=Stage.CODE,
            expires_at=later(minutes=5),
            sign_ins_ended=(ident("older"),),
        ),
        SignInAdvanced(
            sign_in_id=ident("next-sign-in"),
            previous_id=SIGN_IN,
            stage=Stage.PASSWORD,
            factors=("password", "otp"),
            time_step=STEP,
            key_id=KEY,
            advanced_at=NOON,
            expires_at=later(minutes=5),
        ),
        SignInRefused(cause="order_expired", refused_at=NOON),
        SignInCancelled(sign_in_id=SIGN_IN),
        SignedIn(
            session_id=SESSION,
            sign_in_id=SIGN_IN,
            factors=("password", "otp"),
            time_step=STEP,
            key_id=KEY,
            signed_in_at=NOON,
            expires_at=later(hours=12),
            sessions_ended=OTHERS,
        ),
        SignedOut(session_id=SESSION),
        SessionsEnded(by=By.ADMINISTRATOR, sessions_ended=OTHERS, reason=REASON),
        SteppedUp(
            session_id=SESSION,
            factor="otp",
            time_step=STEP,
            key_id=KEY,
            stepped_up_at=NOON,
            fresh_until=later(minutes=5),
        ),
        CodeRejected(door=Door.SIGN_IN, factor="recovery_code", result="wrong", holder_id=SIGN_IN, rejected_at=NOON),
        TwoFactorPaused(failures=5, until=later(minutes=1)),
        TwoFactorLocked(failures=10, until=later(minutes=30), sign_ins_ended=(SIGN_IN,)),
        TwoFactorUnlocked(reason=REASON),
        EnrolmentStarted(
            key_id=KEY,
            generation=3,
            holder_id=SESSION,
            started_at=NOON,
            expires_at=later(minutes=10),
            time_step=STEP,
            proven_key_id=ident("former-key"),
        ),
        EnrolmentCancelled(key_id=KEY),
        TwoFactorOrdered(ordered_at=NOON, expires_at=later(hours=72), reason=REASON, **ended),
        PolicyOrderStarted(started_at=NOON, expires_at=later(hours=72)),
        OrderWithdrawn(sign_ins_ended=(SIGN_IN,), reason=REASON),
        TwoFactorEnabled(
            key_id=KEY,
            generation=3,
            time_step=STEP,
            enabled_at=NOON,
            replaced=True,
            kept=SESSION,
            sessions_ended=OTHERS,
            sign_ins_ended=(SIGN_IN,),
        ),
        RecoveryCodesIssued(
            code_ids=tuple(ident(f"recovery-code-{n}") for n in range(10)),
            time_step=STEP,
            key_id=KEY,
            issued_at=NOON,
        ),
        RecoveryCodeUsed(code_id=ident("recovery-code-0"), door=Door.RESET, left=9, used_at=NOON),
        KeyReset(
            by=By.ADMINISTRATOR,
            key_id=KEY,
            time_step=STEP,
            reset_at=NOON,
            order_expires_at=later(hours=72),
            reason=REASON,
            **ended,
        ),
        TwoFactorDisabled(
            by=By.USER, key_id=KEY, time_step=STEP, disabled_at=NOON, kept=SESSION, reason=REASON, **ended
        ),
        AccessDenied(act="two_factor.reset", target_id=USER, denied_at=NOON),
        PersonalDataExported(exported_at=NOON),
        CredentialsVoided(epoch=2, voided_at=NOON, recovery_codes=9, key_id=KEY, time_step=STEP, **ended),
    ]


def other_facts() -> list[CompanyEvent | ClientEvent | ReportEvent | SignInsEvent | EffectEvent]:
    """One of every fact of the company's own streams."""
    return [
        CompanyCreated(name="Acme GmbH", provider=True),
        CompanyRenamed(name="Acme AG"),
        CompanySuspended(suspended_at=NOON),
        CompanyResumed(resumed_at=NOON),
        InstallationRestored(epoch=2, restored_at=NOON, former=FORMER),
        PersonForgotten(user_id=USER, cause_position=7, places=("mails",)),
        RoleCreated(name="helpdesk", rights={"users": "view", "two_factor_others": "full"}),
        RoleChanged(name="helpdesk", rights={"users": "view"}, kept=SESSION),
        RoleDeleted(name="helpdesk"),
        EventsExported(
            format="csv",
            events=3,
            upto=7,
            of_type="KeyReset",
            of_user=USER,
            of_actor=SESSION,
            from_at=NOON,
            to_at=later(days=1),
            by_address=True,
            by_words=True,
            exported_at=NOON,
        ),
        TracesDestroyed(month="2025-02", destroyed_at=NOON),
        ApiClientCreated(
            name="portal",
            scopes=("sign_ins.write", "users.read"),
            networks=("192.0.2.0/24",),
            expires_at=later(days=365),
            created_at=NOON,
        ),
        ApiClientRotated(rotated_at=NOON),
        ApiClientRevoked(revoked_at=NOON),
        EveryoneSignedOut(cause_position=7, users=3, milliseconds_to_effect=1200),
        AdministratorsNotified(cause_position=7, cause="CompanySuspended", reached=2),
        PolicyChanged(
            policy=Policy(
                requirement="required_for_roles",
                roles=("administrator", "auditor"),
                from_at=later(days=7),
                networks=("192.0.2.0/24",),
                grace_days=14,
                order_hours=24,
                password_max_age_days=365,
            ),
            changed_at=NOON,
        ),
        PasswordRejected(user_id=USER, throttled=True, count=17, rejected_at=NOON),
        SessionsRevoked(
            user_id=USER,
            cause_position=41,
            sessions=3,
            sign_ins=1,
            milliseconds_to_effect=120,
            receipts=("portal", "softphone"),
        ),
        NotificationSent(user_id=USER, cause_position=41, cause="KeyReset"),
        ReportRequested(
            kind=ReportKind.FACTOR_CHANGES,
            as_of=NOON,
            from_at=later(days=-31),
            to_at=later(days=-1),
            language="pt-BR",
            requested_at=NOON,
        ),
        ReportReady(report_id=ident("report"), position=4711, rows=12, size=98765, digest="ab" * 32),
        ReportFailed(report_id=ident("report")),
        NotificationFailed(user_id=USER, cause_position=41, cause="KeyReset", problem="not_delivered", detail=EMAIL),
    ]


def facts() -> list[Event]:
    """One of every fact of the catalogue."""
    return [*user_facts(), *other_facts()]


def kind_of(event: Event) -> StreamKind:
    """On which stream such a fact stands."""
    for kind, union in (
        (StreamKind.USER, get_args(UserEvent)),
        (StreamKind.COMPANY, get_args(CompanyEvent)),
        (StreamKind.EFFECT, get_args(EffectEvent)),
        (StreamKind.CLIENT, get_args(ClientEvent)),
        (StreamKind.REPORT, ReportRequested),
    ):
        if isinstance(event, union):
            return kind
    return StreamKind.SIGN_INS


METADATA: Final = Metadata(
    actor=Actor(kind=ActorKind.USER, id=ADMINISTRATOR, company_id=COMPANY),
    request_id='request "4711" äöü',
    causation_id=ident("cause"),
    traces=Traces(ip=IP, user_agent=USER_AGENT),
    actor_label=ADMINISTRATOR_LOGIN,
)


def data_key(name: str) -> bytes:
    """The data key of that name: for samples only."""
    return sha256(f"sample data key {name}".encode()).digest()


KEYS: Final = SealingKeys(
    subject=data_key("subject"), subject_id=USER, actor=data_key("actor"), month=data_key("month")
)


@dataclass
class Nonces:
    """Reproducible "random" bytes, never the same twice."""

    name: str
    drawn: int = 0

    def __call__(self, count: int) -> bytes:
        self.drawn += 1
        return sha256(f"{self.name}|{self.drawn}".encode()).digest()[:count]


def address_of(event: Event, version: int = 7) -> Address:
    """Where the sample stands."""
    stream = {StreamKind.USER: USER, StreamKind.COMPANY: COMPANY}.get(kind_of(event), ident("stream"))
    return Address(company_id=COMPANY, stream_id=stream, stream_kind=kind_of(event), version=version)


def event_id(event: Event) -> UUID:
    """The id of the sample of that type."""
    return ident(f"event {type(event).__name__}")


def entry(event: Event) -> bytes:
    """The stored entry of a sample fact, as today's program writes it."""
    nonces = Nonces(f"{type(event).__name__}|{event.VERSION}")
    body = compose(event, address_of(event), event_id(event), METADATA, KEYS, month_of(NOON), nonces)
    return complete(body, 42, "2026-03-02T12:00:00.000001Z")


def file_of(event: Event) -> Path:
    """Where the stored sample of that type and version stands."""
    return FOLDER / f"{type(event).__name__}.{event.VERSION}.json"


def stored() -> Iterator[tuple[str, int, bytes]]:
    """Type, version and entry of every stored sample, old versions among them."""
    for file in sorted(FOLDER.glob("*.json")):
        name, version, _ = file.name.split(".")
        yield name, int(version), file.read_bytes().removesuffix(b"\n")


def main() -> None:
    """Write the samples that are missing."""
    FOLDER.mkdir(exist_ok=True)
    for event in facts():
        if not file_of(event).exists():
            file_of(event).write_bytes(entry(event) + b"\n")


if __name__ == "__main__":
    main()
