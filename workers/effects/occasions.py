"""Opens what a mail may tell of a fact: the former address, and from where it was done."""

from uuid import UUID

from events.codec import open_traces, personal_part
from events.company.state import CompanyState
from events.envelope import ActorKind
from events.store.port import EventStore, RecordedEvent, StoredUser
from events.user.events import UserChanged
from services.application.ports import KeyWrapper
from workers.effects.mail.letter import Occasion
from workers.effects.mail.topics import News, author_of


class Occasions:
    def __init__(self, store: EventStore, wrapper: KeyWrapper) -> None:
        self._store = store
        self._wrapper = wrapper

    async def occasion(self, cause: RecordedEvent, news: News, subject: StoredUser) -> Occasion:
        """What happened, without any word that people typed as a reason. Raises KeyUnavailable."""
        return Occasion(
            news=news,
            at=cause.at,
            author=author_of(cause.actor, news.topic, subject.user_id),
            login=subject.state.login,
            company=subject.company.name,
            ip=await self._own_address(cause, subject),
        )

    def of_company(self, cause: RecordedEvent, news: News, company: CompanyState) -> Occasion:
        """The same for a fact about the company as a whole."""
        author = author_of(cause.actor, news.topic, None)
        return Occasion(news=news, at=cause.at, author=author, login=None, company=company.name)

    async def former_address(self, cause: RecordedEvent, subject: StoredUser) -> str | None:
        """The mail address before a change of it; None when there was none."""
        if subject.person_key is None:
            return None
        fact = personal_part(cause, await self._wrapper.unwrap(subject.person_key))
        return fact.previous_email if isinstance(fact, UserChanged) else None

    async def _own_address(self, cause: RecordedEvent, subject: StoredUser) -> str | None:
        """From where it was done, when in the name of the account itself; nobody else's place is told."""
        box, actor = cause.sealed.traces, cause.actor
        own = actor.kind is ActorKind.ANONYMOUS or (actor.kind is ActorKind.USER and actor.id == subject.user_id)
        if box is None or box.month is None or not own:
            return None
        month = await self._store.trace_key(cause.company_id, box.month)
        if month is None:
            return None
        person = await self._person_key(box.person, subject)
        return open_traces(cause, await self._wrapper.unwrap(month), person).get("ip")

    async def _person_key(self, person: UUID | None, subject: StoredUser) -> bytes | None:
        if person != subject.user_id or subject.person_key is None:
            return None
        return await self._wrapper.unwrap(subject.person_key)
