"""`python -m workers [--data-dir DIR]`: one worker process; `factorlog work` executes this."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvloop

from services.bootstrap import runtime
from services.cli import logs
from services.cli.exits import explained
from services.cli.places import settings_for
from services.cli.serve import operations
from services.settings import Settings
from workers.main import work

log = structlog.get_logger()


def main(
    data_dir: Annotated[Path | None, typer.Option(help="Data directory of the embedded servers.")] = None,
) -> None:
    """Effects, mails, audit trail, until SIGTERM or SIGINT."""
    with explained():
        settings = settings_for(data_dir)
        logs.configure(settings.log_level)
        uvloop.run(_work(settings))


async def _work(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with runtime(settings) as parts, operations(parts, settings.worker_operations_port):
        log.info("working")
        ending = asyncio.create_task(_end_with(parts.watch.over, stop))
        await work(parts, stop)
        ending.cancel()
        log.info("stopped")


async def _end_with(over: asyncio.Event, stop: asyncio.Event) -> None:
    await over.wait()
    stop.set()


if __name__ == "__main__":
    typer.run(main)
