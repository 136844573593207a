"""The audit trail as a file, row by row: what goes out is on record before its first byte does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from events.catalogue import EVENTS
from events.company.commands import CompanyCommand, RecordExport
from events.company.events import EventsExported
from events.company.roles import Level, Right
from events.company.state import CompanyState
from events.envelope import Metadata
from services.application import access
from services.application.acting import as_actor
from services.application.audit import AuditFilters, AuditRow, AuditTrail, Period
from services.application.authentication import Authentication
from services.application.context import SYSTEM, Caller, Tenant
from services.application.execute import Acting
from services.application.export_formats import ExportFormat
from services.application.ports import Clock
from services.application.streams import COMPANY, Streams, Wanted

PAGE: Final = 500  # positions read at once: what is held of a file of any size
COUNTED: Final = 20_000
LOOKS: Final = 20  # pages until it is asked again whether the caller still may

_Allowed: TypeAlias = Callable[[], Awaitable[None]]
_Acting: TypeAlias = Callable[[Tenant], Awaitable[Acting]]


class ExportBroken(Exception):
    """The trail lost rows while it went out, by an erasure or the end of old traces: the file is not what it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """`events` rows, newest first, page by page. Raises in the middle rather than end early."""

    events: int
    pages: AsyncIterator[Sequence[AuditRow]] = field(repr=False)


class AuditExport:
    def __init__(self, trail: AuditTrail, streams: Streams, authentication: Authentication, clock: Clock) -> None:
        self._trail = trail
        self._streams = streams
        self._authentication = authentication
        self._clock = clock

    async def begin(self, caller: Caller, filters: AuditFilters, kind: ExportFormat) -> Export:
        """For whom may see the trail, as long as that is so. Raises Refused, Contended."""
        _demand(caller)
        now_acting = caller

        async def acting(tenant: Tenant) -> Acting:
            nonlocal now_acting
            now_acting = await self._authentication.current(now_acting, tenant.version)
            _demand(now_acting)
            return as_actor(now_acting)

        async def allowed() -> None:
            _demand(await self._authentication.again(caller))

        return await self._begin(caller.at.id, filters, kind, acting, allowed)

    async def begin_at_console(self, company_id: UUID, filters: AuditFilters, kind: ExportFormat) -> Export:
        """In nobody's name: whoever runs a command on this machine has the database. Raises Refused(NOT_FOUND)."""

        async def acting(tenant: Tenant) -> Acting:
            return Acting(metadata=Metadata(actor=SYSTEM, request_id="console/export"))

        async def allowed() -> None:
            return

        return await self._begin(company_id, filters, kind, acting, allowed)

    async def _begin(
        self, company_id: UUID, filters: AuditFilters, kind: ExportFormat, acting: _Acting, allowed: _Allowed
    ) -> Export:
        upto = await self._trail.position(company_id)
        period = await self._trail.period(company_id, filters)
        whole = Period(period.first, min(period.behind, upto + 1))
        counts = [await self._trail.count(company_id, filters, part) for part in _parts(whole, COUNTED)]
        await self._record(company_id, acting, lambda at: _fact(filters, kind, sum(counts), upto, at))
        return Export(events=sum(counts), pages=self._pages(company_id, filters, whole, sum(counts), allowed))

    async def _record(self, company_id: UUID, acting: _Acting, fact: Callable[[datetime], EventsExported]) -> None:
        async def form(tenant: Tenant, state: CompanyState) -> Wanted[CompanyCommand]:
            now = self._clock.now()
            return Wanted(command=RecordExport(now=now, fact=fact(now)), now=now, acting=await acting(tenant))

        await self._streams.run(COMPANY, company_id, company_id, form)

    async def _pages(
        self, company_id: UUID, filters: AuditFilters, whole: Period, events: int, allowed: _Allowed
    ) -> AsyncIterator[Sequence[AuditRow]]:
        gone, number = 0, 0
        async for rows in self._read(company_id, filters, whole):
            if number % LOOKS == 0:
                await allowed()
            number += 1
            gone += len(rows)
            if rows:
                yield rows
        if gone != events:
            raise ExportBroken

    async def _read(self, company_id: UUID, filters: AuditFilters, whole: Period) -> AsyncIterator[Sequence[AuditRow]]:
        """The next page is read while the one before it is written."""
        coming: asyncio.Task[Sequence[AuditRow]] | None = None
        try:
            for part in _parts(whole, PAGE):
                before, coming = coming, asyncio.create_task(self._window(company_id, filters, part))
                await asyncio.sleep(0)  # so that it is asked for before the reader works
                if before is not None:
                    yield await before
            if coming is not None:
                yield await coming
        finally:
            if coming is not None:
                coming.cancel()
                await asyncio.wait({coming})

    async def _window(self, company_id: UUID, filters: AuditFilters, part: Period) -> Sequence[AuditRow]:
        return await self._trail.window(company_id, filters, part)


def _demand(caller: Caller) -> None:
    access.demand_right(caller, Right.AUDIT, Level.VIEW)
    access.demand_place(caller, Level.VIEW)


def _parts(whole: Period, size: int) -> Iterator[Period]:
    """From the newest end on."""
    for behind in range(whole.behind, whole.first, -size):
        yield Period(max(whole.first, behind - size), behind)


def _fact(filters: AuditFilters, kind: ExportFormat, events: int, upto: int, now: datetime) -> EventsExported:
    return EventsExported(
        format=kind.value,
        events=events,
        upto=upto,
        # What is no type may be anything that somebody typed.
        of_type=filters.type if filters.type in EVENTS else None,
        of_user=filters.user_id,
        of_actor=filters.actor_id,
        from_at=filters.from_at,
        to_at=filters.to_at,
        by_address=bool(filters.ip),
        by_words=bool(filters.q),
        exported_at=now,
    )
