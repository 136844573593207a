"""Companies as a whole: made, named and suspended by the provider; policy and roles, by their own people too."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from events.codec import decode
from events.company import commands
from events.company.events import PolicyChanged
from events.company.policy import CompanyRules, Policy, with_policy
from events.company.roles import Level, Right, Rights, may_manage_roles, rights_from, words_of
from events.decision import Refusal
from events.policy import DryRun, dry_run
from events.store.port import EventStore, RecordedEvent
from events.store.states import user_state
from services.application import access
from services.application.acting import Check, CompanyActs
from services.application.context import Caller, Tenant
from services.application.errors import Refused, Unacceptable
from services.application.ports import Clock, Companies, Users
from services.application.streams import COMPANY, Streams

_HISTORY: Final = 1000  # facts of the company's own stream that are looked through at once


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    """What the policy was from `changed_at` on, and who set it."""

    policy: Policy
    changed_at: datetime
    recorded: RecordedEvent = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyEffect:
    """What a policy would do right now."""

    forced_now: tuple[UUID, ...]
    locked_out: tuple[UUID, ...]
    caller_forced: bool
    caller_locked_out: bool


class CompanyAdministration:
    def __init__(
        self,
        store: EventStore,
        streams: Streams,
        acts: CompanyActs,
        companies: Companies,
        users: Users,
        clock: Clock,
    ) -> None:
        self._store = store
        self._streams = streams
        self._acts = acts
        self._companies = companies
        self._users = users
        self._clock = clock

    async def find(self, company_id: UUID) -> Tenant:
        """Raises Refused(NOT_FOUND)."""
        tenant = await self._streams.tenant(company_id)
        if not tenant.state.exists:
            raise Refused(Refusal.NOT_FOUND)
        return tenant

    async def page(
        self, caller: Caller, limit: int, after: tuple[str, UUID] | None, *, backwards: bool = False
    ) -> Sequence[Tenant]:
        """Every company by name, beginning after the given one, or backwards before it."""
        access.demand_right(caller, Right.COMPANIES, Level.VIEW)
        return await self._companies.page(limit, after, backwards=backwards)

    async def create(self, caller: Caller, name: str) -> Tenant:
        """A company without users. Its id is that of the place where the caller acts."""
        return await self._change(caller, lambda at: commands.CreateCompany(now=at, name=check_name(name)), _provider)

    async def rename(self, caller: Caller, name: str, check: Check) -> Tenant:
        return await self._change(
            caller, lambda at: commands.RenameCompany(now=at, name=check_name(name)), _provider, check=check
        )

    async def suspend(self, caller: Caller, reason: str) -> Tenant:
        """Everything of the company's ends in this commit; nobody signs in until it is resumed."""
        return await self._change(caller, lambda at: commands.SuspendCompany(now=at), _provider, reason)

    async def resume(self, caller: Caller, reason: str) -> Tenant:
        """People may sign in again. What was ended stays ended; API clients need a new token."""
        return await self._change(caller, lambda at: commands.ResumeCompany(now=at), _provider, reason)

    async def change_policy(
        self, caller: Caller, policy: Policy, reason: str | None, check: Check, *, confirmed: bool
    ) -> Tenant:
        """Raises Refused(CONFIRMATION_REQUIRED) when the caller would be forced or locked out and was not asked yet."""
        if not confirmed and caller.client is None and not caller.is_elsewhere:
            effect = await self.try_policy(caller, policy)
            if effect.caller_forced or effect.caller_locked_out:
                raise Refused(Refusal.CONFIRMATION_REQUIRED)

        def also(tenant: Tenant) -> None:
            check(tenant)
            self._check_roles(tenant, policy)

        return await self._change(
            caller, lambda at: commands.ChangePolicy(now=at, policy=policy), _policy, reason, check=also
        )

    async def try_policy(self, caller: Caller, policy: Policy) -> PolicyEffect:
        """Whom the policy would force, and whom it would lock out, were it saved now."""
        access.demand_right(caller, Right.POLICY, Level.VIEW)
        self._check_roles(caller.at, policy)
        now, state = self._clock.now(), caller.at.state
        rules = CompanyRules(policy=policy, since=with_policy(state.since, policy, now))
        found = await self._dry_run(caller.at.id, rules, now)
        is_member = caller.client is None and not caller.is_elsewhere
        return PolicyEffect(
            forced_now=found.forced_now,
            locked_out=found.locked_out,
            caller_forced=is_member and caller.user_id in found.forced_now,
            caller_locked_out=is_member and caller.user_id in found.locked_out,
        )

    async def policy_history(self, caller: Caller, limit: int) -> list[PolicyVersion]:
        """Newest first."""
        access.demand_right(caller, Right.POLICY, Level.VIEW)
        found: list[PolicyVersion] = []
        after = 0
        while rows := await self._store.stream_events(caller.at.id, caller.at.id, after, _HISTORY):
            recorded = [decode(row.type, row.entry) for row in rows if row.type == PolicyChanged.__name__]
            found += [_version(one) for one in recorded]
            after += len(rows)
        return found[::-1][:limit]

    async def create_role(self, caller: Caller, name: str, words: dict[str, str]) -> Tenant:
        """A role of the company's own, within the caller's rights."""
        return await self._change(
            caller, lambda at: commands.CreateRole(now=at, name=name, rights=words), _roles(rights_from(words))
        )

    async def change_role(
        self, caller: Caller, name: str, changed: dict[str, str], check: Check, *, confirmed: bool
    ) -> Tenant:
        """Rights that are named change; sessions of the role's users end, but the caller's own.

        Raises Refused(CONFIRMATION_REQUIRED) when the caller could not take it back.
        """

        def wish(at: datetime) -> commands.ChangeRole:
            return commands.ChangeRole(now=at, name=name, rights=changed, keep=caller.credential.id)

        def demand(acting: Caller) -> None:
            before = _rights_of_role(acting.at, name)
            after = rights_from({**words_of(before), **changed})
            _roles(before, after)(acting)
            if not confirmed and _takes_from_oneself(acting, name, after):
                raise Refused(Refusal.CONFIRMATION_REQUIRED)

        return await self._change(caller, wish, demand, check=check)

    async def delete_role(self, caller: Caller, name: str, check: Check) -> Tenant:
        """Raises Refused(ROLE_IN_USE) while a user has it, or the policy names it."""

        def demand(acting: Caller) -> None:
            _roles(_rights_of_role(acting.at, name))(acting)

        return await self._change(caller, lambda at: commands.DeleteRole(now=at, name=name), demand, check=check)

    def _check_roles(self, tenant: Tenant, policy: Policy) -> None:
        if any(not tenant.state.has_role(role) for role in policy.roles):
            raise Unacceptable("roles", "unknown_role", "names a role that this company does not have")

    async def _dry_run(self, company_id: UUID, rules: CompanyRules, now: datetime) -> DryRun:
        rows = await self._users.unprotected(company_id)
        return dry_run(((user_id, user_state(doc)) for user_id, doc in rows), rules, now)

    async def _change(
        self,
        caller: Caller,
        make: Callable[[datetime], commands.CompanyCommand],
        demand: Callable[[Caller], None],
        reason: str | None = None,
        *,
        check: Check = lambda tenant: None,
    ) -> Tenant:
        outcome = await self._acts.run(COMPANY, caller, caller.at.id, make, demand, reason=reason, check=check)
        return Tenant(id=caller.at.id, state=outcome.state, version=outcome.version)


def check_name(name: str) -> str:
    """A company's name. Raises Unacceptable."""
    if name != name.strip() or not name.isprintable():
        raise Unacceptable("name", "characters", "must not have control or surrounding space characters")
    return name


def _provider(caller: Caller) -> None:
    access.demand_right(caller, Right.COMPANIES, Level.FULL)


def _policy(caller: Caller) -> None:
    access.demand_right(caller, Right.POLICY, Level.FULL)


def _roles(*touched: Rights) -> Callable[[Caller], None]:
    """Whoever manages roles, and gives or takes no right above the own ones."""

    def demand(caller: Caller) -> None:
        access.demand_person(caller)
        access.demand_right(caller, Right.USERS, Level.FULL)
        access.demand_right(caller, Right.POLICY, Level.FULL)
        for rights in touched:
            access.demand_grantable(caller, rights)

    return demand


def _rights_of_role(tenant: Tenant, name: str) -> Rights:
    if not tenant.state.has_role(name):
        raise Refused(Refusal.NOT_FOUND)
    return tenant.state.rights_of(name)


def _takes_from_oneself(caller: Caller, role: str, after: Rights) -> bool:
    is_own = not caller.is_elsewhere and caller.user.state.role == role
    return is_own and not may_manage_roles(after)


def _version(recorded: RecordedEvent) -> PolicyVersion:
    fact: Any = recorded.data
    return PolicyVersion(policy=fact.policy, changed_at=fact.changed_at, recorded=recorded)
