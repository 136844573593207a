"""How every user of a company stands, followed through its log: the ground of the coverage reports."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from events.company import events as of_company
from events.company.state import CompanyState
from events.company.state import evolve as evolve_company
from events.facts import is_company_fact, is_user_fact
from events.policy import EffectiveFactor, effective, met_at
from events.reports.rows import names
from events.store.port import RecordedEvent
from events.user import events as of_user
from events.user.evolve import evolve
from events.user.state import UserState

# What a user's effective state depends on. Sign-ins are most of a log and none of it: a pause or a lock that is over
# means nothing, and while it lasts no code is looked at that could end it.
USER_TYPES: Final = names(
    of_user.UserCreated,
    of_user.UserChanged,
    of_user.UserDeactivated,
    of_user.UserExpired,
    of_user.UserReactivated,
    of_user.UserErased,
    of_user.TwoFactorOrdered,
    of_user.OrderWithdrawn,
    of_user.PolicyOrderStarted,
    of_user.TwoFactorOverridden,
    of_user.GraceNoted,
    of_user.TwoFactorEnabled,
    of_user.TwoFactorImported,
    of_user.TwoFactorDisabled,
    of_user.KeyReset,
    of_user.TwoFactorPaused,
    of_user.TwoFactorLocked,
    of_user.TwoFactorUnlocked,
    of_user.RecoveryCodeUsed,
    of_user.BreakGlassCodeIssued,
    of_user.BreakGlassCodeUsed,
)
COMPANY_TYPES: Final = names(
    of_company.CompanyCreated,
    of_company.CompanySuspended,
    of_company.CompanyResumed,
    of_company.PolicyChanged,
    of_company.RoleCreated,
    of_company.RoleChanged,
    of_company.RoleDeleted,
)
TYPES: Final = USER_TYPES | COMPANY_TYPES


@dataclass(slots=True)
class Member:
    """One user. `since`: when the effective state became what it is; `exception`: the fact that set an exception."""

    state: UserState
    factor: str
    since: datetime
    walked: datetime  # looked at up to here
    rests_on: list[int] = field(default_factory=list)
    exception: RecordedEvent | None = None


@dataclass(slots=True)
class Standings:
    """In the order of time: every moment at which a state changes is visited, those between two facts too."""

    company: CompanyState = field(default_factory=CompanyState)
    members: dict[UUID, Member] = field(default_factory=dict)
    erasures: list[int] = field(default_factory=list)
    rests_on: list[int] = field(default_factory=list)

    def take(self, recorded: RecordedEvent) -> None:
        fact = recorded.data
        if is_user_fact(fact):
            self._user(recorded, fact)
        elif is_company_fact(fact):
            self._company(recorded, fact)

    def walk(self, upto: datetime) -> None:
        """Time goes by for everybody."""
        for member in self.members.values():
            self._walk(member, upto)

    def now(self, member: Member, at: datetime) -> EffectiveFactor:
        return effective(member.state, self.company.rules, at)

    def _user(self, recorded: RecordedEvent, fact: of_user.UserEvent) -> None:
        member = self.members.get(recorded.stream_id)
        if isinstance(fact, of_user.UserErased):
            self.members.pop(recorded.stream_id, None)
            self.erasures.append(recorded.position)
            return
        if member is None:
            member = Member(UserState(), "off", recorded.at, recorded.at)
            self.members[recorded.stream_id] = member
        self._walk(member, recorded.at)
        member.state = evolve(member.state, fact)
        member.rests_on.append(recorded.position)
        if isinstance(fact, of_user.TwoFactorOverridden):
            member.exception = recorded
        self._look(member, recorded.at)

    def _company(self, recorded: RecordedEvent, fact: of_company.CompanyEvent) -> None:
        self.rests_on.append(recorded.position)
        weighty = isinstance(fact, of_company.PolicyChanged)
        if weighty:
            self.walk(recorded.at)
        self.company = evolve_company(self.company, fact)
        for member in self.members.values() if weighty else ():
            self._look(member, recorded.at)

    def _walk(self, member: Member, upto: datetime) -> None:
        for at in sorted(self._turns(member, upto)):
            self._look(member, at)
        member.walked = upto

    def _turns(self, member: Member, upto: datetime) -> Iterator[datetime]:
        """Moments at which time alone may change the state."""
        policy, met = self.company.policy, met_at(member.state, self.company.rules)
        until = member.state.override.until if member.state.override is not None else None
        for at in (policy.from_at, until, met + policy.grace if met is not None else None):
            if at is not None and member.walked < at <= upto:
                yield at

    def _look(self, member: Member, at: datetime) -> None:
        factor = self.now(member, at).state
        if factor != member.factor:
            member.factor, member.since = factor, at
