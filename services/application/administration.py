"""Acts on other users of a company: accounts, second factors, sessions, passwords, networks."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

from events.company.roles import Level, Right
from events.credentials import Credential
from events.decision import Refusal
from events.policy import EffectiveFactor, effective
from events.store.port import EventStore, IdempotencyClaim, StoredUser
from events.store.states import user_state
from events.user import commands
from events.user.events import BreakGlassCodeIssued, OverrideKind
from services.application import access
from services.application.acting import as_actor
from services.application.authentication import Authentication
from services.application.clients import check_networks
from services.application.codes import Codes
from services.application.context import Caller, Tenant
from services.application.errors import Refused, Unacceptable
from services.application.execute import Done, Executor, Formed, nobody
from services.application.logins import check_login, check_password, login_key
from services.application.own_security import live_sessions
from services.application.passwords import generate_password
from services.application.ports import Clock, Entropy, Passwords, UserFilter, Users
from services.application.rules import Rules
from services.application.sign_in import password_row
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


Make = Callable[[StoredUser], Awaitable[commands.UserCommand]]
Check = Callable[[StoredUser], None]
BulkAct: TypeAlias = Literal["enable", "reset", "disable"]

_AT_ONCE: Final = 16  # of a bulk act: they share the company's appends


@dataclass(frozen=True, slots=True, kw_only=True)
class _Demand:
    """What an act asks of its caller."""

    right: Right
    own_factor: bool = False


_ACCOUNT = _Demand(right=Right.USERS)
_FACTOR = _Demand(right=Right.TWO_FACTOR_OTHERS, own_factor=True)
_SESSIONS = _Demand(right=Right.SESSIONS_OTHERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlassCode:
    """Shown once, to whoever issued it."""

    code: str = field(repr=False)
    expires_at: datetime
    two_factor: EffectiveFactor


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of one user of a bulk act; `refusal` None: done."""

    user_id: UUID
    refusal: Refusal | None


class Administration:
    def __init__(
        self,
        store: EventStore,
        executor: Executor,
        authentication: Authentication,
        codes: Codes,
        users: Users,
        passwords: Passwords,
        vault: Vault,
        clock: Clock,
        entropy: Entropy,
        rules: Rules,
    ) -> None:
        self._store = store
        self._executor = executor
        self._authentication = authentication
        self._codes = codes
        self._users = users
        self._passwords = passwords
        self._vault = vault
        self._clock = clock
        self._entropy = entropy
        self._rules = rules

    async def page(
        self, caller: Caller, wanted: UserFilter, limit: int, after: tuple[str, UUID] | None
    ) -> list[StoredUser]:
        """Users of the company by login, beginning after the given one."""
        access.demand_right(caller, Right.USERS, Level.VIEW)
        at = caller.at
        rows = await self._users.page(at.id, at.state, wanted, self._clock.now(), limit, after)
        return [self._listed(caller, *row) for row in rows]

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

    async def find(self, caller: Caller, user_id: UUID) -> StoredUser:
        """A user of the company. Raises Refused(NOT_FOUND): foreign and missing look the same."""
        user = await self._store.user(caller.at.id, user_id)
        if user is None or not user.state.exists or user.state.erased:
            raise Refused(Refusal.NOT_FOUND)
        return user

    def two_factor(self, user: StoredUser) -> EffectiveFactor:
        return effective(user.state, user.company.rules, self._clock.now())

    async def create(self, caller: Caller, wanted: NewUser) -> tuple[StoredUser, str | None]:
        """(user, generated password or None). Raises Refused, Unacceptable."""
        self._demand(caller, _ACCOUNT)
        check_login(wanted.login)
        self._check_role(caller, wanted.role)
        generated = None if wanted.password is not None else generate_password(self._entropy)
        password = generated or check_password(wanted.password or "", wanted.login, caller.at.state.name)
        user = nobody(caller.at, self._entropy.uuid())
        acting = caller
        person_key = await self._vault.new_person_key()
        hashed = await self._passwords.hash(password)

        async def form(now: StoredUser) -> Formed:
            self._demand(acting, _ACCOUNT)
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
            acting = await self._again(acting)
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

        return (await self._run(caller, user_id, _ACCOUNT, make, also=also, reason=reason)).user

    async def change_networks(
        self, caller: Caller, user_id: UUID, networks: tuple[str, ...], reason: str | None
    ) -> StoredUser:
        """From where the user may sign in; sessions from elsewhere are closed at once. Raises Unacceptable."""
        wanted = check_networks(networks)

        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.ChangeNetworks(now=self._clock.now(), networks=wanted, reason=reason)

        return (await self._run(caller, user_id, _ACCOUNT, make)).user

    async def deactivate(self, caller: Caller, user_id: UUID, reason: str) -> StoredUser:
        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.DeactivateUser(now=self._clock.now(), reason=reason)

        return (await self._run(caller, user_id, _ACCOUNT, make)).user

    async def reactivate(self, caller: Caller, user_id: UUID, reason: str) -> StoredUser:
        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.ReactivateUser(now=self._clock.now(), reason=reason)

        return (await self._run(caller, user_id, _ACCOUNT, make)).user

    async def erase(self, caller: Caller, user_id: UUID) -> None:
        """The person's data key is destroyed: personal data is unreadable everywhere, the log stays whole."""

        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.EraseUser(now=self._clock.now())

        await self._run(caller, user_id, _ACCOUNT, make, forget=True)

    async def reset_password(
        self, caller: Caller, user_id: UUID, reason: str, password: str | None
    ) -> tuple[StoredUser, str | None]:
        """(user, generated password or None). The second factor stays as it is."""
        self._demand(caller, _ACCOUNT)
        target = await self.find(caller, user_id)
        access.demand_rank(caller, target)
        generated = None if password is not None else generate_password(self._entropy)
        new = generated or check_password(password or "", target.state.login, target.company.name)
        hashed = await self._passwords.hash(new)

        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.ResetPassword(now=self._clock.now(), reason=reason)

        rows = (password_row(self._entropy, target, hashed),)
        return (await self._run(caller, user_id, _ACCOUNT, make, rows)).user, generated

    async def order_enrolment(self, caller: Caller, user_id: UUID, reason: str) -> EffectiveFactor:
        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.OrderEnrolment(now=self._clock.now(), rules=user.company.rules, reason=reason)

        return await self._act_on_factor(caller, user_id, make)

    async def reset_key(self, caller: Caller, user_id: UUID, reason: str) -> EffectiveFactor:
        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.ResetKey(now=self._clock.now(), rules=user.company.rules, reason=reason)

        return await self._act_on_factor(caller, user_id, make)

    async def disable_factor(self, caller: Caller, user_id: UUID, reason: str) -> EffectiveFactor:
        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.DisableFactor(now=self._clock.now(), rules=user.company.rules, reason=reason)

        return await self._act_on_factor(caller, user_id, make)

    async def unlock(self, caller: Caller, user_id: UUID, reason: str) -> EffectiveFactor:
        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.UnlockFactor(now=self._clock.now(), reason=reason)

        return await self._act_on_factor(caller, user_id, make)

    async def override(
        self, caller: Caller, user_id: UUID, override: OverrideKind, until: datetime | None, reason: str
    ) -> EffectiveFactor:
        """An exception from the policy, until a moment in the future or for good. Raises Unacceptable."""
        if until is not None and until <= self._clock.now():
            raise Unacceptable("until", "past", "must lie in the future")

        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.OverridePolicy(
                now=self._clock.now(), rules=user.company.rules, override=override, until=until, reason=reason
            )

        return await self._act_on_factor(caller, user_id, make)

    async def break_glass(self, caller: Caller, user_id: UUID, reason: str) -> BreakGlassCode:
        """A code for once for somebody locked out; only a person issues it. Pause and lock are over."""
        access.demand_person(caller)
        target = await self.find(caller, user_id)
        fresh = await self._codes.break_glass_code(target)
        row = replace(fresh.row, expires_at=self._clock.now() + self._rules.limits.break_glass)

        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.IssueBreakGlassCode(
                now=self._clock.now(), limits=self._rules.limits, code_id=row.id, reason=reason
            )

        done = await self._run(caller, user_id, _FACTOR, make, (row,))
        issued = done.event(BreakGlassCodeIssued)
        assert isinstance(issued, BreakGlassCodeIssued)  # noqa: S101 - the decision was granted
        return BreakGlassCode(code=fresh.code, expires_at=issued.expires_at, two_factor=self.two_factor(done.user))

    async def bulk(
        self, caller: Caller, act: BulkAct, user_ids: Sequence[UUID], reason: str, claim: IdempotencyClaim | None
    ) -> list[BulkResult]:
        """One act on each of these users, each by itself: what is refused for one changes nothing for the others."""
        self._demand(caller, _FACTOR)
        alone = replace(caller, request=replace(caller.request, idempotency=None)) if claim is not None else caller
        free = asyncio.Semaphore(_AT_ONCE)
        acts = {"enable": self.order_enrolment, "reset": self.reset_key, "disable": self.disable_factor}

        async def one(user_id: UUID) -> BulkResult:
            async with free:
                try:
                    await acts[act](alone, user_id, reason)
                except Refused as refused:
                    return BulkResult(user_id, refused.refusal)
                return BulkResult(user_id, None)

        return list(await asyncio.gather(*(one(user_id) for user_id in dict.fromkeys(user_ids))))

    async def _act_on_factor(self, caller: Caller, user_id: UUID, make: Make) -> EffectiveFactor:
        return self.two_factor((await self._run(caller, user_id, _FACTOR, make)).user)

    async def sessions(self, user: StoredUser) -> list[Credential]:
        return await live_sessions(self._store, user, self._clock.now(), self._rules)

    async def end_session(self, caller: Caller, user_id: UUID, session_id: UUID) -> None:
        target = await self.find(caller, user_id)
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

        await self._run(caller, user_id, _SESSIONS, make)

    def demand_act(self, caller: Caller, target: StoredUser) -> None:
        """The rank rule, for callers that have to answer before a body is read."""
        access.demand_rank(caller, target)

    def _demand(self, caller: Caller, demand: _Demand) -> None:
        access.demand_fresh(caller, self._clock.now())
        access.demand_place(caller, Level.FULL)
        access.demand_right(caller, demand.right, Level.FULL)
        if demand.own_factor:
            access.demand_own_factor(caller)

    def _check_role(self, caller: Caller, role: str) -> None:
        company = caller.at.state
        if not company.has_role(role):
            raise Unacceptable("role", "unknown_role", "is not a role of this company")
        access.demand_grantable(caller, company.rights_of(role))

    async def _run(
        self,
        caller: Caller,
        user_id: UUID,
        demand: _Demand,
        make: Make,
        rows: tuple[Credential, ...] = (),
        *,
        forget: bool = False,
        also: Callable[[Caller, StoredUser], None] = lambda caller, user: None,
        reason: str | None = None,
    ) -> Done:
        acting = caller

        async def form(user: StoredUser) -> Formed:
            nonlocal acting
            acting = await self._authentication.current(acting, user.company_version)
            self._demand(acting, demand)
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
            acting = await self._again(acting)
            return await self.find(acting, user_id)

        target = await self.find(caller, user_id)
        return await self._executor.run(target, load, form, caller.request.idempotency)

    async def _again(self, caller: Caller) -> Caller:
        """The caller as of now, in the company as of now."""
        acting = await self._authentication.again(caller)
        if acting.elsewhere is None:
            return acting
        version, state = await self._store.company(acting.elsewhere.id)
        return replace(acting, elsewhere=Tenant(id=acting.elsewhere.id, state=state, version=version))
