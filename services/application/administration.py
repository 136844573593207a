"""Acts on other users of a company: accounts, sessions, passwords, networks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from events.company.roles import Level, Right
from events.credentials import Credential
from events.decision import Refusal
from events.policy import EffectiveFactor, effective
from events.store.port import EventStore, StoredUser
from events.store.states import user_state
from events.user import commands
from services.application import access
from services.application.acting import as_actor
from services.application.clients import check_networks
from services.application.context import Caller
from services.application.errors import Refused, Unacceptable
from services.application.execute import Executor, Formed, nobody
from services.application.journal import Journal, note
from services.application.logins import check_login, check_password, login_key
from services.application.own_security import live_sessions
from services.application.passwords import generate_password
from services.application.ports import Clock, Entropy, Passwords, Standing, UserFilter, Users
from services.application.rules import Rules
from services.application.sign_in import password_row
from services.application.user_acts import ACCOUNT, SESSIONS, UserActs
from services.application.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    login: str
    role: str
    password: str | None = field(default=None, repr=False)
    email: str | None = None
    activation_at: datetime | None = None
    expiration_at: datetime | None = None
    time_zone: str = "Europe/Berlin"
    language: str = "de"
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an administrator may change of somebody else's account."""

    email: str | None
    role: str
    language: str
    time_zone: str
    activation_at: datetime | None
    expiration_at: datetime | None


Check = Callable[[StoredUser], None]


class Administration:
    def __init__(
        self,
        store: EventStore,
        executor: Executor,
        acts: UserActs,
        users: Users,
        passwords: Passwords,
        vault: Vault,
        clock: Clock,
        entropy: Entropy,
        rules: Rules,
        journal: Journal,
    ) -> None:
        self._store = store
        self._executor = executor
        self._acts = acts
        self._users = users
        self._passwords = passwords
        self._vault = vault
        self._clock = clock
        self._entropy = entropy
        self._rules = rules
        self._journal = journal

    async def page(
        self,
        caller: Caller,
        wanted: UserFilter,
        limit: int,
        after: tuple[str, UUID] | None,
        *,
        backwards: bool = False,
    ) -> list[StoredUser]:
        """Users of the company by login, beginning after the given one, or backwards before it."""
        access.demand_right(caller, Right.USERS, Level.VIEW)
        at, now = caller.at, self._clock.now()
        rows = await self._users.page(at.id, at.state, wanted, now, limit, after, backwards=backwards)
        return [self._listed(caller, *row) for row in rows]

    async def count(self, caller: Caller, wanted: UserFilter) -> Sequence[Standing]:
        """How the users of the company stand whom the filter names, whatever their second-factor state."""
        access.demand_right(caller, Right.USERS, Level.VIEW)
        return await self._users.count(caller.at.id, caller.at.state, wanted, self._clock.now())

    def _listed(self, caller: Caller, user_id: UUID, version: int, doc: str) -> StoredUser:
        return StoredUser(
            company_id=caller.at.id,
            user_id=user_id,
            version=version,
            state=user_state(doc),
            company=caller.at.state,
            company_version=caller.at.version,
            person_key=None,
            key_id=None,
            key_secret=None,
        )

    def two_factor(self, user: StoredUser) -> EffectiveFactor:
        return effective(user.state, user.company.rules, self._clock.now())

    async def create(self, caller: Caller, wanted: NewUser) -> tuple[StoredUser, str | None]:
        """(user, generated password or None). Raises Refused, Unacceptable."""
        self._acts.demand(caller, ACCOUNT)
        check_login(wanted.login)
        self._check_role(caller, wanted.role)
        generated = None if wanted.password is not None else generate_password(self._entropy)
        password = generated or check_password(wanted.password or "", wanted.login, caller.at.state.name)
        user = nobody(caller.at, self._entropy.uuid())
        acting = caller
        person_key = await self._vault.new_person_key()
        hashed = await self._passwords.hash(password)

        async def form(now: StoredUser) -> Formed:
            self._acts.demand(acting, ACCOUNT)
            self._check_role(acting, wanted.role)
            wish = commands.CreateUser(
                now=self._clock.now(),
                login=wanted.login,
                email=wanted.email,
                role=wanted.role,
                language=wanted.language,
                time_zone=wanted.time_zone,
                activation_at=wanted.activation_at,
                expiration_at=wanted.expiration_at,
                has_password=True,
            )
            return Formed(
                command=wish,
                acting=as_actor(acting, wanted.reason),
                credentials=lambda events: (password_row(self._entropy, user, hashed),),
                claim_login=login_key(wanted.login),
                person_key=person_key,
            )

        async def load() -> StoredUser:
            # Not the user, who does not exist, but the company changed meanwhile.
            nonlocal acting
            acting = await self._acts.again(acting)
            return nobody(acting.at, user.user_id)

        done = await self._executor.run(user, load, form, caller.request.idempotency)
        return done.user, generated

    async def change(
        self,
        caller: Caller,
        user_id: UUID,
        change: Callable[[StoredUser], Settings],
        check: Check,
        reason: str | None = None,
    ) -> StoredUser:
        """New settings. A role is given, and taken, within the own rights only. Raises Unacceptable."""

        async def make(user: StoredUser) -> commands.UserCommand:
            check(user)
            wanted = change(user)
            return commands.ChangeUser(
                now=self._clock.now(),
                rules=user.company.rules,
                email=wanted.email,
                role=wanted.role,
                language=wanted.language,
                time_zone=wanted.time_zone,
                activation_at=wanted.activation_at,
                expiration_at=wanted.expiration_at,
            )

        def also(acting: Caller, user: StoredUser) -> None:
            if (role := change(user).role) != user.state.role:
                self._check_role(acting, role)

        return (await self._acts.run(caller, user_id, ACCOUNT, make, also=also, reason=reason)).user

    async def change_networks(
        self, caller: Caller, user_id: UUID, networks: tuple[str, ...], reason: str | None
    ) -> StoredUser:
        """From where the user may sign in; sessions from elsewhere are closed at once. Raises Unacceptable."""
        wanted = check_networks(networks)

        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.ChangeNetworks(now=self._clock.now(), networks=wanted, reason=reason)

        return (await self._acts.run(caller, user_id, ACCOUNT, make)).user

    async def deactivate(self, caller: Caller, user_id: UUID, reason: str) -> StoredUser:
        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.DeactivateUser(now=self._clock.now(), reason=reason)

        return (await self._acts.run(caller, user_id, ACCOUNT, make)).user

    async def reactivate(self, caller: Caller, user_id: UUID, reason: str) -> StoredUser:
        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.ReactivateUser(now=self._clock.now(), reason=reason)

        return (await self._acts.run(caller, user_id, ACCOUNT, make)).user

    async def erase(self, caller: Caller, user_id: UUID) -> None:
        """The person's data key is destroyed: personal data is unreadable everywhere, the log stays whole."""

        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.EraseUser(now=self._clock.now())

        await self._acts.run(caller, user_id, ACCOUNT, make, forget=True)
        # After the commit: a restore must never erase somebody whose erasure was refused. A worker does it again.
        await note(self._journal.erased([(caller.at.id, user_id)]))

    async def reset_password(
        self, caller: Caller, user_id: UUID, reason: str, password: str | None
    ) -> tuple[StoredUser, str | None]:
        """(user, generated password or None). The second factor stays as it is."""
        self._acts.demand(caller, ACCOUNT)
        target = await self._acts.find(caller, user_id)
        access.demand_rank(caller, target)
        generated = None if password is not None else generate_password(self._entropy)
        new = generated or check_password(password or "", target.state.login, target.company.name)
        hashed = await self._passwords.hash(new)

        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.ResetPassword(now=self._clock.now(), reason=reason)

        rows = (password_row(self._entropy, target, hashed),)
        return (await self._acts.run(caller, user_id, ACCOUNT, make, rows)).user, generated

    async def sessions(self, user: StoredUser) -> list[Credential]:
        return await live_sessions(self._store, user, self._clock.now(), self._rules)

    async def end_session(self, caller: Caller, user_id: UUID, session_id: UUID) -> None:
        target = await self._acts.find(caller, user_id)
        if target.state.session(session_id) is None:
            raise Refused(Refusal.NOT_FOUND)
        await self._end_sessions(caller, user_id, lambda user: (session_id,))

    async def end_sessions(self, caller: Caller, user_id: UUID) -> None:
        await self._end_sessions(caller, user_id, lambda user: tuple(s.id for s in user.state.sessions))

    async def _end_sessions(
        self, caller: Caller, user_id: UUID, which: Callable[[StoredUser], tuple[UUID, ...]]
    ) -> None:
        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.EndSessions(now=self._clock.now(), session_ids=which(user), by_administrator=True)

        await self._acts.run(caller, user_id, SESSIONS, make)

    def _check_role(self, caller: Caller, role: str) -> None:
        company = caller.at.state
        if not company.has_role(role):
            raise Unacceptable("role", "unknown_role", "is not a role of this company")
        access.demand_grantable(caller, company.rights_of(role))
