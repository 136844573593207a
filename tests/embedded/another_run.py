"""A run that the tests kill: servers of a data directory, or a supervised program."""

import asyncio
import sys
from pathlib import Path

from services.embedded.postgres import EmbeddedPostgres
from services.embedded.processes import Supervisor
from services.embedded.program import Program
from services.embedded.valkey import EmbeddedValkey


async def run_servers(data_dir: Path, kinds: list[str]) -> None:
    servers: dict[str, EmbeddedPostgres | EmbeddedValkey] = {
        "postgres": EmbeddedPostgres(data_dir),
        "valkey": EmbeddedValkey(data_dir),
    }
    for kind in kinds:
        await servers[kind].start()
    print("ready", flush=True)
    await asyncio.Event().wait()


async def run_program(command: list[str]) -> None:
    # The program prints the first line itself.
    await Supervisor().run([[Program("program", command)]], asyncio.Event())


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    asyncio.run(run_program(rest) if what == "program" else run_servers(Path(what), rest))
