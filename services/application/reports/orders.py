"""Reports as people and programs order and fetch them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, TypeAlias
from uuid import UUID

from events.company.reports import LEAST, OF_A_MOMENT, Order, ReportCommand, ReportKind, ReportState, RequestReport
from events.company.roles import Level, Right
from events.decision import Refusal
from events.store.port import IdempotencyClaim
from services.application import access
from services.application.acting import as_actor
from services.application.authentication import Authentication
from services.application.context import SYSTEM, Caller, Request, Tenant, metadata_of
from services.application.errors import Refused, Unacceptable
from services.application.execute import Acting
from services.application.ports import Clock, Entropy
from services.application.reports.ports import Shelf, ShownReport
from services.application.streams import REPORT, Streams, Wanted

MOST_OPEN: Final = 20  # of one company, not built yet
PROGRAMS_LANGUAGE: Final = "en"

Form: TypeAlias = Callable[[Tenant, ReportState], Awaitable[Wanted[ReportCommand]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks for, before it is known to make sense. `as_of` None: as of now.

    A day counts in UTC, to its end, or to now when it is today.
    """

    kind: ReportKind
    as_of: datetime | date | None = None
    from_at: datetime | date | None = None
    to_at: datetime | date | None = None


class Reports:
    def __init__(
        self, streams: Streams, authentication: Authentication, shelf: Shelf, clock: Clock, entropy: Entropy
    ) -> None:
        self._streams = streams
        self._authentication = authentication
        self._shelf = shelf
        self._clock = clock
        self._entropy = entropy

    async def order(self, caller: Caller, asked: Asked) -> ShownReport:
        """Raises Refused, Unacceptable, Contended, Replayed."""
        access.demand_right(caller, Right.REPORTS, Level.FULL)
        acting, is_retry = caller, False

        async def form(tenant: Tenant, state: ReportState) -> Wanted[ReportCommand]:
            nonlocal acting, is_retry
            again, current = self._authentication.again, self._authentication.current
            acting = await (again(acting) if is_retry else current(acting, tenant.version))
            is_retry = True
            access.demand_place(acting, Level.VIEW)
            access.demand_right(acting, Right.REPORTS, Level.FULL)
            return await self._wanted(tenant.id, asked, _language(acting), as_actor(acting))

        return await self._place(caller.at.id, form, caller.request.idempotency)

    async def order_from_console(self, company_id: UUID, asked: Asked) -> ShownReport:
        """By whoever runs the installation. Raises Refused(NOT_FOUND), Unacceptable, Contended."""

        async def form(tenant: Tenant, state: ReportState) -> Wanted[ReportCommand]:
            if not tenant.state.exists:
                raise Refused(Refusal.NOT_FOUND)
            request = Request(id=f"report/{self._entropy.uuid()}", arrived_at=self._clock.now())
            return await self._wanted(
                tenant.id, asked, PROGRAMS_LANGUAGE, Acting(metadata=metadata_of(request, SYSTEM))
            )

        return await self._place(company_id, form, None)

    async def page(self, caller: Caller, limit: int, before: int | None) -> Sequence[ShownReport]:
        """The newest first."""
        access.demand_right(caller, Right.REPORTS, Level.VIEW)
        return await self._shelf.page(caller.at.id, limit, before)

    async def find(self, caller: Caller, report_id: UUID) -> ShownReport:
        """Raises Refused(NOT_FOUND)."""
        access.demand_right(caller, Right.REPORTS, Level.VIEW)
        return await self.known(caller.at.id, report_id)

    async def known(self, company_id: UUID, report_id: UUID) -> ShownReport:
        """For those who need no right. Raises Refused(NOT_FOUND)."""
        found = await self._shelf.find(company_id, report_id)
        if found is None:
            raise Refused(Refusal.NOT_FOUND)
        return found

    async def content(self, caller: Caller, report_id: UUID) -> tuple[ShownReport, bytes]:
        """The JSON Lines. Raises Refused(NOT_FOUND, NOT_READY)."""
        found = await self.find(caller, report_id)
        return found, await self.known_content(found, caller.at.id)

    async def known_content(self, report: ShownReport, company_id: UUID) -> bytes:
        content = await self._shelf.content(company_id, report.id) if report.status == "ready" else None
        if content is None:
            raise Refused(Refusal.NOT_READY)
        return content

    async def _place(self, company_id: UUID, form: Form, idempotency: IdempotencyClaim | None) -> ShownReport:
        if await self._shelf.open_ones(company_id) >= MOST_OPEN:
            raise Refused(Refusal.TOO_MANY)
        report_id = self._entropy.uuid()
        await self._streams.run(REPORT, company_id, report_id, form, idempotency)
        return await self.known(company_id, report_id)

    async def _wanted(self, company_id: UUID, asked: Asked, language: str, acting: Acting) -> Wanted[ReportCommand]:
        now = self._clock.now()
        # What was answered is in a report as of now, also when another process with a clock ahead of ours recorded it.
        latest = max(now, await self._shelf.last_entry_at(company_id) or now)
        wish = RequestReport(now=now, order=order_of(asked, latest), language=language)
        return Wanted(command=wish, now=now, acting=acting)


def order_of(asked: Asked, now: datetime) -> Order:
    """Raises Unacceptable for what no report can be about."""
    if asked.kind in OF_A_MOMENT:
        for field, given in (("from", asked.from_at), ("to", asked.to_at)):
            if given is not None:
                raise Unacceptable(field, "not_of_this_kind", "this kind of report is about one moment: as_of")
    if asked.as_of is not None and asked.to_at is not None:
        raise Unacceptable("to", "two_ends", "as_of and to say both when the period ends")
    as_of, to_at, from_at = _end(asked.as_of, now, LEAST), _end(asked.to_at, now), _begin(asked.from_at)
    for field, given in (("as_of", as_of), ("to", to_at)):
        if given is not None and given > now:
            raise Unacceptable(field, "in_the_future", "lies in the future")
    if from_at is not None and from_at >= (to_at or as_of or now):
        raise Unacceptable("from", "not_before_the_end", "has to lie before the end of the period")
    return Order(kind=asked.kind, as_of=None if to_at else as_of or now, from_at=from_at, to_at=to_at)


def _begin(given: datetime | date | None) -> datetime | None:
    if given is None or isinstance(given, datetime):
        return given
    return datetime.combine(given, time(), UTC)


def _end(given: datetime | date | None, now: datetime, before: timedelta = timedelta(0)) -> datetime | None:
    """`before`: how far before the next midnight a day ends."""
    if given is None or isinstance(given, datetime):
        return given
    if given == now.astimezone(UTC).date():
        return now
    try:
        return datetime.combine(given + timedelta(days=1), time(), UTC) - before
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _language(caller: Caller) -> str:
    return caller.user.state.language if caller.client is None else PROGRAMS_LANGUAGE
