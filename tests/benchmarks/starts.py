"""Memory of the API process under load, and how long `factorlog up --demo` takes."""

import asyncio
import time
from collections.abc import AsyncIterator

from tests.benchmarks import machine
from tests.benchmarks.figures import Figure, Target
from tests.benchmarks.place import Place
from tests.support.processes import free_port, spawn


async def memory(place: Place) -> AsyncIterator[Figure]:
    """Peak of the API process that took all the load of this run."""
    api = await place.server("api")
    _, peak = machine.memory_mebibytes(api.pid)
    yield Figure(
        group="Memory", name="one API process, peak", value=peak, unit="MiB", target=Target(value=150.0, most=True)
    )


async def starts(place: Place) -> AsyncIterator[Figure]:
    """From nothing, and once more on what the first start left; without installing anything."""
    folder, port = place.folder / "up", free_port()
    folder.mkdir()
    for name, most in (("first", 120.0), ("second", 5.0)):
        began = time.perf_counter()
        child = spawn(folder, "up", "--demo", "--data-dir", folder / "d", "--port", str(port))
        try:
            await child.ready()
            took = time.perf_counter() - began
        finally:
            await asyncio.to_thread(child.stop)
        yield Figure(
            group="Start",
            name=f"factorlog up --demo, {name} time",
            value=took,
            unit="s",
            target=Target(value=most, most=True),
        )
