"""The rules of a company's stream: given the past, when a wish, then the facts."""

from dataclasses import replace
from typing import Final

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
    CompanyRenamed,
    CompanyResumed,
    CompanySuspended,
    PolicyChanged,
    RoleChanged,
    RoleCreated,
    RoleDeleted,
)
from events.company.policy import Policy
from events.company.roles import MOST_OWN_ROLES, Right, words_of
from events.company.state import CompanyState, Role, fold
from events.credentials import CredentialKind
from events.decision import Refusal
from events.effects import EffectKind
from tests.support.given import NOON, SESSION

ACME: Final = fold([CompanyCreated(name="Acme GmbH")])
PROVIDER: Final = fold([CompanyCreated(name="Anbieter", provider=True)])
NONE: Final = {right.value: "none" for right in Right}
HELPDESK: Final = RoleCreated(name="helpdesk", rights={**NONE, "users": "view"})
WITH_ROLE: Final = fold([HELPDESK], ACME)
SUSPENDED: Final = fold([CompanySuspended(suspended_at=NOON)], ACME)

WISHES: Final[list[CompanyCommand]] = [
    RenameCompany(now=NOON, name="Acme AG"),
    SuspendCompany(now=NOON),
    ResumeCompany(now=NOON),
    ChangePolicy(now=NOON, policy=Policy(requirement="required")),
    CreateRole(now=NOON, name="helpdesk"),
    ChangeRole(now=NOON, name="helpdesk"),
    DeleteRole(now=NOON, name="helpdesk"),
]


def refusal(state: CompanyState, wish: CompanyCommand) -> Refusal | None:
    decision = decide(state, wish)
    assert not (decision.refusal and decision.events), "what is refused leaves no fact here"
    return decision.refusal


@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: type(wish).__name__)
def test_a_company_that_does_not_exist_is_not_found(wish: CompanyCommand) -> None:
    assert refusal(CompanyState(), wish) is Refusal.NOT_FOUND


def test_a_company_is_made_once() -> None:
    assert refusal(ACME, CreateCompany(now=NOON, name="Acme GmbH")) is Refusal.ALREADY_EXISTS


def test_the_same_again_changes_nothing() -> None:
    for state, wish in (
        (ACME, RenameCompany(now=NOON, name="Acme GmbH")),
        (ACME, ChangePolicy(now=NOON, policy=Policy())),
        (WITH_ROLE, ChangeRole(now=NOON, name="helpdesk", rights={"users": "view"})),
    ):
        assert decide(state, wish).events == ()
        assert decide(state, wish).refusal is None


def test_a_suspension_ends_what_was_begun_and_every_token_and_is_undone_by_nothing_of_it() -> None:
    (fact,) = decide(ACME, SuspendCompany(now=NOON)).events
    ended = ended_for_everyone(fact)
    assert ended is not None
    assert ended.role is None
    kinds = {CredentialKind.SESSION, CredentialKind.SIGN_IN, CredentialKind.PENDING_KEY, CredentialKind.API_CLIENT}
    assert set(ended.kinds) == kinds
    assert reactions(fact) == (EffectKind.SIGN_EVERYONE_OUT, EffectKind.NOTIFY_ADMINISTRATORS)
    (resumed,) = decide(SUSPENDED, ResumeCompany(now=NOON)).events
    assert resumed == CompanyResumed(resumed_at=NOON)
    assert ended_for_everyone(resumed) is None


def test_suspending_twice_resuming_twice_and_suspending_the_provider_are_refused() -> None:
    assert refusal(SUSPENDED, SuspendCompany(now=NOON)) is Refusal.ALREADY_SUSPENDED
    assert refusal(ACME, ResumeCompany(now=NOON)) is Refusal.NOT_SUSPENDED
    assert refusal(PROVIDER, SuspendCompany(now=NOON)) is Refusal.PROVIDER_STAYS


def test_roles_that_are_built_in_stay_as_they_are() -> None:
    assert refusal(ACME, CreateRole(now=NOON, name="auditor")) is Refusal.ALREADY_EXISTS
    assert refusal(ACME, ChangeRole(now=NOON, name="auditor")) is Refusal.BUILT_IN_ROLE
    assert refusal(ACME, DeleteRole(now=NOON, name="auditor")) is Refusal.BUILT_IN_ROLE


def test_a_role_has_every_right_named_and_the_rest_are_none() -> None:
    (fact,) = decide(ACME, CreateRole(now=NOON, name="helpdesk", rights={"users": "view"})).events
    assert fact == HELPDESK
    assert words_of(fold([fact], ACME).rights_of("helpdesk")) == HELPDESK.rights


def test_a_changed_role_ends_the_sessions_of_its_users_but_that_of_who_changed_it() -> None:
    wish = ChangeRole(now=NOON, name="helpdesk", rights={"users": "full"}, keep=SESSION)
    (fact,) = decide(WITH_ROLE, wish).events
    assert fact == RoleChanged(name="helpdesk", rights={**NONE, "users": "full"}, kept=SESSION)
    ended = ended_for_everyone(fact)
    assert ended is not None
    assert (ended.role, ended.keep) == ("helpdesk", SESSION)
    assert CredentialKind.API_CLIENT not in ended.kinds
    assert reactions(fact) == (EffectKind.SIGN_EVERYONE_OUT,)


def test_a_role_that_the_policy_names_is_not_deleted_and_another_only_when_nobody_has_it() -> None:
    named = replace(WITH_ROLE, policy=Policy(requirement="required_for_roles", roles=("helpdesk",)))
    assert refusal(named, DeleteRole(now=NOON, name="helpdesk")) is Refusal.ROLE_IN_USE
    decision = decide(WITH_ROLE, DeleteRole(now=NOON, name="helpdesk"))
    assert decision.events == (RoleDeleted(name="helpdesk"),)
    assert unused_role(decision.events) == "helpdesk"


def test_roles_are_bounded_because_every_request_reads_them() -> None:
    many = replace(ACME, roles=tuple(Role(name=f"r{n}", rights=NONE) for n in range(MOST_OWN_ROLES)))
    assert refusal(many, CreateRole(now=NOON, name="one_more")) is Refusal.TOO_MANY


def test_other_companies_have_no_roles_of_the_provider() -> None:
    assert PROVIDER.has_role("operator")
    assert not ACME.has_role("operator")
    assert set(words_of(ACME.rights_of("operator")).values()) == {"none"}


def test_what_is_told_to_administrators_of_a_company() -> None:
    told = (EffectKind.NOTIFY_ADMINISTRATORS,)
    assert reactions(PolicyChanged(policy=Policy(), changed_at=NOON)) == told
    assert reactions(CompanyResumed(resumed_at=NOON)) == told
    for quiet in (CompanyRenamed(name="x"), HELPDESK, RoleDeleted(name="helpdesk"), CompanyCreated(name="x")):
        assert reactions(quiet) == ()
        assert ended_for_everyone(quiet) is None
