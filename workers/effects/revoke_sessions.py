"""Telling the outside that sessions ended: they did with the fact itself, this says when everybody knew."""

from datetime import timedelta
from uuid import UUID

from events.company.events import SessionsRevoked
from events.facts import is_user_fact
from events.store.port import RecordedEvent
from events.user.reactions import ended_counts
from services.application.ports import Clock
from workers.queue import Claimed, Outcome


class RevokeSessions:
    """Receivers come later; until then the record itself is the effect."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def perform(self, effect: Claimed, cause: RecordedEvent) -> Outcome:
        counts = ended_counts(cause.data) if is_user_fact(cause.data) else None
        sessions, sign_ins = counts or (0, 0)
        elapsed = max(self._clock.now() - cause.at, timedelta(0))
        return Outcome(
            SessionsRevoked(
                user_id=UUID(effect.target),
                cause_position=effect.position,
                sessions=sessions,
                sign_ins=sign_ins,
                milliseconds_to_effect=elapsed // timedelta(milliseconds=1),
            )
        )

    def given_up(self, effect: Claimed, cause: RecordedEvent) -> Outcome | None:
        """Never: a revocation does not expire."""
        return None
