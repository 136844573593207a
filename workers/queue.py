"""The queue of record: effect rows are claimed, settled with a fact, or released for another try."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid5
from zlib import crc32

import asyncpg

from events.company.events import EffectEvent
from events.envelope import Actor, ActorKind, Metadata, StreamKind
from events.sql import statement
from events.store.port import Append, EffectDone, EventStore, RecordedEvent, Status
from events.store.postgres import available
from services.application.ports import Clock

_CLAIM: Final = statement(__file__, "claim_effects")
_RENEW: Final = statement(__file__, "renew_effect")
_RELEASE: Final = statement(__file__, "release_effect")

BATCH: Final = 100
LEASE: Final = timedelta(seconds=20)
FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(hours=1)
_SYSTEM: Final = Actor(kind=ActorKind.SYSTEM)


@dataclass(frozen=True, slots=True)
class Claimed:
    """An effect that is this worker's until the lease ends, and the entry that calls for it."""

    company_id: UUID
    position: int
    kind: str
    target: str
    attempts: int
    outcomes: int
    type: str
    entry: bytes

    @property
    def id(self) -> UUID:
        """The effect's own stream: outcomes never contend with the user's."""
        return uuid5(self.company_id, f"{self.position}/{self.kind}/{self.target}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an effect. `failed`: it was given up and stays visible as failed."""

    event: EffectEvent
    failed: bool = False


class EffectQueue:
    """Safe with any number of workers: a claim that was lost changes nothing any more."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", store: EventStore, clock: Clock) -> None:
        self._pool = pool
        self._store = store
        self._clock = clock

    async def claim(self, kind: str, limit: int = BATCH) -> list[Claimed]:
        """Due effects of one kind. Raises Unavailable."""
        now = self._clock.now()
        async with available():
            rows = await self._pool.fetch(_CLAIM, kind, now, now + LEASE, limit)
        return [Claimed(*row) for row in rows]

    async def settle(self, effect: Claimed, cause: RecordedEvent, outcome: Outcome) -> bool:
        """Fact and mark in one append; False when another worker was given the effect meanwhile."""
        metadata = Metadata(actor=_SYSTEM, request_id=cause.request_id, causation_id=cause.id)
        result = await self._store.append(
            Append(
                company_id=effect.company_id,
                stream_id=effect.id,
                stream_kind=StreamKind.EFFECT,
                expected=effect.outcomes,
                decided_at=self._clock.now(),
                events=(outcome.event,),
                metadata=metadata,
                done=EffectDone(
                    position=effect.position,
                    kind=effect.kind,
                    target=effect.target,
                    attempts=effect.attempts,
                    failed=outcome.failed,
                ),
            )
        )
        return result.status is Status.APPENDED

    async def renew(self, effect: Claimed) -> bool:
        """A new lease for work that takes long; False when the effect is somebody else's."""
        async with available():
            held = await self._pool.fetchval(
                _RENEW,
                effect.company_id,
                effect.position,
                effect.kind,
                effect.target,
                effect.attempts,
                self._clock.now() + LEASE,
            )
        return held is not None

    async def release(self, effect: Claimed, error: str) -> None:
        """Another try later, ever later; `error` names a kind of failure and holds nothing of anybody."""
        due_at = self._clock.now() + wait_after(effect)
        async with available():
            await self._pool.execute(
                _RELEASE,
                effect.company_id,
                effect.position,
                effect.kind,
                effect.target,
                effect.attempts,
                due_at,
                error[:200],
            )


def wait_after(effect: Claimed) -> timedelta:
    """5 s, 20 s, 80 s … up to an hour; each up to a quarter longer, so that a crowd does not come back as one."""
    longest: timedelta = min(FIRST_WAIT * int(4 ** min(effect.attempts - 1, 10)), LONGEST_WAIT)
    jitter = crc32(f"{effect.id}/{effect.attempts}".encode()) / 2**32
    return longest * (1 + jitter / 4)
