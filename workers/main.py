"""The worker: looks each second or when rung, sweeps each minute, and ends what is in hand before it goes."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import structlog

from events.effects import EffectKind
from events.store.port import Unavailable
from services.adapters.mail import EmlMailer, MailFolder, SmtpMailer
from services.application.mail import Mailer
from services.bootstrap import Runtime, StartRefused
from services.settings import Settings
from workers.bell import listen
from workers.effects.build_report import BuildReport
from workers.effects.drain import Drain, Lane
from workers.effects.forget_person import ForgetPerson
from workers.effects.notify import NotifyAdministrators, NotifyUser
from workers.effects.occasions import Occasions
from workers.effects.revoke_sessions import RevokeSessions
from workers.effects.sign_everyone_out import SignEveryoneOut
from workers.expiry import Expiry
from workers.old_traces import OldTraces
from workers.projector import Projector
from workers.queue import BATCH, EffectQueue
from workers.sealer import Sealer
from workers.sweeper import Sweeper

log = structlog.get_logger()

LOOK_SECONDS: Final = 1.0
SEAL_SECONDS: Final = 0.5  # so that a checkpoint covers every fact within two
SWEEP_SECONDS: Final = 60.0
EXPIRE_SECONDS: Final = 5.0
STOP_SECONDS: Final = 10.0
_LONGEST_WAIT_SECONDS: Final = 10.0
_EVERYBODY: Final = 2
_REPORTS: Final = 2
_REPORT_SECONDS: Final = 900.0
_MAILS: Final = 32  # claimed at once, so that a slow mail server takes no lease to its end


async def work(r: Runtime, stop: asyncio.Event) -> None:
    """Until `stop` is set; then what is in hand is finished, for ten seconds at most."""
    drain, reports = drain_of(r), report_drain_of(r)
    projector, sweeper = Projector(r.pool, r.wrapper), Sweeper(r.pool, r.clock)
    sealer = Sealer(r.pool, r.signer, r.clock, r.entropy, r.settings.installation_name)
    expiry, old = Expiry(r.pool, r.store, r.application.executor, r.clock), OldTraces(r.pool, r.retention)
    drains, builds, projects, seals, sweeps = (asyncio.Event() for _ in range(5))

    def rung() -> None:
        drains.set()
        projects.set()
        builds.set()
        seals.set()

    async def drain_then_project() -> None:
        if await drain.drain():
            # Outcomes are facts.
            projects.set()
            seals.set()

    loops = [
        _repeat("drain", drain_then_project, drains, LOOK_SECONDS, stop),
        _repeat("report", reports.drain, builds, LOOK_SECONDS, stop),
        _repeat("project", projector.project, projects, LOOK_SECONDS, stop),
        _repeat("seal", sealer.seal, seals, SEAL_SECONDS, stop),
        _repeat("sweep", sweeper.sweep, sweeps, SWEEP_SECONDS, stop),
        _repeat("expire", expiry.expire, sweeps, EXPIRE_SECONDS, stop),
        _repeat("destroy", old.destroy, sweeps, SWEEP_SECONDS, stop),
    ]
    tasks = [asyncio.create_task(loop) for loop in loops]
    listening = _listening(r.settings, rung)
    await stop.wait()
    drain.stop()
    reports.stop()
    projector.stop()
    sealer.stop()
    rung()
    sweeps.set()
    await _end(tasks, listening)


def drain_of(r: Runtime) -> Drain:
    """Every kind of effect with its handler, but for reports."""
    mailer, url = mailer_of(r.settings), r.settings.public_url
    # Whatever keeps files about people is asked to forget whoever is erased: stored reports belong here too.
    keepers = [("mails", MailFolder(mail_folder(r.settings)))]
    occasions = Occasions(r.store, r.wrapper)
    user = NotifyUser(r.store, occasions, mailer, r.clock, url)
    administrators = NotifyAdministrators(r.pool, r.store, occasions, mailer, r.clock, url)
    return Drain(
        EffectQueue(r.pool, r.store, r.clock),
        {
            EffectKind.REVOKE_SESSIONS: Lane(RevokeSessions(r.clock), BATCH),
            EffectKind.NOTIFY_USER: Lane(user, _MAILS),
            EffectKind.NOTIFY_ADMINISTRATORS: Lane(administrators, _MAILS),
            EffectKind.SIGN_EVERYONE_OUT: Lane(
                SignEveryoneOut(r.pool, r.store, r.application.executor, r.clock), _EVERYBODY
            ),
            EffectKind.FORGET_PERSON: Lane(ForgetPerson(r.journal, keepers, r.clock), BATCH),
        },
    )


def report_drain_of(r: Runtime) -> Drain:
    """Apart from the others: a report takes long, and a revocation must not wait for it."""
    queue = EffectQueue(r.pool, r.store, r.clock)
    handler = BuildReport(r.builder, r.shelf, queue, r.clock)
    return Drain(queue, {EffectKind.BUILD_REPORT: Lane(handler, _REPORTS, _REPORT_SECONDS)})


def mailer_of(settings: Settings) -> Mailer:
    """SMTP when it is set, else files in the data directory. Raises StartRefused."""
    try:
        if settings.smtp_url is not None:
            return SmtpMailer(settings.smtp_url.get_secret_value(), settings.mail_from)
        return EmlMailer(mail_folder(settings), settings.mail_from)
    except ValueError as error:
        raise StartRefused(str(error)) from error


def mail_folder(settings: Settings) -> Path:
    return settings.data_dir / "mail"


async def _repeat(
    name: str, once: Callable[[], Awaitable[object]], rung: asyncio.Event, seconds: float, stop: asyncio.Event
) -> None:
    """`once` again and again: after `seconds`, at a ring, or later when it failed."""
    wait = seconds
    while not stop.is_set():
        rung.clear()
        try:
            await once()
            wait = seconds
        except Unavailable:
            log.warning("worker_waits_for_database", loop=name)
            wait = min(2 * wait, max(seconds, _LONGEST_WAIT_SECONDS))
        except Exception:
            log.exception("worker_broken", loop=name)
            wait = min(2 * wait, max(seconds, _LONGEST_WAIT_SECONDS))
        try:
            async with asyncio.timeout(wait):
                await rung.wait()
        except TimeoutError:
            continue


def _listening(settings: Settings, rung: Callable[[], None]) -> "asyncio.Task[None] | None":
    if settings.redis_url is None:
        return None
    bell: Coroutine[Any, Any, None] = listen(settings.redis_url.get_secret_value(), rung)
    return asyncio.create_task(bell)


async def _end(tasks: "list[asyncio.Task[None]]", listening: "asyncio.Task[None] | None") -> None:
    if listening is not None:
        listening.cancel()
        tasks = [*tasks, listening]
    _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
    for task in late:
        task.cancel()
    if late:
        log.warning("worker_stopped_in_the_middle", loops=len(late))
        await asyncio.wait(late, timeout=1)
