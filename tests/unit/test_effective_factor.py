"""The effective second-factor state: one answer, for the API, the portal, reports and the sign-in itself."""

from datetime import datetime
from itertools import product
from typing import Final

import pytest

from events.company.policy import CompanyRules, Policy
from events.policy import EffectiveFactor, FactorState, NextSignIn, RequiredBy, effective, may_not_be_without
from events.user.events import PolicyOrderStarted, Stage, UserEvent
from tests.support.facts import CODES, ON, created, enabled, failures, locked, ordered, paused
from tests.support.given import NOON, given, later
from tests.support.wishes import OPTIONAL, REQUIRED, start

FOR_USERS: Final = CompanyRules(policy=Policy(requirement="required_for_roles", roles=("auditor", "user")))
FOR_OTHERS: Final = CompanyRules(policy=Policy(requirement="required_for_roles", roles=("auditor",)))
DEMANDED: Final = PolicyOrderStarted(started_at=NOON, expires_at=later(hours=72))
OVER: Final = later(hours=72)

OFF = (created(),)
ORDERED = (created(), ordered())
MET_POLICY = (created(), DEMANDED)
DISABLED_ON = (*ON, locked(None, total=100))
DISABLED_OFF = (created(), locked(None, total=100))

# past, policy, now, then: state, required by, next sign-in
TABLE: Final[list[tuple[tuple[UserEvent, ...], CompanyRules, datetime, FactorState, RequiredBy | None, NextSignIn]]] = [
    (OFF, OPTIONAL, NOON, "off", None, "password"),
    (OFF, FOR_OTHERS, NOON, "off", None, "password"),
    (OFF, REQUIRED, NOON, "enrolment_required", "company", "enrolment"),
    (OFF, FOR_USERS, NOON, "enrolment_required", "role", "enrolment"),
    (ORDERED, OPTIONAL, NOON, "enrolment_required", "user", "enrolment"),
    (ORDERED, REQUIRED, NOON, "enrolment_required", "company", "enrolment"),
    (ORDERED, FOR_USERS, NOON, "enrolment_required", "role", "enrolment"),
    (ORDERED, OPTIONAL, OVER, "enrolment_required", "user", "contact_administrator"),
    (ORDERED, REQUIRED, OVER, "enrolment_required", "company", "contact_administrator"),
    (MET_POLICY, REQUIRED, NOON, "enrolment_required", "company", "enrolment"),
    (MET_POLICY, REQUIRED, OVER, "enrolment_required", "company", "contact_administrator"),
    (MET_POLICY, OPTIONAL, NOON, "off", None, "password"),
    (MET_POLICY, OPTIONAL, OVER, "off", None, "password"),
    (ON, OPTIONAL, NOON, "on", None, "code"),
    (ON, REQUIRED, NOON, "on", "company", "code"),
    (ON, FOR_USERS, NOON, "on", "role", "code"),
    (DISABLED_ON, OPTIONAL, NOON, "on", None, "contact_administrator"),
    (DISABLED_ON, REQUIRED, NOON, "on", "company", "contact_administrator"),
    (DISABLED_OFF, OPTIONAL, NOON, "off", None, "password"),
    (DISABLED_OFF, REQUIRED, NOON, "enrolment_required", "company", "contact_administrator"),
]


@pytest.mark.parametrize(("past", "policy", "now", "state", "by", "demand"), TABLE)
def test_who_is_protected_how(
    past: tuple[UserEvent, ...],
    policy: CompanyRules,
    now: datetime,
    state: FactorState,
    by: RequiredBy | None,
    demand: NextSignIn,
) -> None:
    """Defect 5: the inherited demand decides, not what is stored."""
    answer = effective(given(*past).state, policy, now)
    assert (answer.state, answer.required_by, answer.next_sign_in) == (state, by, demand)


@pytest.mark.parametrize("policy", [OPTIONAL, REQUIRED, FOR_USERS, FOR_OTHERS])
@pytest.mark.parametrize("past", [OFF, ORDERED, MET_POLICY, ON])
def test_the_sign_in_does_what_the_answer_says(past: tuple[UserEvent, ...], policy: CompanyRules) -> None:
    """Defect 5: page, report and sign-in cannot disagree."""
    for now in (NOON, OVER):
        user = given(*past)
        answer = effective(user.state, policy, now).next_sign_in
        asked = user.when(start(now, policy=policy))
        stages = [s.stage for s in given(*past, *asked.decision.events).state.sign_ins]
        expected = {"code": [Stage.CODE], "enrolment": [Stage.ENROLMENT]}.get(answer, [])
        assert stages == expected
        assert (asked.decision.refusal is None) is (answer != "contact_administrator")


def test_of_a_user_who_is_on_everything_is_said() -> None:
    past = (created(), enabled(at=later(hours=-1)), *ON[3:])
    assert effective(given(*past).state, OPTIONAL, NOON) == EffectiveFactor(
        state="on",
        required_by=None,
        grace_until=None,
        order_expires_at=None,
        enrolled_at=later(hours=-1),
        last_used_at=later(hours=-1),
        recovery_codes_left=len(CODES),
        locked_until=None,
        next_sign_in="code",
    )


def test_the_end_of_an_order_is_said_while_it_matters() -> None:
    assert effective(given(*ORDERED).state, OPTIONAL, NOON).order_expires_at == later(hours=72)
    assert effective(given(*MET_POLICY).state, OPTIONAL, NOON).order_expires_at is None


@pytest.mark.parametrize("stop", [paused(later(minutes=1)), locked(later(minutes=1))])
def test_a_pause_or_lock_is_said_until_it_ends(stop: UserEvent) -> None:
    state = given(*ON, *failures(4), stop).state
    assert effective(state, OPTIONAL, NOON).locked_until == later(minutes=1)
    assert effective(state, OPTIONAL, later(minutes=1)).locked_until is None


def test_the_policy_is_named_before_a_persons_order() -> None:
    """So nobody believes that withdrawing the order would help."""
    for past, policy in product([OFF, ORDERED, ON], [REQUIRED, FOR_USERS]):
        assert may_not_be_without(given(*past).state, policy, NOON)
    assert not may_not_be_without(given(*ORDERED).state, OPTIONAL, NOON)
