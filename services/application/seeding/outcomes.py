"""What workers would have recorded of seeded facts: mails handed over, sessions told of. Nothing is sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Final, Literal
from uuid import UUID, uuid5

from events.company.decider import reactions as company_reactions
from events.company.events import (
    AdministratorsNotified,
    EffectEvent,
    NotificationFailed,
    NotificationSent,
    PersonForgotten,
    SessionsRevoked,
)
from events.effects import EffectKind
from events.envelope import Actor, ActorKind, Metadata, StreamKind
from events.store.port import Append
from events.user.reactions import effect_target, ended_counts, reactions
from services.application.seeding.draws import Draw
from services.application.seeding.stage import CompanyDeed, Deed, Person, Told

_SYSTEM: Final = Actor(kind=ActorKind.SYSTEM)
_TOLD: Final = frozenset({"administrator", "security_officer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cause:
    """A fact in its place, by its request, and how long the effect of it took."""

    at: datetime
    name: str
    position: int
    event_id: UUID
    request_id: str
    took: timedelta


class Outcomes:
    """Owed from the moment of a fact, due some moments later; on the stream of the effect that it would have been."""

    def __init__(self, company_id: UUID, people: Sequence[Person], draw: Draw) -> None:
        self._company_id = company_id
        self._administrators = [person for person in people if person.member.role in _TOLD]
        self._draw = draw
        self._numbers = count()
        self._owed: list[tuple[datetime, int, Append]] = []

    def owe(self, told: Told, position: int, event_ids: Sequence[UUID], request_id: str) -> None:
        """Whatever the rules say that these facts call for."""
        match told:
            case Deed():
                calls = [(n, event, kind) for n, event in enumerate(told.events) for kind in reactions(event)]
                for n, event, kind in calls:
                    cause = self._cause(told.at, event, position + n, event_ids[n], request_id)
                    target = effect_target(told.person.user_id)
                    self._owe(cause, kind, target, self._about_user(told, cause, kind, ended_counts(event)))
            case CompanyDeed():
                for n, fact in enumerate(told.events):
                    for kind in company_reactions(fact):
                        cause = self._cause(told.at, fact, position + n, event_ids[n], request_id)
                        self._owe(cause, kind, "", self._about_company(told, cause))
            case _:
                pass

    def due(self, until: datetime | None) -> Iterator[Append]:
        """Everything until then, in order; all that is left when None."""
        while self._owed and (until is None or self._owed[0][0] <= until):
            yield heappop(self._owed)[2]

    def _cause(self, at: datetime, event: object, position: int, event_id: UUID, request_id: str) -> _Cause:
        took = timedelta(seconds=self._draw.uniform(0.05, 6))
        name = type(event).__name__
        return _Cause(at=at, name=name, position=position, event_id=event_id, request_id=request_id, took=took)

    def _owe(self, cause: _Cause, kind: EffectKind, target: str, outcome: EffectEvent) -> None:
        append = Append(
            company_id=self._company_id,
            stream_id=uuid5(self._company_id, f"{cause.position}/{kind}/{target}"),
            stream_kind=StreamKind.EFFECT,
            expected=0,
            decided_at=cause.at + cause.took,
            events=(outcome,),
            metadata=Metadata(actor=_SYSTEM, request_id=cause.request_id, causation_id=cause.event_id),
        )
        heappush(self._owed, (append.decided_at, next(self._numbers), append))

    def _about_user(self, deed: Deed, cause: _Cause, kind: EffectKind, ended: tuple[int, int] | None) -> EffectEvent:
        user_id = deed.person.user_id
        if kind is EffectKind.REVOKE_SESSIONS:
            sessions, sign_ins = ended or (0, 0)
            return SessionsRevoked(
                user_id=user_id,
                cause_position=cause.position,
                sessions=sessions,
                sign_ins=sign_ins,
                milliseconds_to_effect=cause.took // timedelta(milliseconds=1),
            )
        if kind is EffectKind.FORGET_PERSON:
            return PersonForgotten(user_id=user_id, cause_position=cause.position, places=("mails",))
        problem = self._problem(deed, kind)
        if problem is None:
            return NotificationSent(user_id=user_id, cause_position=cause.position, cause=cause.name)
        return NotificationFailed(user_id=user_id, cause_position=cause.position, cause=cause.name, problem=problem)

    def _problem(self, deed: Deed, kind: EffectKind) -> Literal["no_address", "recipient_gone"] | None:
        """Why nobody was reached, if so."""
        if kind is EffectKind.NOTIFY_ADMINISTRATORS:
            return None if any(self._told(deed.at, deed.actor, deed.person)) else "recipient_gone"
        return "no_address" if deed.after.email is None else None

    def _about_company(self, deed: CompanyDeed, cause: _Cause) -> EffectEvent:
        reached = sum(self._told(deed.at, deed.actor))
        return AdministratorsNotified(cause_position=cause.position, cause=cause.name, reached=reached)

    def _told(self, at: datetime, *left_out: Person | None) -> Iterator[bool]:
        """Has an address and may sign in: for each administrator and security officer, but those who know already."""
        return (
            person.state.email is not None and person.state.is_active(at)
            for person in self._administrators
            if person not in left_out
        )
