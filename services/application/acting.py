"""Acts of a caller on the company itself, or on one of its API clients: allowed now, and asked anew on every retry."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from events.catalogue import Event
from events.company.roles import Level
from events.credentials import Credential
from services.application import access
from services.application.authentication import Authentication
from services.application.context import Caller, Tenant
from services.application.execute import Acting
from services.application.ports import Clock
from services.application.streams import Outcome, Stream, Streams, Wanted

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E", bound=Event)

Check = Callable[[Tenant], None]


class CompanyActs:
    """All of these ask for a fresh session and an own factor that is on; `demand` asks for the rest."""

    def __init__(self, streams: Streams, authentication: Authentication, clock: Clock) -> None:
        self._streams = streams
        self._authentication = authentication
        self._clock = clock

    async def run(
        self,
        stream: Stream[S, C, E],
        caller: Caller,
        stream_id: UUID,
        make: Callable[[datetime], C],
        demand: Callable[[Caller], None],
        *,
        reason: str | None = None,
        check: Check = lambda tenant: None,
        rows: tuple[Credential, ...] = (),
    ) -> Outcome[S, E]:
        """Where the caller acts; `check` sees the company as it is before. Raises Refused, Contended, Replayed."""
        acting, is_retry = caller, False

        async def form(tenant: Tenant, state: S) -> Wanted[C]:
            nonlocal acting, is_retry
            acting = await self._renewed(acting, tenant, is_retry=is_retry)
            is_retry = True
            now = self._clock.now()
            access.demand_fresh(acting, now)
            access.demand_own_factor(acting)
            access.demand_place(acting, Level.FULL)
            demand(acting)
            check(tenant)
            return Wanted(command=make(now), now=now, acting=as_actor(acting, reason), credentials=rows)

        return await self._streams.run(stream, caller.at.id, stream_id, form, caller.request.idempotency)

    async def _renewed(self, caller: Caller, tenant: Tenant, *, is_retry: bool) -> Caller:
        if is_retry:
            return await self._authentication.again(caller)
        return await self._authentication.current(caller, tenant.version)


def as_actor(caller: Caller, reason: str | None = None) -> Acting:
    """In the caller's name, on somebody or something else."""
    person = caller.held.user
    label = person.state.login if person is not None else None
    return Acting(
        metadata=caller.metadata(label=label, reason=reason),
        caller=caller.check_as_actor(),
        actor_key=person.person_key if person is not None else None,
    )
