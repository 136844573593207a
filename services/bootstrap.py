"""The composition root: settings -> Runtime. The one module that knows every concrete class."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, assert_never

import asyncpg

from events.sql import statement
from events.store.port import EventStore
from events.store.postgres import PostgresEventStore, available
from events.user.limits import Limits
from services.adapters import key_wrapper
from services.adapters.companies import PostgresCompanies
from services.adapters.doorbell import ArqDoorbell, SilentDoorbell
from services.adapters.epoch_watch import EpochWatch
from services.adapters.installation import RESTORING, SERVING, PostgresInstallation
from services.adapters.journal_file import JournalFile
from services.adapters.kept_answers import PostgresKeptAnswers
from services.adapters.key_file import create_key_file
from services.adapters.key_wrapper import LocalKeyWrapper
from services.adapters.last_signed import FileLastSigned
from services.adapters.metered_keys import MeteredKeyWrapper
from services.adapters.metrics import PrometheusMeters, PrometheusText
from services.adapters.own_entries import PostgresOwnEntries
from services.adapters.passwords import Argon2Passwords
from services.adapters.read_models import PostgresAuditTrail
from services.adapters.readiness import ClockCheck, ProcessReadiness
from services.adapters.reports import PostgresReportLog, PostgresShelf
from services.adapters.system import SystemClock, SystemEntropy, available_cores
from services.adapters.throttle import PostgresThrottle
from services.adapters.trees import PostgresTrees
from services.adapters.users import PostgresUsers
from services.application.acting import CompanyActs
from services.application.administration import Administration
from services.application.application import Application
from services.application.audit import Audit
from services.application.authentication import Authentication
from services.application.clients import ApiClients
from services.application.codes import Codes
from services.application.companies import CompanyAdministration
from services.application.console import Console
from services.application.enrolment import Enrolment
from services.application.execute import Executor
from services.application.exporting import AuditExport
from services.application.first_step import FirstStep
from services.application.idempotency import Idempotency
from services.application.introspection import Introspection
from services.application.journal import Journal
from services.application.moving import MovingIn
from services.application.new_origins import NewOrigins
from services.application.others_factors import OthersFactors
from services.application.own_data import OwnDataExport
from services.application.own_security import OwnSecurity
from services.application.ports import Clock, Doorbell, KeyWrapper
from services.application.reports.build import Builder
from services.application.reports.cover import CheckpointCover
from services.application.reports.orders import Reports
from services.application.reports.ports import Shelf
from services.application.restore import Restore
from services.application.retention import Retention
from services.application.rules import Rules
from services.application.sessions import Tokens
from services.application.sign_in import SignIn
from services.application.signing import Signer
from services.application.streams import Streams
from services.application.transparency import Transparency
from services.application.user_acts import UserActs
from services.application.vault import Vault
from services.settings import Settings

_IS_OWNER = statement(key_wrapper.__file__, "role_is_owner")

# For single-row work by primary key. Behind a pooler they are settings of the role: docs/operations.md.
PLANNING: Final = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}


class StartRefused(Exception):
    """The program must not run like this; the text says what to do."""


class AddressTaken(Exception):
    """Somebody listens there already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """One process's parts."""

    settings: Settings
    clock: Clock
    entropy: SystemEntropy
    pool: "asyncpg.Pool[asyncpg.Record]"
    store: EventStore
    wrapper: MeteredKeyWrapper
    vault: Vault
    signer: Signer
    application: Application
    console: Console
    moving_in: MovingIn
    builder: Builder
    shelf: Shelf
    restore: Restore
    journal: Journal
    watch: EpochWatch
    retention: Retention
    readiness: ProcessReadiness
    metrics: PrometheusText


def rules_of(settings: Settings) -> Rules:
    limits = Limits(
        window=settings.otp_window,
        session=timedelta(hours=settings.session_hours),
        session_idle=timedelta(minutes=settings.session_idle_minutes),
    )
    return Rules(
        limits=limits,
        refusal_after=timedelta(milliseconds=settings.refusal_milliseconds),
        issuer=settings.issuer,
    )


def passwords_of(settings: Settings, meters: PrometheusMeters | None = None) -> Argon2Passwords:
    return Argon2Passwords(
        memory_kib=settings.argon2_memory_kib,
        passes=settings.argon2_passes,
        lanes=settings.argon2_lanes,
        cores=available_cores(),
        meters=meters,
    )


@asynccontextmanager
async def runtime(
    settings: Settings,
    clock: Clock | None = None,
    passwords: Argon2Passwords | None = None,
    *,
    restoring: bool = False,
) -> AsyncIterator[Runtime]:
    """Everything open, as the restricted role; closed at the end. Raises StartRefused, KeyRefused, DatabaseBehind.

    Tests and demo data hand in another clock, for new companies only; tests also cheaper passwords. `restoring`: on
    whatever database this is, and beside nothing else.
    """
    entropy = SystemEntropy()
    meters = PrometheusMeters()
    wrapper = MeteredKeyWrapper(open_wrapper(settings, entropy), meters)
    pool = await open_pool(settings, RESTORING if restoring else SERVING)
    passwords = passwords or passwords_of(settings, meters)
    doorbell = ArqDoorbell(settings.redis_url.get_secret_value()) if settings.redis_url else SilentDoorbell()
    try:
        await _refuse_owner(pool)
        journal = JournalFile(settings.journal_path)
        watch = _watch_of(settings, pool, journal)
        if not restoring:
            await watch.look()
        check = ClockCheck(pool, SystemClock())
        async with _going_on(check.keep_looking(), watch.keep_looking() if not restoring else None):
            yield _compose(
                settings,
                clock or SystemClock(),
                entropy,
                pool,
                wrapper,
                passwords,
                doorbell,
                check,
                meters,
                journal,
                watch,
            )
    finally:
        await doorbell.close()
        passwords.close()
        wrapper.close()
        await _close(pool)


@asynccontextmanager
async def _going_on(*loops: Coroutine[Any, Any, None] | None) -> AsyncIterator[None]:
    """These go on for as long as this lasts."""
    tasks = [asyncio.create_task(loop) for loop in loops if loop is not None]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def _compose(
    settings: Settings,
    clock: Clock,
    entropy: SystemEntropy,
    pool: "asyncpg.Pool[asyncpg.Record]",
    wrapper: MeteredKeyWrapper,
    passwords: Argon2Passwords,
    doorbell: Doorbell,
    check: ClockCheck,
    meters: PrometheusMeters,
    journal: JournalFile,
    watch: EpochWatch,
) -> Runtime:
    rules = rules_of(settings)
    store = PostgresEventStore(pool, entropy.uuid, entropy.bytes, meters)
    vault = Vault(store, wrapper, entropy)
    signer = Signer(store, wrapper, entropy, FileLastSigned(settings.signed_path))
    executor = Executor(store, vault, doorbell, entropy)
    streams = Streams(store, vault, doorbell)
    authentication = Authentication(store, clock, rules)
    acts = CompanyActs(streams, authentication, clock)
    user_acts = UserActs(store, executor, authentication, clock)
    users, trail = PostgresUsers(pool), PostgresAuditTrail(pool)
    codes = Codes(store, vault, clock, entropy, rules, lambda: check.is_trusted)
    enrolment = Enrolment(executor, codes, clock, entropy, rules)
    tokens = Tokens(entropy)
    shelf = PostgresShelf(pool, vault, entropy.bytes)
    first_step = FirstStep(store, vault, passwords, PostgresThrottle(pool), clock, rules, meters)
    own = OwnSecurity(store, executor, authentication, enrolment, codes, passwords, tokens, clock, entropy, rules)
    application = Application(
        store=store,
        executor=executor,
        clock=clock,
        entropy=entropy,
        rules=rules,
        authentication=authentication,
        sign_in=SignIn(
            store,
            executor,
            authentication,
            first_step,
            enrolment,
            codes,
            passwords,
            tokens,
            clock,
            entropy,
            rules,
            meters,
        ),
        own=own,
        own_data=OwnDataExport(store, own, PostgresOwnEntries(pool), vault, clock),
        users=user_acts,
        administration=Administration(
            store, executor, user_acts, users, passwords, vault, clock, entropy, rules, journal
        ),
        others_factors=OthersFactors(user_acts, codes, clock, rules),
        companies=CompanyAdministration(store, streams, acts, PostgresCompanies(pool), users, clock),
        clients=ApiClients(store, streams, acts, tokens, clock, entropy),
        introspection=Introspection(authentication),
        audit=Audit(trail),
        exports=AuditExport(trail, streams, authentication, clock),
        reports=Reports(streams, authentication, shelf, clock, entropy),
        transparency=Transparency(PostgresTrees(pool), signer, clock),
        idempotency=Idempotency(PostgresKeptAnswers(pool, wrapper, entropy.bytes), meters),
        meters=meters,
    )
    installation = PostgresInstallation(pool)
    retention = Retention(store, streams, journal, clock, settings.trace_months)
    origins = NewOrigins(installation, signer, entropy, settings.installation_name)
    return Runtime(
        settings=settings,
        clock=clock,
        entropy=entropy,
        pool=pool,
        store=store,
        wrapper=wrapper,
        vault=vault,
        signer=signer,
        application=application,
        console=Console(store, executor, streams, tokens, passwords, vault, clock, entropy),
        restore=Restore(store, executor, streams, installation, journal, clock, entropy, rules, origins, retention),
        journal=journal,
        watch=watch,
        moving_in=MovingIn(store, executor, streams, codes, passwords, vault, clock, entropy),
        builder=Builder(store, PostgresReportLog(pool), CheckpointCover(PostgresTrees(pool), signer, clock), wrapper),
        shelf=shelf,
        retention=retention,
        readiness=ProcessReadiness(pool, vault, check, clock),
        metrics=PrometheusText(meters, pool, passwords, check, clock),
    )


def open_wrapper(settings: Settings, entropy: SystemEntropy) -> KeyWrapper:
    """The one that is set; the extras are imported for that only. Raises KeyRefused, StartRefused."""
    match settings.key_wrapper:
        case "file":
            if settings.key_file is None:
                create_key_file(settings.key_path, entropy.bytes)
            return LocalKeyWrapper(settings.key_path, entropy.bytes)
        case "vault":
            return _vault(settings)
        case "aws":
            return _kms(settings)
        case _:
            assert_never(settings.key_wrapper)


def _vault(settings: Settings) -> KeyWrapper:
    with _extra("vault"):
        from services.adapters.vault_transit import TransitKey, VaultTransit
    if settings.vault_address is None or settings.vault_token_file is None:
        raise StartRefused("VAULT_ADDRESS and VAULT_TOKEN_FILE are needed")
    return VaultTransit(
        TransitKey(
            address=settings.vault_address,
            token_file=settings.vault_token_file,
            name=settings.vault_key,
            mount=settings.vault_mount,
            namespace=settings.vault_namespace,
            ca_file=settings.vault_ca_file,
        )
    )


def _kms(settings: Settings) -> KeyWrapper:
    with _extra("aws"):
        from services.adapters.aws_kms import AwsKms, KmsKeys
    if settings.aws_kms_key is None:
        raise StartRefused("AWS_KMS_KEY is needed")
    secret = settings.aws_secret_access_key
    return AwsKms(
        KmsKeys(
            current=settings.aws_kms_key,
            older=settings.aws_kms_old_keys,
            endpoint=settings.aws_kms_endpoint,
            access_key_id=settings.aws_access_key_id,
            secret_access_key=secret.get_secret_value() if secret else None,
        )
    )


@contextmanager
def _extra(name: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise StartRefused(f"KEY_WRAPPER is {name}, which needs: pip install 'factorlog[{name}]'") from error


async def open_pool(settings: Settings, name: str = SERVING) -> "asyncpg.Pool[asyncpg.Record]":
    """Connections of the restricted role; `name` tells them from others'."""

    async def keep(connection: Any) -> None:
        # No session state is used, so nothing has to be reset; the reset costs as much as a look-up.
        return

    async with available(), _let_in():
        pool = await asyncpg.create_pool(
            settings.database_url.get_secret_value(),
            min_size=min(2, settings.database_connections),
            max_size=settings.database_connections,
            reset=keep,
            timeout=5,
            command_timeout=10,
            # A pooler refuses settings at the start, and its next transaction may run where nothing was prepared.
            server_settings={"application_name": name, **({} if settings.database_pooler else PLANNING)},
            statement_cache_size=0 if settings.database_pooler else 100,
        )
    return pool


@asynccontextmanager
async def _let_in() -> AsyncIterator[None]:
    try:
        yield
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
        raise StartRefused("the database of DATABASE_URL does not exist, or does not let this role in") from error


async def demand_newest(settings: Settings) -> None:
    """Raises DatabaseBehind when an older backup was put back, JournalUnavailable, StartRefused."""
    pool = await open_pool(settings)
    try:
        await _watch_of(settings, pool, JournalFile(settings.journal_path)).look()
    finally:
        await _close(pool)


def _watch_of(settings: Settings, pool: "asyncpg.Pool[asyncpg.Record]", journal: JournalFile) -> EpochWatch:
    signed = FileLastSigned(settings.signed_path)
    return EpochWatch(PostgresInstallation(pool), journal, signed, SystemClock(), settings.installation_name)


async def _refuse_owner(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    try:
        async with available():
            is_owner = await pool.fetchval(_IS_OWNER)
    except asyncpg.UndefinedTableError as error:
        raise StartRefused("the database has no schema yet: run `factorlog migrate`") from error
    if is_owner:
        raise StartRefused(
            "DATABASE_URL is a role that may change the event log; serve and work run as the restricted role only"
        )


async def _close(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    try:
        await asyncio.wait_for(pool.close(), 5)
    except TimeoutError:
        pool.terminate()
