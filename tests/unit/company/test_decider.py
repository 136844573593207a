"""The rules of a company's own stream: suspension, policy, roles; and what each fact ends."""

import pytest

from events.company.commands import (
    ChangePolicy,
    ChangeRole,
    CompanyCommand,
    CreateCompany,
    CreateRole,
    DeleteRole,
    RenameCompany,
    ResumeCompany,
    SuspendCompany,
)
from events.company.decider import decide, ended_for_everyone, reactions, unused_role
from events.company.events import (
    CompanyCreated,
    CompanyEvent,
    CompanyRenamed,
    CompanyResumed,
    CompanySuspended,
    PolicyChanged,
    RoleChanged,
    RoleCreated,
    RoleDeleted,
)
from events.company.policy import Policy, Requirement
from events.company.roles import BUILT_IN, MOST_OWN_ROLES, NO_RIGHTS, Level, Right
from events.company.state import CompanyState, fold
from events.credentials import CredentialKind, EndEveryone
from events.decision import Decision, Refusal
from events.effects import EffectKind
from tests.support.given import NOON, ident

ACME = CompanyCreated(name="Acme GmbH")
PROVIDER = CompanyCreated(name="Anbieter", provider=True)
SUSPENDED = CompanySuspended(suspended_at=NOON)
NOTHING = {right.value: "none" for right in Right}
HELPERS = {**NOTHING, "users": "view", "two_factor_others": "full"}
HELPDESK = RoleCreated(name="helpdesk", rights=HELPERS)
BEGUN = (CredentialKind.SESSION, CredentialKind.SIGN_IN, CredentialKind.PENDING_KEY)


def when(command: CompanyCommand, *past: CompanyEvent) -> Decision[CompanyEvent]:
    return decide(fold(past), command)


def refused(refusal: Refusal) -> Decision[CompanyEvent]:
    return Decision((), refusal)


class TestCompany:
    def test_it_is_made_once(self) -> None:
        assert when(CreateCompany(now=NOON, name="Acme GmbH")) == Decision((ACME,))
        assert when(CreateCompany(now=NOON, name="Acme GmbH"), ACME) == refused(Refusal.ALREADY_EXISTS)

    @pytest.mark.parametrize(
        "command",
        [
            RenameCompany(now=NOON, name="Acme AG"),
            SuspendCompany(now=NOON),
            ResumeCompany(now=NOON),
            ChangePolicy(now=NOON, policy=Policy(requirement="required")),
            CreateRole(now=NOON, name="helpdesk"),
            ChangeRole(now=NOON, name="helpdesk"),
            DeleteRole(now=NOON, name="helpdesk"),
        ],
    )
    def test_nothing_is_done_to_one_that_does_not_exist(self, command: CompanyCommand) -> None:
        assert when(command) == refused(Refusal.NOT_FOUND)

    def test_a_new_name_is_a_fact_and_the_old_one_is_nothing_new(self) -> None:
        assert when(RenameCompany(now=NOON, name="Acme AG"), ACME) == Decision((CompanyRenamed(name="Acme AG"),))
        assert when(RenameCompany(now=NOON, name="Acme GmbH"), ACME) == Decision(())


class TestSuspension:
    def test_it_is_on_or_off(self) -> None:
        assert when(SuspendCompany(now=NOON), ACME) == Decision((SUSPENDED,))
        assert when(SuspendCompany(now=NOON), ACME, SUSPENDED) == refused(Refusal.ALREADY_SUSPENDED)
        assert when(ResumeCompany(now=NOON), ACME) == refused(Refusal.NOT_SUSPENDED)
        resumed = CompanyResumed(resumed_at=NOON)
        assert when(ResumeCompany(now=NOON), ACME, SUSPENDED) == Decision((resumed,))
        assert not fold([ACME, SUSPENDED, resumed]).suspended

    def test_the_provider_stays(self) -> None:
        """Nobody would be left to resume it."""
        assert when(SuspendCompany(now=NOON), PROVIDER) == refused(Refusal.PROVIDER_STAYS)

    def test_everything_of_theirs_ends(self) -> None:
        ends = ended_for_everyone(SUSPENDED)
        assert ends is not None
        assert (ends.role, ends.keep) == (None, None)
        # What is the people's own stays: passwords, authenticators, recovery codes.
        own = {CredentialKind.PASSWORD, CredentialKind.KEY, CredentialKind.RECOVERY_CODE}
        assert set(ends.kinds) == set(CredentialKind) - own

    def test_everybody_is_told(self) -> None:
        assert reactions(SUSPENDED) == (EffectKind.SIGN_EVERYONE_OUT, EffectKind.NOTIFY_ADMINISTRATORS)
        assert reactions(CompanyResumed(resumed_at=NOON)) == (EffectKind.NOTIFY_ADMINISTRATORS,)

    def test_it_can_still_be_renamed_and_ruled(self) -> None:
        assert when(RenameCompany(now=NOON, name="Acme AG"), ACME, SUSPENDED).refusal is None
        assert when(ChangePolicy(now=NOON, policy=Policy(order_hours=1)), ACME, SUSPENDED).refusal is None


class TestPolicy:
    def test_it_is_a_fact_with_its_time(self) -> None:
        policy = Policy(requirement="required")
        changed = PolicyChanged(policy=policy, changed_at=NOON)
        assert when(ChangePolicy(now=NOON, policy=policy), ACME) == Decision((changed,))
        assert when(ChangePolicy(now=NOON, policy=policy), ACME, changed) == Decision(())

    def test_the_administrators_are_told_and_no_session_ends(self) -> None:
        changed = PolicyChanged(policy=Policy(requirement="required"), changed_at=NOON)
        assert reactions(changed) == (EffectKind.NOTIFY_ADMINISTRATORS,)
        assert ended_for_everyone(changed) is None


class TestRoles:
    def test_rights_that_are_not_named_are_none(self) -> None:
        made = when(CreateRole(now=NOON, name="helpdesk", rights={"users": "view", "two_factor_others": "full"}), ACME)
        assert made == Decision((HELPDESK,))
        rights = fold([ACME, HELPDESK]).rights_of("helpdesk")
        assert rights == {**NO_RIGHTS, Right.USERS: Level.VIEW, Right.TWO_FACTOR_OTHERS: Level.FULL}

    @pytest.mark.parametrize("name", [*BUILT_IN, "helpdesk"])
    def test_a_name_that_is_taken_stays_taken(self, name: str) -> None:
        """Also that of a role which only the provider has."""
        assert when(CreateRole(now=NOON, name=name), ACME, HELPDESK) == refused(Refusal.ALREADY_EXISTS)

    def test_there_are_fifty_at_most(self) -> None:
        others: list[CompanyEvent] = [RoleCreated(name=f"role_{n}", rights=NOTHING) for n in range(MOST_OWN_ROLES - 1)]
        assert when(CreateRole(now=NOON, name="another"), ACME, *others).refusal is None
        full: list[CompanyEvent] = [ACME, *others, HELPDESK]
        assert when(CreateRole(now=NOON, name="another"), *full) == refused(Refusal.TOO_MANY)
        deleted = RoleDeleted(name="helpdesk")
        assert when(CreateRole(now=NOON, name="another"), *full, deleted).refusal is None

    @pytest.mark.parametrize("name", BUILT_IN)
    def test_a_built_in_role_stays_as_it_is(self, name: str) -> None:
        assert when(ChangeRole(now=NOON, name=name, rights=HELPERS), ACME) == refused(Refusal.BUILT_IN_ROLE)
        assert when(DeleteRole(now=NOON, name=name), ACME) == refused(Refusal.BUILT_IN_ROLE)

    def test_what_does_not_exist_is_neither_changed_nor_deleted(self) -> None:
        assert when(ChangeRole(now=NOON, name="helpdesk"), ACME) == refused(Refusal.NOT_FOUND)
        assert when(DeleteRole(now=NOON, name="helpdesk"), ACME) == refused(Refusal.NOT_FOUND)
        gone = (ACME, HELPDESK, RoleDeleted(name="helpdesk"))
        assert when(DeleteRole(now=NOON, name="helpdesk"), *gone) == refused(Refusal.NOT_FOUND)

    def test_a_change_ends_what_the_roles_users_began_but_the_changers_session(self) -> None:
        changed = RoleChanged(name="helpdesk", rights=NOTHING, kept=ident("own"))
        wish = ChangeRole(now=NOON, name="helpdesk", rights=NOTHING, keep=ident("own"))
        assert when(wish, ACME, HELPDESK) == Decision((changed,))
        assert ended_for_everyone(changed) == EndEveryone(kinds=BEGUN, role="helpdesk", keep=ident("own"))
        assert reactions(changed) == (EffectKind.SIGN_EVERYONE_OUT,)

    def test_the_same_rights_again_end_nothing(self) -> None:
        assert when(ChangeRole(now=NOON, name="helpdesk", rights=HELPERS), ACME, HELPDESK) == Decision(())

    def test_a_deleted_role_gives_nothing_and_has_to_be_unused(self) -> None:
        deleted = RoleDeleted(name="helpdesk")
        assert when(DeleteRole(now=NOON, name="helpdesk"), ACME, HELPDESK) == Decision((deleted,))
        assert unused_role([deleted]) == "helpdesk"
        state = fold([ACME, HELPDESK, deleted])
        assert state.rights_of("helpdesk") == NO_RIGHTS
        assert not state.has_role("helpdesk")

    @pytest.mark.parametrize("requirement", ["required_for_roles", "optional"])
    def test_a_role_that_the_policy_names_is_in_use(self, requirement: Requirement) -> None:
        policy = Policy(requirement=requirement, roles=("helpdesk",))
        named = PolicyChanged(policy=policy, changed_at=NOON)
        assert when(DeleteRole(now=NOON, name="helpdesk"), ACME, HELPDESK, named) == refused(Refusal.ROLE_IN_USE)
        unnamed = PolicyChanged(policy=Policy(), changed_at=NOON)
        assert when(DeleteRole(now=NOON, name="helpdesk"), ACME, HELPDESK, named, unnamed).refusal is None

    def test_a_role_of_an_old_or_a_newer_program_gives_what_is_known(self) -> None:
        odd = RoleCreated(name="odd", rights={"users": "everything", "time_travel": "full", "audit": "view"})
        assert fold([ACME, odd]).rights_of("odd") == {**NO_RIGHTS, Right.AUDIT: Level.VIEW}


@pytest.mark.parametrize("provider", [False, True])
def test_only_the_provider_has_the_providers_roles(provider: bool) -> None:
    state = fold([PROVIDER if provider else ACME])
    names = {name for name, _ in state.all_roles()}
    assert ({"operator", "provider_auditor"} <= names) is provider
    assert (state.rights_of("operator") != NO_RIGHTS) is provider
    assert isinstance(state, CompanyState)
