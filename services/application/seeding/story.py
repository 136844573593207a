"""A company's past in the order of time. The same draws tell the same story; the rules decide what comes of it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from events.company.commands import ChangePolicy, CreateCompany
from events.company.policy import CompanyRules, Policy
from events.user.limits import Limits
from services.application.seeding.days import at_work
from services.application.seeding.draws import Draw
from services.application.seeding.helpdesk import Helpdesk
from services.application.seeding.people import Fate, Member
from services.application.seeding.signing_in import SigningIn
from services.application.seeding.stage import Person, Stage, Told
from services.application.seeding.troubles import Troubles
from services.application.seeding.visits import Visits

_GRACE_DAYS: Final = 5


class Story:
    def __init__(
        self,
        members: Sequence[Member],
        *,
        name: str,
        strict: bool,
        begins: datetime,
        until: datetime,
        draw: Draw,
        new_id: Callable[[], UUID],
        limits: Limits,
    ) -> None:
        people = [Person(member, new_id()) for member in members]
        self._stage = Stage(people, draw, new_id, limits, begins, until)
        self._begins = begins
        self._name = name
        self._strict = strict
        self._signing_in = SigningIn(self._stage)
        self._helpdesk = Helpdesk(self._stage, self._signing_in)
        self._visits = Visits(self._stage, self._signing_in, self._helpdesk)
        self._troubles = Troubles(self._stage, self._signing_in, self._helpdesk, self._visits)

    @property
    def people(self) -> Sequence[Person]:
        return self._stage.people

    @property
    def rules(self) -> CompanyRules:
        """The company's, as they are by now."""
        return self._stage.rules

    def told(self) -> Iterator[Told]:
        """Each deed once, with times that rise."""
        self._stage.plan(self._begins, self._found)
        for person in self._stage.people:
            self._stage.plan(self._arrival(person), partial(self._join, person))
        length = self._stage.until - self._begins
        demands: list[tuple[float, Policy]] = [
            (0.35, Policy(requirement="required_for_roles", roles=("administrator", "security_officer")))
        ]
        if self._strict:
            demands.append((0.6, Policy(requirement="required", grace_days=_GRACE_DAYS)))
        for share, policy in demands:
            self._stage.plan(self._begins + length * share, partial(self._change_policy, policy))
        return self._stage.told()

    def _found(self, at: datetime) -> None:
        self._stage.change_company(CreateCompany(now=at, name=self._name), None, at)

    def _change_policy(self, policy: Policy, at: datetime) -> None:
        """By the first administrator, as everybody would from the outside."""
        first = self._stage.people[0]
        actor = first if self._signing_in.be_fresh(first, at) else None
        self._stage.change_company(ChangePolicy(now=at, policy=policy), actor, at)

    def _arrival(self, person: Person) -> datetime:
        """When the account is made: while somebody is at work, where that is possible."""
        stage, member = self._stage, person.member
        wanted = self._begins + member.joins_after
        if member.fate is Fate.BEGINS_LATER:
            wanted = stage.until - min(timedelta(days=2), (stage.until - self._begins) / 4)
            person.activation_at = stage.until + timedelta(days=stage.draw.uniform(2, 20))
        if person is stage.people[0]:
            return wanted
        working = at_work(member, wanted, stage.draw)
        return working if working < stage.until - timedelta(hours=1) else wanted

    def _join(self, person: Person, at: datetime) -> None:
        self._helpdesk.create(person, at)
        first = self._stage.after(at, 120, 300) if person.member.careful else self._stage.after(at, 600, 30_000)
        self._stage.plan(first, partial(self._visits.visit, person))
        self._troubles.plan(person, first)
