"""`factorlog serve`: one process of API and portal."""

import asyncio
import errno
import gc
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from services.api.app import create_app
from services.api.server import Runner
from services.api.system import operations_app
from services.bootstrap import AddressTaken, Runtime, runtime
from services.portal.mount import mount
from services.portal.site import make_site
from services.settings import Settings

log = structlog.get_logger()

_GRACE = 10.0  # seconds for requests in flight


async def serve(settings: Settings, *, announce: bool = True) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is in flight."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with runtime(settings) as parts, operations(parts, settings.operations_port):
        runner = await start(parts)
        _spare_the_collector()
        log.info("serving", listen=settings.listen)
        if announce:
            sys.stdout.write(f"ready {settings.base_url}\n")
            sys.stdout.flush()
        await first_of(stop, parts.watch.over)
        log.info("stopping")
        await runner.cleanup()


async def first_of(*events: asyncio.Event) -> None:
    """Until one of them is set."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


def _spare_the_collector() -> None:
    """What exists now stays, so it need not be looked at; and requests leave few cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def start(parts: Runtime) -> web.AppRunner:
    """A runner that listens."""
    settings = parts.settings
    app = create_app(
        parts.application,
        parts.readiness,
        hosts=served_hosts(settings),
        trusted_proxies=settings.trusted_proxies,
        behind_tls=settings.base_url.startswith("https://"),
    )
    site = make_site(
        parts.vault.pepper, behind_tls=settings.base_url.startswith("https://"), public_url=settings.public_url
    )
    if not site.cookies.secure:
        log.warning("cookies_without_secure", reason="served without TLS, on loopback only")
    mount(app, site)
    runner = Runner(app, access_log=None, shutdown_timeout=_GRACE, keepalive_timeout=75)
    return await _listening(runner, settings.host, settings.port)


@asynccontextmanager
async def operations(parts: Runtime, port: int) -> AsyncIterator[None]:
    """What operators read, on loopback only and while this lasts; port 0: nowhere. Raises AddressTaken."""
    if not port:
        yield
        return
    app = operations_app(parts.application, parts.readiness, parts.metrics)
    runner = await _listening(web.AppRunner(app, access_log=None), "127.0.0.1", port)
    try:
        yield
    finally:
        await runner.cleanup()


async def _listening(runner: web.AppRunner, host: str, port: int) -> web.AppRunner:
    """The runner, once it listens. Raises AddressTaken."""
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
    except OSError as error:
        await runner.cleanup()
        if error.errno != errno.EADDRINUSE:
            raise
        raise AddressTaken(f"{host}:{port} is in use") from error
    return runner


def served_hosts(settings: Settings) -> frozenset[str]:
    """Names under which requests may come: links and limits never depend on what a client writes there."""
    names = {"127.0.0.1", "localhost", "[::1]"} if settings.is_loopback else {settings.host}
    if settings.public_url:
        names.add(settings.public_url.removeprefix("https://").removeprefix("http://").split("/")[0].split(":")[0])
    return frozenset(name.lower() for name in names)
