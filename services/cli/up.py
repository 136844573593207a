"""`factorlog up`: everything on one machine, from nothing, with one command."""

import asyncio
import json
import signal
import socket
import sys
from pathlib import Path

import aiohttp
import structlog

from services.adapters.migrations import migrate
from services.bootstrap import AddressTaken, demand_newest
from services.cli.demo import FILE, create_demo, refresh_demo, write_private
from services.cli.first_operator import LOGIN, create_first_operator
from services.embedded.postgres import EmbeddedPostgres, PostgresUrls
from services.embedded.processes import Child, Supervisor
from services.embedded.program import Program
from services.embedded.valkey import EmbeddedValkey
from services.settings import Settings, from_environ

log = structlog.get_logger()

MIGRATIONS = Path(__file__).parents[2] / "migrations"
FIRST_OPERATOR = "operator.json"
_READY_WITHIN = 60.0  # seconds


async def up(data_dir: Path, port: int, *, demo: bool) -> None:
    """Serve until SIGTERM or SIGINT; Postgres, Valkey, API and worker as children."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _demand_free(port)
    postgres, valkey = EmbeddedPostgres(data_dir), EmbeddedValkey(data_dir)
    try:
        urls, redis_url = await asyncio.gather(postgres.start(), valkey.start())
        settings = from_environ(
            data_dir=data_dir, database_url=urls.app, redis_url=redis_url, listen=f"127.0.0.1:{port}"
        )
        await _prepare(settings, urls, redis_url, demo=demo)
    except BaseException:
        await valkey.stop()
        await postgres.stop()
        raise
    stages: list[list[Child]] = [[postgres], [valkey], _programs(data_dir, port)]
    async with asyncio.TaskGroup() as group:
        group.create_task(_announce(settings, stop))
        await Supervisor().run(stages, stop)


async def _prepare(settings: Settings, urls: PostgresUrls, redis_url: str, *, demo: bool) -> None:
    for name in await migrate(urls.owner, MIGRATIONS):
        log.info("migrated", migration=name)
    await demand_newest(settings)
    if demo:
        await create_demo(settings, urls, redis_url)
    else:
        await _demand_operator(settings)
    refresh_demo(settings.data_dir / FILE, settings.base_url, urls, redis_url)


async def _demand_operator(settings: Settings) -> None:
    """Once, with the password in a file that its reader may delete."""
    path = settings.data_dir / FIRST_OPERATOR
    if path.exists() or (settings.data_dir / FILE).exists():
        return
    password = await create_first_operator(settings)
    if password is not None:
        write_private(path, json.dumps({"login": LOGIN, "password": password}, indent=1) + "\n")
        log.info("first_operator_created", file=FIRST_OPERATOR)


def _programs(data_dir: Path, port: int) -> list[Child]:
    folder = ["--data-dir", str(data_dir)]
    return [
        Program(
            "serve",
            [sys.executable, "-m", "services", "serve", *folder, "--port", str(port), "--quiet"],
            grace=15.0,
        ),
        Program("work", [sys.executable, "-m", "workers", *folder], grace=15.0),
    ]


async def _announce(settings: Settings, stop: asyncio.Event) -> None:
    """`ready` on standard output once the API answers."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _READY_WITHIN
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as client:
        while not stop.is_set():
            try:
                async with client.get(f"http://{settings.listen}/readyz") as answer:
                    if answer.status == 200 or loop.time() > until:
                        break
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(0.05)
    if not stop.is_set():
        sys.stdout.write(f"ready http://{settings.listen}\n")
        sys.stdout.flush()


def _demand_free(port: int) -> None:
    """A taken port is told now and not by a child that dies again and again."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise AddressTaken(f"port {port} is in use") from error
