"""Given the past, when a wish, then the facts: the rules of one user in one sentence."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from events.decision import Decision, Refusal
from events.totp import time_step
from events.user.commands import UserCommand
from events.user.decider import decide
from events.user.events import UserEvent
from events.user.evolve import evolve, fold
from events.user.state import UserState

NOON: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
STEP: Final = time_step(NOON)
_NAMES: Final = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


def ident(name: str) -> UUID:
    """The id of that name: the same in every run, so a failure reads alike."""
    return uuid5(_NAMES, name)


def idents(name: str, count: int) -> tuple[UUID, ...]:
    """`count` different ids."""
    return tuple(ident(f"{name}-{number}") for number in range(count))


def later(*, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
    """That long after noon."""
    return NOON + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


USER: Final = ident("user")
KEY: Final = ident("key")
SESSION: Final = ident("session")
SIGN_IN: Final = ident("sign-in")


@dataclass(frozen=True)
class Given:
    """A user's past."""

    events: tuple[UserEvent, ...]
    state: UserState

    def when(self, command: UserCommand) -> "Asked":
        """One wish, decided on that past."""
        return Asked(self, decide(self.state, command))


@dataclass(frozen=True)
class Asked:
    """What was decided; every `then…` adds its facts to the past, so a story can go on."""

    past: Given
    decision: Decision[UserEvent]

    def then(self, *events: UserEvent) -> Given:
        """Granted, with exactly these facts; none: nothing had to change."""
        assert self.decision == Decision(events)
        return self._after()

    def then_refused(self, refusal: Refusal, *events: UserEvent) -> Given:
        """Refused for that reason, with exactly the facts that the attempt leaves."""
        assert self.decision == Decision(events, refusal)
        return self._after()

    def then_granted(self) -> Given:
        """Granted; the facts are looked at elsewhere."""
        assert self.decision.refusal is None
        return self._after()

    def then_denied(self, refusal: Refusal) -> Given:
        """Refused for that reason; the facts are looked at elsewhere."""
        assert self.decision.refusal is refusal
        return self._after()

    def _after(self) -> Given:
        events = self.decision.events
        return Given((*self.past.events, *events), fold(events, self.past.state))


def given(*events: UserEvent) -> Given:
    """The past that these facts are."""
    state = UserState()
    for event in events:
        state = evolve(state, event)
    return Given(events, state)
