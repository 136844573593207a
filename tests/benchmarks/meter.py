"""What happens in this process, metered."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count

from tests.benchmarks import machine
from tests.benchmarks.figures import Sample
from tests.benchmarks.place import Place


class Meter:
    """Wall clock and CPU between enter and exit."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._before = self._read()
        self._after = self._before

    def stop(self) -> None:
        self._after = self._read()

    def sample(self, operations: int) -> Sample:
        seconds, cpu, postgres, busy = (b - a for a, b in zip(self._before, self._after, strict=True))
        return Sample(
            operations=operations,
            seconds=seconds,
            cpu=cpu,
            postgres_cpu=postgres,
            others=machine.share_of_others(seconds, busy, cpu + postgres),
        )

    def _read(self) -> tuple[float, float, float, float]:
        postgres = machine.tree_cpu_seconds(self._place.postgres_pid)
        return time.perf_counter(), machine.own_cpu_seconds(), postgres, machine.busy_seconds()


@contextmanager
def metered(place: Place) -> Iterator[Meter]:
    """Stop is at the end of the block."""
    # What the harness itself keeps must not be walked again and again.
    gc.collect()
    gc.freeze()
    meter = Meter(place)
    yield meter
    meter.stop()


async def repeated(place: Place, act: Callable[[int, int], Awaitable[None]], callers: int, seconds: float) -> Sample:
    """As many callers, each at once again, until the time is over; `act` is told who and which turn."""
    done = 0
    with metered(place) as meter:
        until = time.perf_counter() + seconds

        async def caller(number: int) -> None:
            nonlocal done
            for turn in count():
                await act(number, turn)
                done += 1
                if time.perf_counter() >= until:
                    return

        await asyncio.gather(*(caller(number) for number in range(callers)))
    return meter.sample(done)
