"""Keeps the processes of `factorlog up` alive and stops them in order."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from services.embedded.errors import EmbeddedError

log = structlog.get_logger()

# Seconds from a child's end to its next start; the last one stays.
PAUSES = (0.1, 0.5, 1.0, 2.0, 3.0)
# A child that lived this long (seconds) did not fail at its start: its next end counts as the first.
STEADY = 10.0


class Child(Protocol):
    """Something that runs: EmbeddedPostgres, EmbeddedValkey, Program."""

    @property
    def name(self) -> str: ...

    async def start(self) -> object:
        """Return when it runs; at once when it does already. Raises EmbeddedError."""

    async def wait(self) -> int | None:
        """Return when it has ended, with its exit code where that is known."""

    async def stop(self) -> None:
        """Return when it has ended. Never fails because it has already."""


class Supervisor:
    """One run of a set of children."""

    def __init__(self, pauses: Sequence[float] = PAUSES, steady: float = STEADY) -> None:
        self._pauses = pauses
        self._steady = steady

    async def run(self, stages: Sequence[Sequence[Child]], stop: asyncio.Event) -> None:
        """Start stage after stage, bring back who ends; at `stop` end them, the last stage first.

        The children of a stage end together. A child that cannot be started the first time ends the run
        with its EmbeddedError; whatever ends the run, all children are stopped when this returns.
        """
        try:
            for stage in stages:
                for child in stage:
                    await child.start()
            await self._keep_all([child for stage in stages for child in stage], stop)
        finally:
            for stage in reversed(stages):
                await _stop_all(stage)

    async def _keep_all(self, children: Sequence[Child], stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            keepers = [group.create_task(self._keep(child)) for child in children]
            await stop.wait()
            for keeper in keepers:
                keeper.cancel()

    async def _keep(self, child: Child) -> None:
        clock = asyncio.get_running_loop().time
        failures = 0
        while True:
            began = clock()
            code = await child.wait()
            failures = 0 if clock() - began >= self._steady else failures
            log.warning("child_ended", child=child.name, exit_code=code)
            failures = await self._bring_back(child, failures)

    async def _bring_back(self, child: Child, failures: int) -> int:
        """Return the failures since it last was steady, this one included."""
        while True:
            await asyncio.sleep(self._pauses[min(failures, len(self._pauses) - 1)])
            failures += 1
            try:
                await child.start()
            except (EmbeddedError, OSError) as error:
                log.error("child_not_started", child=child.name, error=str(error))
            else:
                log.info("child_started_again", child=child.name)
                return failures


async def _stop_all(stage: Sequence[Child]) -> None:
    """One that will not end must not keep the others."""
    ends = await asyncio.gather(*(child.stop() for child in stage), return_exceptions=True)
    for child, end in zip(stage, ends, strict=True):
        if isinstance(end, BaseException):
            log.error("child_not_stopped", child=child.name, error=str(end))
