"""The rules of a company's own stream, and what its facts end and call for. Pure, like those of a user."""

from collections.abc import Iterable
from typing import assert_never

from events.company.commands import (
    ChangePolicy,
    ChangeRole,
    CompanyCommand,
    CreateCompany,
    CreateRole,
    DeleteRole,
    DestroyTraces,
    RecordExport,
    RecordRestore,
    RenameCompany,
    ResumeCompany,
    SuspendCompany,
)
from events.company.events import (
    CompanyCreated,
    CompanyEvent,
    CompanyRenamed,
    CompanyResumed,
    CompanySuspended,
    InstallationRestored,
    PolicyChanged,
    RoleChanged,
    RoleCreated,
    RoleDeleted,
    TracesDestroyed,
)
from events.company.roles import BUILT_IN, MOST_OWN_ROLES, rights_from, words_of
from events.company.state import CompanyState
from events.credentials import CredentialKind, EndEveryone
from events.decision import Decision, Refusal, accepted, refused
from events.effects import EffectKind

_BEGUN = (CredentialKind.SESSION, CredentialKind.SIGN_IN, CredentialKind.PENDING_KEY)


def decide(state: CompanyState, command: CompanyCommand) -> Decision[CompanyEvent]:  # noqa: C901 - a dispatch
    """Facts or a refusal. Pure: no clock, no randomness, no I/O, no exception."""
    if isinstance(command, CreateCompany):
        if state.exists:
            return refused(Refusal.ALREADY_EXISTS)
        return accepted(CompanyCreated(name=command.name, provider=command.provider))
    if not state.exists:
        return refused(Refusal.NOT_FOUND)
    match command:
        case RenameCompany():
            return accepted() if command.name == state.name else accepted(CompanyRenamed(name=command.name))
        case SuspendCompany():
            return _suspend(state, command)
        case ResumeCompany():
            if not state.suspended:
                return refused(Refusal.NOT_SUSPENDED)
            return accepted(CompanyResumed(resumed_at=command.now))
        case RecordRestore():
            if state.epoch >= command.epoch:
                return accepted()
            return accepted(InstallationRestored(epoch=command.epoch, restored_at=command.now, former=command.former))
        case ChangePolicy():
            return _change_policy(state, command)
        case CreateRole():
            return _create_role(state, command)
        case ChangeRole():
            return _change_role(state, command)
        case DeleteRole():
            return _delete_role(state, command)
        case RecordExport():
            return accepted(command.fact)
        case DestroyTraces():
            return accepted(TracesDestroyed(month=command.month, destroyed_at=command.now))
        case _:
            assert_never(command)


def _suspend(state: CompanyState, wish: SuspendCompany) -> Decision[CompanyEvent]:
    if state.provider:
        # Nobody would be left to resume it.
        return refused(Refusal.PROVIDER_STAYS)
    if state.suspended:
        return refused(Refusal.ALREADY_SUSPENDED)
    return accepted(CompanySuspended(suspended_at=wish.now))


def _change_policy(state: CompanyState, wish: ChangePolicy) -> Decision[CompanyEvent]:
    if wish.policy == state.policy:
        return accepted()
    return accepted(PolicyChanged(policy=wish.policy, changed_at=wish.now))


def _create_role(state: CompanyState, wish: CreateRole) -> Decision[CompanyEvent]:
    if wish.name in BUILT_IN or state.own_role(wish.name) is not None:
        return refused(Refusal.ALREADY_EXISTS)
    if len(state.roles) >= MOST_OWN_ROLES:
        return refused(Refusal.TOO_MANY)
    return accepted(RoleCreated(name=wish.name, rights=words_of(rights_from(wish.rights))))


def _change_role(state: CompanyState, wish: ChangeRole) -> Decision[CompanyEvent]:
    if wish.name in BUILT_IN:
        return refused(Refusal.BUILT_IN_ROLE)
    role = state.own_role(wish.name)
    if role is None:
        return refused(Refusal.NOT_FOUND)
    rights = words_of(rights_from({**role.rights, **wish.rights}))
    if rights == role.rights:
        return accepted()
    return accepted(RoleChanged(name=wish.name, rights=rights, kept=wish.keep))


def _delete_role(state: CompanyState, wish: DeleteRole) -> Decision[CompanyEvent]:
    """That no user has it, the append looks at."""
    if wish.name in BUILT_IN:
        return refused(Refusal.BUILT_IN_ROLE)
    if state.own_role(wish.name) is None:
        return refused(Refusal.NOT_FOUND)
    if wish.name in state.policy.roles:
        return refused(Refusal.ROLE_IN_USE)
    return accepted(RoleDeleted(name=wish.name))


def ended_for_everyone(event: CompanyEvent) -> EndEveryone | None:
    """Credentials of many users that this fact ends, in its own commit."""
    match event:
        case CompanySuspended():
            return EndEveryone(kinds=(*_BEGUN, CredentialKind.BREAK_GLASS, CredentialKind.API_CLIENT))
        case InstallationRestored():
            return EndEveryone(kinds=(*_BEGUN, CredentialKind.BREAK_GLASS, CredentialKind.RECOVERY_CODE))
        case RoleChanged():
            return EndEveryone(role=event.name, kinds=_BEGUN, keep=event.kept)
        case _:
            return None


def unused_role(events: Iterable[CompanyEvent]) -> str | None:
    """The role that no user may have when these facts are appended."""
    return next((event.name for event in events if isinstance(event, RoleDeleted)), None)


def reactions(event: CompanyEvent) -> tuple[EffectKind, ...]:
    """Kinds of effects that one fact calls for."""
    match event:
        case CompanySuspended():
            return (EffectKind.SIGN_EVERYONE_OUT, EffectKind.NOTIFY_ADMINISTRATORS)
        case CompanyResumed() | PolicyChanged():
            return (EffectKind.NOTIFY_ADMINISTRATORS,)
        case RoleChanged():
            return (EffectKind.SIGN_EVERYONE_OUT,)
        case _:
            return ()
