"""Claims what is due, does a claimed batch concurrently, records what became of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from events.codec import decode
from events.effects import EffectKind
from events.store.port import RecordedEvent, Unavailable
from services.application.mail import MailRefused
from workers.effects.handler import Handler, NotYet
from workers.queue import Claimed, EffectQueue, Outcome

log = structlog.get_logger()

MAX_ATTEMPTS: Final = 8
PERFORM_SECONDS: Final = 15.0  # shorter than the lease: nobody begins before this one has stopped


@dataclass(frozen=True, slots=True)
class Lane:
    """Effects of one kind: they wait for none of another, and a slow kind claims few at once.

    More `seconds` than a lease lasts: the handler renews it.
    """

    handler: Handler
    batch: int
    seconds: float = PERFORM_SECONDS


class Drain:
    def __init__(self, queue: EffectQueue, lanes: Mapping[EffectKind, Lane]) -> None:
        self._queue = queue
        self._lanes = lanes
        self._stopping = False

    def stop(self) -> None:
        """Claim nothing more; what is in hand is finished."""
        self._stopping = True

    async def drain(self) -> int:
        """Everything that is due now, all kinds side by side; the number of effects that were claimed."""
        return sum(await asyncio.gather(*(self._lane(kind, lane) for kind, lane in self._lanes.items())))

    async def _lane(self, kind: EffectKind, lane: Lane) -> int:
        total = 0
        while not self._stopping:
            claimed = await self._queue.claim(kind, lane.batch)
            await asyncio.gather(*(self._one(effect, lane) for effect in claimed))
            total += len(claimed)
            if len(claimed) < lane.batch:
                break
        return total

    async def _one(self, effect: Claimed, lane: Lane) -> None:
        try:
            cause = decode(effect.type, effect.entry)
            outcome = await self._outcome(effect, cause, lane)
            if outcome is not None:
                await self._queue.settle(effect, cause, outcome)
        except Unavailable:
            # Nothing is known about it: it comes back when its lease ends.
            log.warning("effect_left", **_names(effect))
        except Exception as error:
            log.exception("effect_broken", **_names(effect))
            await self._release(effect, type(error).__name__)

    async def _outcome(self, effect: Claimed, cause: RecordedEvent, lane: Lane) -> Outcome | None:
        try:
            async with asyncio.timeout(lane.seconds):
                return await lane.handler.perform(effect, cause)
        except Unavailable:
            raise
        except NotYet:
            await self._release(effect, "NotYet")
            return None
        except Exception as error:  # noqa: BLE001 - whatever went wrong outside, it is tried again
            reason = str(error) if isinstance(error, MailRefused) else type(error).__name__
            given_up = lane.handler.given_up(effect, cause) if effect.attempts >= MAX_ATTEMPTS else None
            log.warning("effect_failed", error=type(error).__name__, final=given_up is not None, **_names(effect))
            if given_up is None:
                await self._release(effect, reason)
            return given_up

    async def _release(self, effect: Claimed, error: str) -> None:
        try:
            await self._queue.release(effect, error)
        except Unavailable:
            log.warning("effect_left", **_names(effect))


def _names(effect: Claimed) -> dict[str, object]:
    return {
        "company_id": str(effect.company_id),
        "position": effect.position,
        "kind": effect.kind,
        "target": effect.target,
        "attempts": effect.attempts,
    }
