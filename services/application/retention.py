"""How long addresses and programs of the log can be read: then their month's key goes, and a marker says so."""

from datetime import datetime
from typing import Final
from uuid import UUID

from events.company.commands import CompanyCommand, DestroyTraces
from events.company.state import CompanyState
from events.decision import Refusal
from events.envelope import Metadata, month_of
from events.store.port import EventStore
from services.application.context import SYSTEM, Tenant
from services.application.errors import Refused
from services.application.execute import Acting
from services.application.journal import Journal, note
from services.application.ports import Clock
from services.application.streams import COMPANY, Streams, Wanted

_MONTHS: Final = 12


def kept_from(now: datetime, months: int) -> str:
    """The oldest month that stays: whatever is younger than so many whole months is in it, or in a later one."""
    year, month = divmod(now.year * _MONTHS + now.month - 1 - months, _MONTHS)
    return month_of(now.replace(year=year, month=month + 1, day=1))


class Retention:
    """`months`: for how many whole ones traces are kept."""

    def __init__(self, store: EventStore, streams: Streams, journal: Journal, clock: Clock, months: int) -> None:
        self._store = store
        self._streams = streams
        self._journal = journal
        self._clock = clock
        self._months = months

    def kept_from(self) -> str:
        return kept_from(self._clock.now(), self._months)

    async def destroy(self, company_id: UUID, month: str) -> None:
        """Once, however many try. Raises Refused(NOT_FOUND) when it is done already, and for a month that is kept."""

        if month >= self.kept_from():
            raise Refused(Refusal.NOT_FOUND)
        await self.destroy_again(company_id, month)
        await note(self._journal.months_destroyed([(company_id, month)]))

    async def destroy_again(self, company_id: UUID, month: str) -> None:
        """However old the month is: it was destroyed before. Raises Refused(NOT_FOUND) when it is done already."""

        async def form(tenant: Tenant, state: CompanyState) -> Wanted[CompanyCommand]:
            if await self._store.trace_key(company_id, month) is None:
                raise Refused(Refusal.NOT_FOUND)
            now = self._clock.now()
            return Wanted(command=DestroyTraces(now=now, month=month), now=now, acting=_acting(month))

        await self._streams.run(COMPANY, company_id, company_id, form)


def _acting(month: str) -> Acting:
    return Acting(metadata=Metadata(actor=SYSTEM, request_id=f"retention/{month}"))
