"""All use cases of one process, as the surfaces see them."""

from dataclasses import dataclass
from uuid import UUID

from events.decision import Refusal
from events.store.port import EventStore, StoredUser
from events.user import commands
from services.application.administration import Administration
from services.application.audit import Audit
from services.application.authentication import Authentication
from services.application.clients import ApiClients
from services.application.companies import CompanyAdministration
from services.application.context import Caller
from services.application.errors import Refused
from services.application.execute import Acting, Executor, Formed
from services.application.exporting import AuditExport
from services.application.idempotency import Idempotency
from services.application.introspection import Introspection
from services.application.meters import Meters
from services.application.others_factors import OthersFactors
from services.application.own_data import OwnDataExport
from services.application.own_security import OwnSecurity
from services.application.ports import Clock, Entropy
from services.application.reports.orders import Reports
from services.application.rules import Rules
from services.application.sign_in import SignIn
from services.application.transparency import Transparency
from services.application.user_acts import UserActs


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    store: EventStore
    executor: Executor
    clock: Clock
    entropy: Entropy
    rules: Rules
    authentication: Authentication
    sign_in: SignIn
    own: OwnSecurity
    own_data: OwnDataExport
    users: UserActs
    administration: Administration
    others_factors: OthersFactors
    companies: CompanyAdministration
    clients: ApiClients
    introspection: Introspection
    audit: Audit
    reports: Reports
    exports: AuditExport
    transparency: Transparency
    idempotency: Idempotency
    meters: Meters

    async def record_denial(self, caller: Caller, act: str, target_id: UUID | None) -> None:
        """A refused act of somebody signed in, or of a program, is a fact on the caller's own stream."""
        if caller.client is not None:
            await self.clients.record_denial(caller, act, target_id)
            return

        async def form(user: StoredUser) -> Formed:
            wish = commands.RecordDenial(now=self.clock.now(), act=act, target_id=target_id)
            return Formed(command=wish, acting=Acting(metadata=caller.metadata()))

        async def load() -> StoredUser:
            again = await self.store.user(caller.company_id, caller.user_id)
            if again is None:
                raise Refused(Refusal.SESSION_OVER)
            return again

        await self.executor.run(caller.user, load, form)
