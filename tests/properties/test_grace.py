"""Grace begins once, at the first moment under a policy, whatever happens to policy, role, exception and factor."""

from datetime import datetime
from typing import Final

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from events.policy import effective
from tests.properties.under_policy import (
    ACTS,
    DAYS,
    REQUIREMENTS,
    ROLES,
    Act,
    Company,
    Create,
    Deed,
    Except,
    Give,
    Member,
    SetPolicy,
)
from tests.support.given import later
from tests.support.sizes import sized

policies: Final = st.builds(
    SetPolicy,
    st.sampled_from(REQUIREMENTS),
    st.lists(st.sampled_from(ROLES), min_size=1, unique=True).map(tuple),
    st.none() | st.integers(-3, 6),
)
deeds: Final = st.one_of(
    st.builds(Create, st.sampled_from(ROLES)),
    st.builds(Give, st.sampled_from(ROLES)),
    st.builds(Except, st.sampled_from(["inherit", "required", "exempt"]), st.none() | st.integers(1, 6)),
    st.builds(Act, st.sampled_from(ACTS)),
)
# What is done on which day.
histories: Final = st.dictionaries(st.integers(0, DAYS - 1), policies, max_size=6)
lives: Final = st.dictionaries(st.integers(0, DAYS - 1), deeds, max_size=10)


@settings(max_examples=sized(500, 20_000), deadline=None)
@for_all(histories, lives)
def test_the_grace_runs_once_from_the_first_day_under_a_policy(
    history: dict[int, SetPolicy], life: dict[int, Deed]
) -> None:
    """Renewed by nothing; and nobody's begins before a policy demands something."""
    company = Company()
    member = Member(company)
    for day in range(DAYS):
        if day in history:
            company.set(day, history[day])
        member.day(day, life.get(day))
        if not member.state.exists:
            continue
        answer = effective(member.state, company.rules, later(days=day))
        assert answer.grace_until == member.grace_until(day), f"day {day}, met on {member.met_on}"
        if answer.required_by not in (None, "user"):
            assert member.is_under(day)


@settings(max_examples=sized(200, 5_000), deadline=None)
@for_all(histories, lives)
def test_whoever_had_a_grace_gets_no_later_end(history: dict[int, SetPolicy], life: dict[int, Deed]) -> None:
    """The same, said of the answers alone."""
    company = Company()
    member, known = Member(company), set[datetime]()
    for day in range(DAYS):
        if day in history:
            company.set(day, history[day])
        member.day(day, life.get(day))
        if not member.state.exists:
            continue
        answer = effective(member.state, company.rules, later(days=day))
        if answer.grace_until is not None:
            known.add(answer.grace_until)
        assert len(known) <= 1
        if answer.next_sign_in == "enrolment" and answer.required_by not in (None, "user"):
            assert not known or later(days=day) >= max(known)
