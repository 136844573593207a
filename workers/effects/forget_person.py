"""An erased person goes from everything that is kept outside of the database, and into the journal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from events.company.events import PersonForgotten
from events.store.port import RecordedEvent
from services.application.journal import Journal
from services.application.ports import Clock
from workers.effects.handler import NotYet
from workers.queue import LEASE, Claimed, Outcome

# Whatever was begun for the person before the erasure has ended by then, written or not.
QUIET_AFTER: Final = LEASE


class Keeper(Protocol):
    """Something that keeps files about people: mails, reports."""

    async def forget(self, company_id: UUID, user_id: UUID) -> None:
        """Remove what is about this person; again is fine. Any exception: not done."""
        ...


@dataclass(frozen=True, slots=True)
class ForgetPerson:
    """`keepers`: (what they keep, who they are)."""

    journal: Journal
    keepers: Sequence[tuple[str, Keeper]]
    clock: Clock

    async def perform(self, effect: Claimed, cause: RecordedEvent) -> Outcome:
        user_id = UUID(effect.target)
        await self.journal.erased([(effect.company_id, user_id)])
        for _, keeper in self.keepers:
            await keeper.forget(effect.company_id, user_id)
        if self.clock.now() < cause.at + QUIET_AFTER:
            # At once, and once more: a mail may have been on its way.
            raise NotYet
        places = tuple(name for name, _ in self.keepers)
        return Outcome(PersonForgotten(user_id=user_id, cause_position=effect.position, places=places))

    def given_up(self, effect: Claimed, cause: RecordedEvent) -> Outcome | None:
        """Never: an erasure does not expire."""
        return None
