"""What every kind of effect brings along."""

from typing import Protocol

from events.store.port import RecordedEvent
from workers.queue import Claimed, Outcome


class NotYet(Exception):
    """Nothing went wrong; there is more to do a little later."""


class Handler(Protocol):
    """One kind of effect. Whatever it does may be done twice: a worker can die before the outcome is recorded."""

    async def perform(self, effect: Claimed, cause: RecordedEvent) -> Outcome:
        """Do the work. Any exception: not done, to be tried again."""
        ...

    def given_up(self, effect: Claimed, cause: RecordedEvent) -> Outcome | None:
        """The outcome once there have been tries enough; None for what never expires."""
        ...
