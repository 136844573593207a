"""The fold of a company's stream."""

from datetime import timedelta

from events.company.events import CompanyCreated, PolicyChanged
from events.company.policy import Policy
from events.company.state import CompanyState, evolve, fold
from tests.support.given import NOON

CREATED = CompanyCreated(name="Acme GmbH")
STRICT = Policy(requirement="required", order_hours=8)


def test_a_company_begins_with_a_policy_that_demands_nothing() -> None:
    assert fold([CREATED]) == CompanyState(exists=True, name="Acme GmbH", policy=Policy(requirement="optional"))


def test_only_one_is_marked_as_provider() -> None:
    assert fold([CompanyCreated(name="Provider", provider=True)]).provider
    assert not fold([CREATED]).provider


def test_the_newest_policy_holds() -> None:
    state = fold(
        [CREATED, PolicyChanged(policy=STRICT, changed_at=NOON), PolicyChanged(policy=Policy(), changed_at=NOON)]
    )
    assert state.policy == Policy()
    assert evolve(state, PolicyChanged(policy=STRICT, changed_at=NOON)).policy.order_window == timedelta(hours=8)


def test_the_fold_can_go_on_from_anywhere() -> None:
    whole = fold([CREATED, PolicyChanged(policy=STRICT, changed_at=NOON)])
    assert fold([PolicyChanged(policy=STRICT, changed_at=NOON)], fold([CREATED])) == whole


def test_an_order_stays_open_for_72_hours_by_default() -> None:
    assert Policy().order_window == timedelta(hours=72)
