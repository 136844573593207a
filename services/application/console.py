"""Acts of whoever runs the installation, from the command line: the same rules, events and consequences."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from events.codec import SealingKeys
from events.company.events import CompanyCreated, CompanyEvent, PolicyChanged
from events.company.policy import Policy
from events.company.roles import BUILT_IN, PROVIDER_ONLY
from events.company.state import CompanyState
from events.company.state import fold as fold_company
from events.decision import Refusal
from events.envelope import Metadata, StreamKind
from events.store.port import Append, EventStore, Status, StoredUser
from events.store.states import company_doc
from events.user import commands
from events.user.state import UserState
from services.application.context import SYSTEM, Request, metadata_of
from services.application.errors import Contended, Refused, Unacceptable
from services.application.execute import ATTEMPTS, Acting, Done, Executor, Formed
from services.application.logins import check_login, check_password, login_key
from services.application.passwords import generate_password
from services.application.ports import Clock, Entropy, Passwords
from services.application.sign_in import password_row
from services.application.vault import Vault

_NOWHERE = b""


class Console:
    def __init__(
        self,
        store: EventStore,
        executor: Executor,
        passwords: Passwords,
        vault: Vault,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._executor = executor
        self._passwords = passwords
        self._vault = vault
        self._clock = clock
        self._entropy = entropy

    async def create_company(self, name: str, *, provider: bool = False) -> UUID:
        company_id = self._entropy.uuid()
        await self._append(company_id, 0, CompanyState(), CompanyCreated(name=name, provider=provider))
        return company_id

    async def change_policy(self, company_id: UUID, policy: Policy) -> None:
        """A company's policy. Raises Refused(NOT_FOUND), Contended."""
        for _ in range(ATTEMPTS):
            version, state = await self._store.company(company_id)
            if not state.exists:
                raise Refused(Refusal.NOT_FOUND)
            if await self._append(company_id, version, state, PolicyChanged(policy=policy)):
                return
        raise Contended

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
        company = (await self._store.company(company_id))[1]
        if not company.exists:
            raise Refused(Refusal.NOT_FOUND)
        check_login(login)
        if role not in BUILT_IN or (role in PROVIDER_ONLY and not company.provider):
            raise Unacceptable("role", "unknown_role", "is not a role of this company")
        password = generate_password(self._entropy) if password is None else check_password(password, login)
        hashed = await self._passwords.hash(password)
        person_key = await self._vault.new_person_key()
        user = _nobody(company_id, self._entropy.uuid(), company)

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
            raise Refused(Refusal.ALREADY_EXISTS)

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
            user, lambda now: commands.OrderEnrolment(now=now, policy=user.company.policy, reason=reason)
        )

    async def reset_key(self, user: StoredUser, reason: str) -> Done:
        return await self._run(user, lambda now: commands.ResetKey(now=now, policy=user.company.policy, reason=reason))

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

    async def _append(self, company_id: UUID, version: int, state: CompanyState, fact: CompanyEvent) -> bool:
        """False when another writer was first."""
        result = await self._store.append(
            Append(
                company_id=company_id,
                stream_id=company_id,
                stream_kind=StreamKind.COMPANY,
                expected=version,
                decided_at=self._clock.now(),
                events=(fact,),
                metadata=self._metadata(),
                keys=SealingKeys(),
                state=company_doc(fold_company([fact], state)),
            )
        )
        return result.status is Status.APPENDED

    def _acting(self) -> Acting:
        return Acting(metadata=self._metadata())

    def _metadata(self) -> Metadata:
        return metadata_of(Request(id=str(self._entropy.uuid()), arrived_at=self._clock.now()), SYSTEM)


def _nobody(company_id: UUID, user_id: UUID, company: CompanyState) -> StoredUser:
    return StoredUser(
        company_id=company_id,
        user_id=user_id,
        version=0,
        state=UserState(),
        company=company,
        person_key=None,
        key_id=None,
        key_secret=None,
    )
