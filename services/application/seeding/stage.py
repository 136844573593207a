"""Where a story is told: people with their states, what is still to happen, and what has happened. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Final, TypeAlias, TypedDict
from uuid import UUID

from events.company.commands import CompanyCommand
from events.company.decider import decide as decide_company
from events.company.events import CompanyEvent
from events.company.policy import CompanyRules
from events.company.state import CompanyState
from events.company.state import fold as fold_company
from events.decision import Decision
from events.envelope import Traces
from events.user.commands import OtpProof, UserCommand
from events.user.decider import decide
from events.user.events import UserEvent
from events.user.evolve import fold
from events.user.limits import Limits
from events.user.state import UserState
from services.application.seeding.draws import Draw
from services.application.seeding.people import Member

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True, eq=False)
class Person:
    """A member with an account's state. `session`: the one in use, dead or alive."""

    member: Member
    user_id: UUID
    state: UserState = field(default_factory=UserState)
    session: UUID | None = None
    place: Traces | None = None
    fresh_until: datetime | None = None
    has_phone: bool = True
    hash_is_new: bool = False
    activation_at: datetime | None = None
    away_from: datetime = _NEVER
    away_until: datetime = _NEVER
    last_at: datetime = _LONG_AGO


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Facts of one person's stream that came within moments of each other. `actor` None: the installation itself."""

    at: datetime
    person: Person
    actor: Person | None
    place: Traces | None
    before: UserState
    events: tuple[UserEvent, ...]
    after: UserState


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongPassword:
    """Somebody gave a wrong password for this person's login."""

    at: datetime
    person: Person
    place: Traces


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyDeed:
    """Facts of the company's own stream. `actor` None: the installation itself."""

    at: datetime
    actor: Person | None
    events: tuple[CompanyEvent, ...]
    after: CompanyState


Told: TypeAlias = Deed | WrongPassword | CompanyDeed
Act: TypeAlias = Callable[[datetime], None]


class InForce(TypedDict):
    """What every wish carries."""

    now: datetime
    limits: Limits
    rules: CompanyRules


class Stage:
    """Acts wait here for their time; what they tell is told in the order of time."""

    def __init__(
        self,
        people: Sequence[Person],
        draw: Draw,
        new_id: Callable[[], UUID],
        limits: Limits,
        begins: datetime,
        until: datetime,
    ) -> None:
        self.people = people
        self.administrators = [person for person in people if person.member.role == "administrator"]
        self.draw = draw
        self.new_id = new_id
        self.limits = limits
        self.until = until
        self.hashes_raised_at = begins + (until - begins) / 2
        self.company = CompanyState()
        self.rules = self.company.rules
        self._waiting: list[tuple[datetime, int, Act]] = []
        self._numbers = count()
        self._told: list[Told] = []

    def plan(self, at: datetime, act: Act) -> None:
        heappush(self._waiting, (at, next(self._numbers), act))

    def told(self) -> Iterator[Told]:
        """Everything before the end."""
        while self._waiting and self._waiting[0][0] < self.until:
            at, _, act = heappop(self._waiting)
            act(at)
            yield from self._told
            self._told.clear()

    def tell(self, told: Told) -> None:
        self._told.append(told)

    def change_company(self, command: CompanyCommand, actor: Person | None, at: datetime) -> None:
        events = decide_company(self.company, command).events
        self.company = fold_company(events, self.company)
        self.rules = self.company.rules
        self.tell(CompanyDeed(at=at, actor=actor, events=events, after=self.company))

    def in_force(self, now: datetime) -> InForce:
        return {"now": now, "limits": self.limits, "rules": self.rules}

    def chance(self, of: float) -> bool:
        return self.draw.random() < of

    def after(self, at: datetime, least: float, most: float) -> datetime:
        """Some seconds later."""
        return at + timedelta(seconds=self.draw.uniform(least, most))


class Doing:
    """One deed while it is done: the rules decide each wish, the person's state follows."""

    __slots__ = ("_before", "_stage", "actor", "events", "person", "place")

    def __init__(self, stage: Stage, person: Person, place: Traces | None, actor: Person | None) -> None:
        self._stage = stage
        self._before = person.state
        self.person = person
        self.place = place
        self.actor = actor
        self.events: tuple[UserEvent, ...] = ()

    @property
    def address(self) -> str | None:
        return self.place.ip if self.place is not None else None

    def in_force(self, at: datetime) -> InForce:
        """At that moment, but never before the person's last fact."""
        self.person.last_at = max(at, self.person.last_at)
        return self._stage.in_force(self.person.last_at)

    def wish(self, command: UserCommand) -> Decision[UserEvent]:
        decision = decide(self.person.state, command)
        if decision.events:
            self.events += decision.events
            self.person.state = fold(decision.events, self.person.state)
        return decision

    def end(self, at: datetime) -> None:
        """Tell it, unless the rules made nothing of it."""
        if self.events:
            self._stage.tell(
                Deed(
                    at=at,
                    person=self.person,
                    actor=self.actor,
                    place=self.place,
                    before=self._before,
                    events=self.events,
                    after=self.person.state,
                )
            )


WRONG = OtpProof(None, None)
