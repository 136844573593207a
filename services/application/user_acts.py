"""Acts of a caller on somebody else: allowed now, and asked anew on every retry."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from events.company.roles import Level, Right
from events.credentials import Credential
from events.decision import Refusal
from events.store.port import EventStore, StoredUser
from events.user import commands
from services.application import access
from services.application.acting import as_actor
from services.application.authentication import Authentication
from services.application.context import Caller, Tenant
from services.application.errors import Refused
from services.application.execute import Done, Executor, Formed
from services.application.ports import Clock

Make = Callable[[StoredUser], Awaitable[commands.UserCommand]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What an act asks of its caller."""

    right: Right
    own_factor: bool = False


ACCOUNT: Final = Demand(right=Right.USERS)
FACTOR: Final = Demand(right=Right.TWO_FACTOR_OTHERS, own_factor=True)
SESSIONS: Final = Demand(right=Right.SESSIONS_OTHERS)


class UserActs:
    def __init__(self, store: EventStore, executor: Executor, authentication: Authentication, clock: Clock) -> None:
        self._store = store
        self._executor = executor
        self._authentication = authentication
        self._clock = clock

    async def find(self, caller: Caller, user_id: UUID) -> StoredUser:
        """A user of the company. Raises Refused(NOT_FOUND): foreign and missing look the same."""
        user = await self._store.user(caller.at.id, user_id)
        if user is None or not user.state.exists or user.state.erased:
            raise Refused(Refusal.NOT_FOUND)
        return user

    def demand(self, caller: Caller, demand: Demand) -> None:
        """Freshness, place, right and own factor. Raises Refused."""
        access.demand_fresh(caller, self._clock.now())
        access.demand_place(caller, Level.FULL)
        access.demand_right(caller, demand.right, Level.FULL)
        if demand.own_factor:
            access.demand_own_factor(caller)

    async def run(
        self,
        caller: Caller,
        user_id: UUID,
        demand: Demand,
        make: Make,
        rows: tuple[Credential, ...] = (),
        *,
        forget: bool = False,
        also: Callable[[Caller, StoredUser], None] = lambda caller, user: None,
        reason: str | None = None,
    ) -> Done:
        """One wish on one user. `also` asks for more than `demand` does; `rows` are inserted when it is granted."""
        acting = caller

        async def form(user: StoredUser) -> Formed:
            nonlocal acting
            acting = await self._authentication.current(acting, user.company_version)
            self.demand(acting, demand)
            access.demand_rank(acting, user)
            also(acting, user)
            return Formed(
                command=await make(user),
                acting=as_actor(acting, reason),
                credentials=lambda events: rows,
                forget=forget,
            )

        async def load() -> StoredUser:
            nonlocal acting
            acting = await self.again(acting)
            return await self.find(acting, user_id)

        target = await self.find(caller, user_id)
        return await self._executor.run(target, load, form, caller.request.idempotency)

    async def again(self, caller: Caller) -> Caller:
        """The caller as of now, in the company as of now."""
        acting = await self._authentication.again(caller)
        if acting.elsewhere is None:
            return acting
        version, state = await self._store.company(acting.elsewhere.id)
        return replace(acting, elsewhere=Tenant(id=acting.elsewhere.id, state=state, version=version))
