"""Mails: to the person concerned, and to the administrators of the company."""

from collections.abc import Sequence
from typing import Final, Literal
from uuid import UUID, uuid5

import asyncpg
import structlog

from events.company.events import AdministratorsNotified, NotificationFailed, NotificationSent
from events.company.roles import Level, Right
from events.company.state import CompanyState
from events.facts import is_company_fact, is_user_fact
from events.sql import statement
from events.store.port import EventStore, RecordedEvent, StoredUser
from events.store.postgres import available
from events.store.states import user_state
from events.user.state import UserState
from services.application.mail import AddressUnusable, Mailer, MailRefused, Message
from services.application.ports import Clock
from workers.effects.mail.letter import Occasion, Reader, write
from workers.effects.mail.topics import News, Topic, news_of, news_of_company
from workers.effects.occasions import Occasions
from workers.queue import Claimed, Outcome

log = structlog.get_logger()

_USERS_OF_ROLES: Final = statement(__file__, "users_of_roles")

_Problem = Literal["no_address", "not_delivered", "recipient_gone"]


class NotifyUser:
    """Mails the user that a fact is about; a change of the address goes to the former one."""

    def __init__(
        self, store: EventStore, occasions: Occasions, mailer: Mailer, clock: Clock, public_url: str | None
    ) -> None:
        self._store = store
        self._occasions = occasions
        self._mailer = mailer
        self._clock = clock
        self._public_url = public_url

    async def perform(self, effect: Claimed, cause: RecordedEvent) -> Outcome:
        news = _news(cause)
        subject = await self._store.user(effect.company_id, UUID(effect.target))
        if subject is None or subject.state.erased:
            return _failed(effect, "recipient_gone")
        address = await self._address(news, cause, subject)
        if address is None:
            return _failed(effect, "no_address")
        occasion = await self._occasions.occasion(cause, news, subject)
        letter = write(occasion, _reader(subject.state, is_owner=True), self._public_url)
        message = Message(
            id=effect.id,
            to=address,
            subject=letter.subject,
            text=letter.text,
            at=self._clock.now(),
            people=(subject.user_id,),
        )
        try:
            await self._mailer.deliver(message)
        except AddressUnusable:
            return _failed(effect, "no_address")
        return _sent(effect)

    def given_up(self, effect: Claimed, cause: RecordedEvent) -> Outcome | None:
        return _failed(effect, "not_delivered")

    async def _address(self, news: News, cause: RecordedEvent, subject: StoredUser) -> str | None:
        if news.topic is Topic.EMAIL_CHANGED:
            former = await self._occasions.former_address(cause, subject)
            return former or subject.state.email
        return subject.state.email


class NotifyAdministrators:
    """Mails the company's active administrators and security officers; one fact for all of them.

    A message that was taken over once is not handed over again by this process, when another one's failure repeats
    the effect.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        store: EventStore,
        occasions: Occasions,
        mailer: Mailer,
        clock: Clock,
        public_url: str | None,
    ) -> None:
        self._pool = pool
        self._store = store
        self._occasions = occasions
        self._mailer = mailer
        self._clock = clock
        self._public_url = public_url
        self._taken_over: dict[UUID, set[UUID]] = {}

    async def perform(self, effect: Claimed, cause: RecordedEvent) -> Outcome:
        news = _news(cause)
        if is_company_fact(cause.data):
            return await self._about_company(effect, cause, news)
        subject = await self._store.user(effect.company_id, UUID(effect.target))
        if subject is None or subject.state.erased:
            return _failed(effect, "recipient_gone")
        readers = await self._readers(effect, cause, subject.company)
        if not readers:
            # Nobody is left to be told, which is no failure: somebody alone helps somebody else.
            return _failed(effect, "recipient_gone", final=False)
        occasion = await self._occasions.occasion(cause, news, subject)
        reached = await self._deliver_all(effect, occasion, readers)
        self._taken_over.pop(effect.id, None)
        return _sent(effect) if reached else _failed(effect, "no_address")

    def given_up(self, effect: Claimed, cause: RecordedEvent) -> Outcome | None:
        self._taken_over.pop(effect.id, None)
        if is_company_fact(cause.data):
            return Outcome(_administrators_notified(effect, 0), failed=True)
        return _failed(effect, "not_delivered")

    async def _about_company(self, effect: Claimed, cause: RecordedEvent, news: News) -> Outcome:
        _, company = await self._store.company(effect.company_id)
        readers = await self._readers(effect, cause, company)
        reached = await self._deliver_all(effect, self._occasions.of_company(cause, news, company), readers)
        self._taken_over.pop(effect.id, None)
        return Outcome(_administrators_notified(effect, reached))

    async def _readers(
        self, effect: Claimed, cause: RecordedEvent, company: CompanyState
    ) -> list[tuple[UUID, UserState]]:
        async with available():
            rows = await self._pool.fetch(_USERS_OF_ROLES, effect.company_id, told(company))
        states = ((row[0], user_state(row[1])) for row in rows)
        now, leave_out = self._clock.now(), {cause.actor.id, UUID(effect.target) if effect.target else None}
        return [(i, state) for i, state in states if i not in leave_out and state.is_active(now)]

    async def _deliver_all(self, effect: Claimed, occasion: Occasion, readers: Sequence[tuple[UUID, UserState]]) -> int:
        """How many have it. Raises the last refusal when one of them may still get it later."""
        reached, refusal = 0, None
        for reader_id, state in readers:
            try:
                reached += await self._deliver(effect, occasion, reader_id, state)
            except MailRefused as error:
                refusal = error
        if refusal is not None:
            raise refusal
        return reached

    async def _deliver(self, effect: Claimed, occasion: Occasion, reader_id: UUID, state: UserState) -> bool:
        taken_over = self._taken_over.setdefault(effect.id, set())
        if state.email is None or reader_id in taken_over:
            return state.email is not None
        letter = write(occasion, _reader(state, is_owner=False), self._public_url)
        message = Message(
            id=uuid5(effect.id, str(reader_id)),
            to=state.email,
            subject=letter.subject,
            text=letter.text,
            at=self._clock.now(),
            people=(reader_id, *((UUID(effect.target),) if effect.target else ())),
        )
        try:
            await self._mailer.deliver(message)
        except AddressUnusable:
            log.warning("address_unusable", company_id=str(effect.company_id), user_id=str(reader_id))
            return False
        taken_over.add(reader_id)
        return True


class NothingToTell(Exception):
    """An effect of a fact that no mail tells of: written by another version of the program."""


def told(company: CompanyState) -> list[str]:
    """Roles that may help with others' second factors: they are told what became of them."""
    return [name for name, rights in company.all_roles() if rights[Right.TWO_FACTOR_OTHERS] is Level.FULL]


def _news(cause: RecordedEvent) -> News:
    news = news_of(cause.data) if is_user_fact(cause.data) else None
    if is_company_fact(cause.data):
        news = news_of_company(cause.data)
    if news is None:
        raise NothingToTell(cause.type)
    return news


def _reader(state: UserState, *, is_owner: bool) -> Reader:
    return Reader(language=state.language, time_zone=state.time_zone, is_owner=is_owner)


def _sent(effect: Claimed) -> Outcome:
    return Outcome(NotificationSent(user_id=UUID(effect.target), cause_position=effect.position, cause=effect.type))


def _failed(effect: Claimed, problem: _Problem, *, final: bool = True) -> Outcome:
    fact = NotificationFailed(
        user_id=UUID(effect.target), cause_position=effect.position, cause=effect.type, problem=problem
    )
    return Outcome(fact, failed=final)


def _administrators_notified(effect: Claimed, reached: int) -> AdministratorsNotified:
    return AdministratorsNotified(cause_position=effect.position, cause=effect.type, reached=reached)
