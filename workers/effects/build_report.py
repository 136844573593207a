"""Builds the file of a report that was ordered."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Final

from events.company.reports import ReportFailed, ReportReady, ReportRequested, order_of
from events.store.port import RecordedEvent
from services.application.ports import Clock
from services.application.reports.build import Builder
from services.application.reports.ports import Shelf
from workers.queue import LEASE, Claimed, EffectQueue, Outcome

_TELL_EVERY: Final = timedelta(seconds=0.5)
_RENEW_EVERY: Final = LEASE / 4


class LeaseLost(Exception):
    """Another worker was given the report, or somebody who stands in it was erased meanwhile."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    builder: Builder
    shelf: Shelf
    queue: EffectQueue
    clock: Clock

    async def perform(self, effect: Claimed, cause: RecordedEvent) -> Outcome:
        assert isinstance(cause.data, ReportRequested)  # noqa: S101 - no other fact calls for it
        report_id = cause.stream_id
        tell_at = renew_at = self.clock.now()

        async def progress(position: int, done: int, total: int) -> None:
            nonlocal tell_at, renew_at
            now = self.clock.now()
            if now >= tell_at or done >= total:
                await self.shelf.progress(effect.company_id, report_id, position, done, total)
                tell_at = now + _TELL_EVERY
            if now >= renew_at:
                if not await self.queue.renew(effect):
                    raise LeaseLost
                renew_at = now + _RENEW_EVERY

        built = await self.builder.build(effect.company_id, order_of(cause.data), effect.position, progress)
        await self.shelf.store(effect.company_id, report_id, built.content, built.people)
        return Outcome(
            ReportReady(
                report_id=report_id,
                position=built.position,
                rows=built.rows,
                size=len(built.content),
                digest=sha256(built.content).hexdigest(),
            )
        )

    def given_up(self, effect: Claimed, cause: RecordedEvent) -> Outcome | None:
        return Outcome(ReportFailed(report_id=cause.stream_id), failed=True)
