"""The effective second-factor state: one answer, for the API, the portal, reports and the sign-in itself."""

from datetime import datetime, timedelta
from itertools import product
from typing import Final

import pytest

from events.company.policy import CompanyRules, Policy
from events.decision import Refusal
from events.policy import (
    EffectiveFactor,
    FactorState,
    NextSignIn,
    RequiredBy,
    effective,
    is_inside,
    may_not_be_without,
)
from events.user.events import OverrideKind, PolicyOrderStarted, Stage, TwoFactorOverridden, UserEvent
from tests.support.facts import CODES, ON, created, enabled, failures, locked, ordered, paused
from tests.support.given import NOON, given, later
from tests.support.rules import company
from tests.support.wishes import OPTIONAL, REQUIRED, order, start

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


# From a date, with a grace.

FROM_MORNING: Final = company((NOON, Policy(requirement="required", from_at=later(hours=20))))
WITH_GRACE: Final = company((NOON, Policy(requirement="required", grace_days=14)))
ROLE_WITH_GRACE: Final = company((NOON, Policy(requirement="required_for_roles", roles=("user",), grace_days=14)))
ANNOUNCED: Final = company((NOON, Policy(requirement="required", from_at=later(days=10), grace_days=14)))
GRACE_OVER: Final = later(days=14)
SECOND: Final = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("now", "state", "by", "demand"),
    [
        (NOON, "off", None, "password"),
        (later(hours=20) - SECOND, "off", None, "password"),
        (later(hours=20), "enrolment_required", "company", "enrolment"),
    ],
)
def test_a_policy_demands_nothing_before_its_date(
    now: datetime, state: FactorState, by: RequiredBy | None, demand: NextSignIn
) -> None:
    answer = effective(given(*OFF).state, FROM_MORNING, now)
    assert (answer.state, answer.required_by, answer.next_sign_in) == (state, by, demand)


def test_before_its_date_a_factor_may_be_switched_off() -> None:
    user = given(*ON).state
    assert not may_not_be_without(user, FROM_MORNING, later(hours=20) - SECOND)
    assert may_not_be_without(user, FROM_MORNING, later(hours=20))


@pytest.mark.parametrize(("rules", "by"), [(WITH_GRACE, "company"), (ROLE_WITH_GRACE, "role")])
def test_in_the_grace_the_demand_is_said_and_not_yet_made(rules: CompanyRules, by: RequiredBy) -> None:
    for now in (NOON, GRACE_OVER - SECOND):
        answer = effective(given(*OFF).state, rules, now)
        assert (answer.state, answer.required_by, answer.next_sign_in) == ("off", by, "password")
        assert answer.grace_until == GRACE_OVER
    answer = effective(given(*OFF).state, rules, GRACE_OVER)
    assert (answer.state, answer.required_by, answer.next_sign_in) == ("enrolment_required", by, "enrolment")
    assert answer.grace_until is None


def test_the_grace_runs_from_the_policys_date() -> None:
    assert effective(given(*OFF).state, ANNOUNCED, later(days=9)).grace_until is None
    assert effective(given(*OFF).state, ANNOUNCED, later(days=10)).grace_until == later(days=24)
    assert effective(given(*OFF).state, ANNOUNCED, later(days=24)).next_sign_in == "enrolment"


def test_of_somebody_with_a_factor_no_grace_is_said() -> None:
    answer = effective(given(*ON).state, WITH_GRACE, NOON)
    assert (answer.state, answer.required_by, answer.grace_until) == ("on", "company", None)


def test_a_grace_does_not_let_its_owner_switch_the_factor_off() -> None:
    assert may_not_be_without(given(*ON).state, WITH_GRACE, NOON)


def test_a_persons_order_does_not_wait_for_the_end_of_a_grace() -> None:
    """And it is a person that demands, as the policy does not yet."""
    answer = effective(given(*ORDERED).state, WITH_GRACE, NOON)
    assert (answer.state, answer.required_by, answer.next_sign_in) == ("enrolment_required", "user", "enrolment")
    assert answer.order_expires_at == OVER


# An exception for one user.


def override(kind: OverrideKind, until: datetime | None = None) -> TwoFactorOverridden:
    return TwoFactorOverridden(override=kind, until=until, overridden_at=NOON)


EXEMPT: Final = override("exempt")
EXEMPT_TODAY: Final = override("exempt", later(hours=8))
DEMANDED_BY_NAME: Final = override("required")
DEMANDED_TODAY: Final = override("required", later(hours=8))

# past, policy, hours after noon, then: state, required by, next sign-in
EXCEPTIONS: Final[
    list[tuple[tuple[UserEvent, ...], CompanyRules, float, FactorState, RequiredBy | None, NextSignIn]]
] = [
    ((created(), EXEMPT), REQUIRED, 0, "off", None, "password"),
    ((created(), EXEMPT), REQUIRED, 8_000, "off", None, "password"),
    ((created(), EXEMPT), FOR_USERS, 0, "off", None, "password"),
    ((created(), EXEMPT_TODAY), REQUIRED, 7.9, "off", None, "password"),
    ((created(), EXEMPT_TODAY), REQUIRED, 8, "enrolment_required", "company", "enrolment"),
    ((created(), EXEMPT_TODAY, override("inherit")), REQUIRED, 1, "enrolment_required", "company", "enrolment"),
    ((created(), DEMANDED_BY_NAME), OPTIONAL, 0, "enrolment_required", "user", "enrolment"),
    ((created(), DEMANDED_BY_NAME), FOR_OTHERS, 0, "enrolment_required", "user", "enrolment"),
    ((created(), DEMANDED_BY_NAME), REQUIRED, 0, "enrolment_required", "company", "enrolment"),
    ((created(), DEMANDED_BY_NAME), WITH_GRACE, 0, "enrolment_required", "user", "enrolment"),
    ((created(), DEMANDED_TODAY), OPTIONAL, 7.9, "enrolment_required", "user", "enrolment"),
    ((created(), DEMANDED_TODAY), OPTIONAL, 8, "off", None, "password"),
    ((created(), DEMANDED_BY_NAME, override("inherit")), OPTIONAL, 0, "off", None, "password"),
    ((*ON, EXEMPT), REQUIRED, 0, "on", None, "code"),
    ((*ON, DEMANDED_BY_NAME), OPTIONAL, 0, "on", "user", "code"),
    # A person's order or reset stands above the exemption of another day.
    ((created(), EXEMPT, ordered()), REQUIRED, 0, "enrolment_required", "user", "enrolment"),
    ((created(), ordered(), EXEMPT), REQUIRED, 0, "enrolment_required", "user", "enrolment"),
    # The window that the policy opened does not outlive the policy's hold on the user.
    ((created(), DEMANDED, EXEMPT), REQUIRED, 0, "off", None, "password"),
    ((created(), DEMANDED, EXEMPT), REQUIRED, 100, "off", None, "password"),
]


@pytest.mark.parametrize(("past", "policy", "hours", "state", "by", "demand"), EXCEPTIONS)
def test_an_exception_stands_above_the_policy(
    past: tuple[UserEvent, ...],
    policy: CompanyRules,
    hours: float,
    state: FactorState,
    by: RequiredBy | None,
    demand: NextSignIn,
) -> None:
    answer = effective(given(*past).state, policy, later(hours=hours))
    assert (answer.state, answer.required_by, answer.next_sign_in) == (state, by, demand)


@pytest.mark.parametrize(
    ("exception", "policy", "hours", "bound"),
    [
        (EXEMPT, REQUIRED, 0, False),
        (EXEMPT_TODAY, REQUIRED, 7.9, False),
        (EXEMPT_TODAY, REQUIRED, 8, True),
        (DEMANDED_BY_NAME, OPTIONAL, 0, True),
        (DEMANDED_TODAY, OPTIONAL, 7.9, True),
        (DEMANDED_TODAY, OPTIONAL, 8, False),
    ],
)
def test_an_exception_decides_whether_the_owner_may_switch_off(
    exception: TwoFactorOverridden, policy: CompanyRules, hours: float, bound: bool
) -> None:
    assert may_not_be_without(given(*ON, exception).state, policy, later(hours=hours)) is bound


# Outside the company's networks.

OFFICE: Final = ("192.0.2.0/24", "2001:db8:1::/48")
OUTSIDE: Final = company((NOON, Policy(requirement="required_outside_trusted_networks", networks=OFFICE)))


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("2001:db8:1:2::3", True),
        ("192.0.3.7", False),
        ("2001:db8:2::3", False),
        ("not an address", False),
        (None, False),
    ],
)
def test_inside_the_networks_the_password_is_enough(address: str | None, inside: bool) -> None:
    assert is_inside(OUTSIDE, address) is inside
    asked = given(*OFF).when(start(policy=OUTSIDE, address=address))
    stages = [progress.stage for progress in asked.then_granted().state.sign_ins]
    assert stages == ([] if inside else [Stage.ENROLMENT])


def test_what_is_said_of_a_user_is_said_of_the_outside() -> None:
    """`next_sign_in` tells the case from outside."""
    answer = effective(given(*OFF).state, OUTSIDE, NOON)
    assert (answer.state, answer.required_by, answer.next_sign_in) == ("enrolment_required", "network", "enrolment")
    within = effective(given(*OFF).state, OUTSIDE, NOON, inside=True)
    assert (within.state, within.required_by, within.next_sign_in) == ("off", None, "password")


def test_being_inside_lifts_no_demand_of_another_kind() -> None:
    for past in ((created(), ordered()), (created(), DEMANDED_BY_NAME)):
        assert effective(given(*past).state, OUTSIDE, NOON, inside=True).next_sign_in == "enrolment"
    assert effective(given(*ON).state, OUTSIDE, NOON, inside=True).next_sign_in == "code"
    assert effective(given(*OFF).state, REQUIRED, NOON, inside=True).next_sign_in == "enrolment"
    assert may_not_be_without(given(*ON).state, OUTSIDE, NOON)


def test_a_grace_counts_outside_too() -> None:
    rules = company(
        (NOON, Policy(requirement="required_outside_trusted_networks", networks=OFFICE, grace_days=14)),
    )
    answer = effective(given(*OFF).state, rules, NOON)
    assert (answer.state, answer.required_by, answer.grace_until) == ("off", "network", GRACE_OVER)
    assert effective(given(*OFF).state, rules, GRACE_OVER).next_sign_in == "enrolment"


# The window to enrol.


def test_the_window_of_the_policy_opens_at_the_first_right_password_after_the_grace() -> None:
    """Nobody comes back from a holiday to a closed door."""
    past = given(*OFF)
    past.when(start(later(days=13), policy=WITH_GRACE)).then_granted()
    holiday = later(days=60)
    answer = effective(past.state, WITH_GRACE, holiday)
    assert (answer.next_sign_in, answer.order_expires_at) == ("enrolment", None)
    back = past.when(start(holiday, policy=WITH_GRACE)).then_granted()
    order = back.state.order
    assert order is not None
    assert (order.by_policy, order.expires_at) == (True, holiday + timedelta(hours=72))
    # The second right password opens no second window.
    again = back.when(start(holiday + timedelta(hours=71), policy=WITH_GRACE)).then_granted()
    assert again.state.order == order
    again.when(start(holiday + timedelta(hours=72), policy=WITH_GRACE)).then_denied(Refusal.CONTACT_ADMINISTRATOR)


def test_an_order_of_a_person_opens_its_window_at_once() -> None:
    past = given(*OFF).when(order(policy=WITH_GRACE)).then_granted()
    past.when(start(OVER, policy=WITH_GRACE)).then_denied(Refusal.CONTACT_ADMINISTRATOR)


def test_the_company_sets_the_length_of_the_window() -> None:
    rules = company((NOON, Policy(requirement="required", order_hours=8)))
    past = given(*OFF).when(start(policy=rules)).then_granted()
    past.when(start(later(hours=8) - SECOND, policy=rules)).then_granted()
    past.when(start(later(hours=8), policy=rules)).then_denied(Refusal.CONTACT_ADMINISTRATOR)
