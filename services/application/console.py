"""Acts of whoever runs the installation, from the command line: the same rules, events and consequences."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from events.company import clients
from events.company import commands as commands_of_company
from events.company.clients import ClientState
from events.company.policy import Policy
from events.company.scopes import Scope
from events.company.state import CompanyState
from events.credentials import CredentialKind
from events.decision import Refusal
from events.envelope import Metadata
from events.store.port import EventStore, StoredUser
from events.user import commands
from services.application.context import SYSTEM, Request, Tenant, metadata_of
from services.application.errors import Refused, Unacceptable
from services.application.execute import Acting, Done, Executor, Formed, nobody
from services.application.logins import check_login, check_password, login_key
from services.application.passwords import generate_password
from services.application.ports import Clock, Entropy, Passwords
from services.application.sessions import Tokens, client_row
from services.application.sign_in import password_row
from services.application.streams import CLIENT, COMPANY, Streams, Wanted
from services.application.vault import Vault

_NOWHERE = b""


class Console:
    def __init__(
        self,
        store: EventStore,
        executor: Executor,
        streams: Streams,
        tokens: Tokens,
        passwords: Passwords,
        vault: Vault,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._executor = executor
        self._streams = streams
        self._tokens = tokens
        self._passwords = passwords
        self._vault = vault
        self._clock = clock
        self._entropy = entropy

    async def create_company(self, name: str, *, provider: bool = False) -> UUID:
        company_id = self._entropy.uuid()
        await self._on_company(
            company_id, lambda at: commands_of_company.CreateCompany(now=at, name=name, provider=provider)
        )
        return company_id

    async def change_policy(self, company_id: UUID, policy: Policy) -> None:
        """A company's policy. Raises Refused(NOT_FOUND), Contended."""
        await self._on_company(company_id, lambda at: commands_of_company.ChangePolicy(now=at, policy=policy))

    async def suspend(self, company_id: UUID) -> None:
        await self._on_company(company_id, lambda at: commands_of_company.SuspendCompany(now=at))

    async def create_client(self, company_id: UUID, name: str, scopes: tuple[Scope, ...]) -> str:
        """The token of a new API client. Raises Refused, Contended."""
        client_id = self._entropy.uuid()
        issued = self._tokens.issue(CredentialKind.API_CLIENT, company_id)

        async def form(tenant: Tenant, state: ClientState) -> Wanted[clients.ClientCommand]:
            now = self._clock.now()
            wish = clients.CreateClient(now=now, name=name, scopes=tuple(sorted(scopes)))
            row = client_row(client_id, issued, None)
            return Wanted(command=wish, now=now, acting=self._acting(), credentials=(row,))

        await self._streams.run(CLIENT, company_id, client_id, form)
        return issued.token

    async def _on_company(
        self, company_id: UUID, make: Callable[[datetime], commands_of_company.CompanyCommand]
    ) -> None:
        async def form(tenant: Tenant, state: CompanyState) -> Wanted[commands_of_company.CompanyCommand]:
            now = self._clock.now()
            return Wanted(command=make(now), now=now, acting=self._acting())

        await self._streams.run(COMPANY, company_id, company_id, form)

    async def create_user(
        self,
        company_id: UUID,
        *,
        login: str,
        role: str,
        password: str | None = None,
        email: str | None = None,
        language: str = "de",
        must_change_password: bool = False,
    ) -> tuple[StoredUser, str]:
        """(user, password). Raises Refused, Unacceptable."""
        tenant = await self._streams.tenant(company_id)
        if not tenant.state.exists:
            raise Refused(Refusal.NOT_FOUND)
        check_login(login)
        if not tenant.state.has_role(role):
            raise Unacceptable("role", "unknown_role", "is not a role of this company")
        password = generate_password(self._entropy) if password is None else check_password(password, login)
        hashed = await self._passwords.hash(password)
        person_key = await self._vault.new_person_key()
        user = nobody(tenant, self._entropy.uuid())

        async def form(now: StoredUser) -> Formed:
            wish = commands.CreateUser(
                now=self._clock.now(),
                login=login,
                email=email,
                role=role,
                language=language,
                time_zone="Europe/Berlin",
                activation_at=None,
                expiration_at=None,
                has_password=True,
                must_change_password=must_change_password,
            )
            return Formed(
                command=wish,
                acting=self._acting(),
                credentials=lambda events: (password_row(self._entropy, user, hashed),),
                claim_login=login_key(login),
                person_key=person_key,
            )

        async def load() -> StoredUser:
            return nobody(await self._streams.tenant(company_id), user.user_id)

        done = await self._executor.run(user, load, form)
        return replace(done.user, person_key=person_key[1]), password

    async def find_user(self, login: str) -> StoredUser:
        """The user of a login, of whatever company. Raises Refused(NOT_FOUND)."""
        account = await self._store.login(login_key(login), _NOWHERE)
        if account is None:
            raise Refused(Refusal.NOT_FOUND)
        return account.user

    async def order_enrolment(self, user: StoredUser, reason: str) -> Done:
        return await self._run(
            user, lambda now: commands.OrderEnrolment(now=now, rules=user.company.rules, reason=reason)
        )

    async def reset_key(self, user: StoredUser, reason: str) -> Done:
        return await self._run(user, lambda now: commands.ResetKey(now=now, rules=user.company.rules, reason=reason))

    async def unlock(self, user: StoredUser, reason: str) -> Done:
        return await self._run(user, lambda now: commands.UnlockFactor(now=now, reason=reason))

    async def _run(self, user: StoredUser, make: Callable[[datetime], commands.UserCommand]) -> Done:
        async def form(now: StoredUser) -> Formed:
            return Formed(command=make(self._clock.now()), acting=self._acting())

        async def load() -> StoredUser:
            again = await self._store.user(user.company_id, user.user_id)
            if again is None:
                raise Refused(Refusal.NOT_FOUND)
            return again

        return await self._executor.run(user, load, form)

    def _acting(self) -> Acting:
        return Acting(metadata=self._metadata())

    def _metadata(self) -> Metadata:
        return metadata_of(Request(id=str(self._entropy.uuid()), arrived_at=self._clock.now()), SYSTEM)
