"""Exceptions from the policy for one user, and what they and changes of role keep of the grace."""

from dataclasses import replace
from datetime import datetime
from typing import get_args

import pytest

from events.company.policy import CompanyRules, Policy
from events.decision import Refusal
from events.effects import EffectKind
from events.policy import met_at
from events.user.events import GraceNoted, OverrideKind, Stage, TwoFactorOverridden, UserChanged
from events.user.reactions import reactions
from events.user.state import Order
from tests.support.facts import OFF_SIGNED_IN, ON_SIGNED_IN, created, ordered, shown, signing_in
from tests.support.given import NOON, SESSION, SIGN_IN, Given, given, later
from tests.support.rules import company
from tests.support.wishes import OPTIONAL, change, disable_own, override, start

REQUIRED = company((later(days=-10), Policy(requirement="required", grace_days=14)))
REQUIRED_NOW = company((later(days=-10), Policy(requirement="required")))
AUDITORS = company((later(days=-10), Policy(requirement="required_for_roles", roles=("auditor",), grace_days=14)))
COMING = company((later(days=-10), Policy(requirement="required", from_at=later(days=3), grace_days=14)))
MET = later(days=-10)


class TestException:
    def test_an_exemption_is_a_fact_with_reason_and_end(self) -> None:
        wish = override("exempt", later(days=7), reason="no phone until Monday")
        given(created()).when(wish).then(
            GraceNoted(counts_from=later(days=7)),
            TwoFactorOverridden(
                override="exempt", until=later(days=7), overridden_at=NOON, reason="no phone until Monday"
            ),
        )

    def test_it_ends_what_was_begun_under_the_old_rule_and_leaves_sessions(self) -> None:
        past = given(*OFF_SIGNED_IN, signing_in(stage=Stage.ENROLMENT), shown(SIGN_IN))
        after = past.when(override("exempt")).then_granted()
        assert (after.state.sign_ins, after.state.pending) == ((), None)
        assert after.state.session(SESSION) is not None

    def test_a_demand_by_name_has_no_grace_and_no_window_until_the_next_password(self) -> None:
        past = given(created()).when(override("required", policy=REQUIRED)).then_granted()
        asked = past.when(start(later(days=100), policy=REQUIRED)).then_granted()
        assert [progress.stage for progress in asked.state.sign_ins] == [Stage.ENROLMENT]
        assert asked.state.order is not None
        assert asked.state.order.expires_at == later(days=103)

    def test_an_exemption_takes_back_the_window_that_the_policy_opened(self) -> None:
        """Whoever had no phone for a week does not come back to a closed door."""
        met_it = given(created()).when(start(policy=REQUIRED_NOW)).then_granted()
        exempt = met_it.when(override("exempt", later(days=7), policy=REQUIRED_NOW)).then_granted()
        back = exempt.when(start(later(days=8), policy=REQUIRED_NOW)).then_granted()
        assert [progress.stage for progress in back.state.sign_ins] == [Stage.ENROLMENT]
        assert back.state.order == Order(expires_at=later(days=11), by_policy=True)

    def test_but_not_the_order_of_a_person(self) -> None:
        past = given(created(), ordered()).when(override("exempt")).then_granted()
        past.when(start()).then_granted()
        past.when(start(later(days=4))).then_denied(Refusal.CONTACT_ADMINISTRATOR)

    def test_the_same_exception_again_is_nothing_new(self) -> None:
        for first in (override("exempt"), override("exempt", later(days=7)), override("required")):
            past = given(created()).when(first).then_granted()
            past.when(replace(first, reason="said twice")).then()
        given(created()).when(override("inherit")).then()

    def test_another_end_is_something_new(self) -> None:
        past = given(created()).when(override("exempt", later(days=7))).then_granted()
        after = past.when(override("exempt", later(days=8))).then_granted()
        assert after.state.override_at(later(days=7)) == "exempt"
        assert past.when(override("exempt")).then_granted().state.override_at(later(days=8)) == "exempt"

    def test_an_exception_that_is_over_can_be_given_anew(self) -> None:
        past = given(created()).when(override("exempt", later(days=7))).then_granted()
        assert past.state.override_at(later(days=7)) == "inherit"
        past.when(override("inherit", at=later(days=7))).then()
        again = past.when(override("exempt", later(days=9), at=later(days=7))).then_granted()
        assert again.state.override_at(later(days=8)) == "exempt"

    def test_inheriting_again_has_no_end(self) -> None:
        past = given(created()).when(override("required")).then_granted()
        past.when(override("inherit", later(days=7))).then(
            TwoFactorOverridden(override="inherit", until=None, overridden_at=NOON)
        )

    def test_the_user_is_told(self) -> None:
        for kind in get_args(OverrideKind):
            fact = TwoFactorOverridden(override=kind, overridden_at=NOON)
            assert EffectKind.NOTIFY_USER in reactions(fact)

    def test_whoever_is_demanded_by_name_may_not_switch_off(self) -> None:
        """S-02: with the code unspent."""
        past = given(*ON_SIGNED_IN).when(override("required")).then_granted()
        past.when(disable_own()).then_refused(Refusal.POLICY_REQUIRES_TWO_FACTOR)
        past.when(override("inherit")).then_granted().when(disable_own()).then_granted()

    def test_whoever_is_exempt_may(self) -> None:
        past = given(*ON_SIGNED_IN)
        past.when(disable_own(policy=REQUIRED)).then_refused(Refusal.POLICY_REQUIRES_TWO_FACTOR)
        exempt = past.when(override("exempt", later(days=1), policy=REQUIRED)).then_granted()
        exempt.when(disable_own(policy=REQUIRED)).then_granted()


def met(user: Given, rules: CompanyRules) -> datetime | None:
    return met_at(user.state, rules)


class TestGraceIsKept:
    """Renewed by nothing; and nobody's runs while no policy demands anything of its owner."""

    def test_somebody_met_the_policy_when_it_came_or_when_hired(self) -> None:
        assert met(given(created()), REQUIRED) == MET
        hired_later = given(replace(created(), created_at=later(days=-2)))
        assert met(hired_later, REQUIRED) == later(days=-2)

    def test_an_announced_policy_is_met_on_its_day(self) -> None:
        assert met(given(created()), COMING) == later(days=3)

    def test_an_announcement_taken_back_never_was(self) -> None:
        twice = company(
            (later(days=-10), Policy(requirement="required", from_at=later(days=3))),
            (later(days=-5), Policy()),
            (later(days=8), Policy(requirement="required")),
        )
        assert met(given(created()), twice) == later(days=8)

    def test_switching_off_and_on_renews_nothing(self) -> None:
        off_and_on = company(
            (later(days=-10), Policy(requirement="required", grace_days=14)),
            (later(days=-5), Policy()),
            (later(days=8), Policy(requirement="required", grace_days=14)),
        )
        assert met(given(created()), off_and_on) == MET

    def test_whoever_came_while_it_was_off_meets_it_when_it_is_on_again(self) -> None:
        off_and_on = company(
            (later(days=-40), Policy(requirement="required", grace_days=14)),
            (later(days=-35), Policy()),
            (NOON, Policy(requirement="required", grace_days=14)),
        )
        assert met(given(created()), off_and_on) == NOON  # created thirty days ago

    def test_a_change_of_kind_renews_nothing(self) -> None:
        changed = company(
            (later(days=-10), Policy(requirement="required")),
            (later(days=-5), Policy(requirement="required_for_roles", roles=("user",))),
            (later(days=-4), Policy(requirement="required_outside_trusted_networks")),
        )
        assert met(given(created()), changed) == MET

    def test_a_new_role_under_the_policy_begins_the_grace(self) -> None:
        after = given(created()).when(change(role="auditor", policy=AUDITORS)).then_granted()
        assert met(after, AUDITORS) == NOON

    def test_going_and_coming_back_renews_nothing(self) -> None:
        story = given(created(role="auditor"))
        assert met(story, AUDITORS) == MET
        gone = story.when(change(role="user", policy=AUDITORS)).then_granted()
        back = gone.when(change(later(days=3), role="auditor", policy=AUDITORS)).then_granted()
        assert met(back, AUDITORS) == MET

    def test_what_is_kept_stands_before_the_change(self) -> None:
        asked = given(created(role="auditor")).when(change(role="user", policy=AUDITORS))
        noted, changed = asked.decision.events
        assert noted == GraceNoted(met_at=MET)
        assert isinstance(changed, UserChanged)

    def test_no_policy_ever_leaves_nothing_to_keep(self) -> None:
        asked = given(created()).when(change(role="auditor"))
        assert [type(event) for event in asked.decision.events] == [UserChanged]

    def test_another_change_keeps_nothing(self) -> None:
        asked = given(created()).when(change(language="en", policy=REQUIRED))
        assert [type(event) for event in asked.decision.events] == [UserChanged]

    @pytest.mark.parametrize("until", [None, later(days=2)])
    def test_an_exemption_renews_nothing(self, until: datetime | None) -> None:
        exempt = given(created()).when(override("exempt", until, policy=REQUIRED)).then_granted()
        assert met(exempt, REQUIRED) == MET
        ended = exempt.when(override("inherit", at=later(days=1), policy=REQUIRED)).then_granted()
        assert met(ended, REQUIRED) == MET

    def test_whoever_was_exempt_before_the_policy_meets_it_at_the_end_of_that(self) -> None:
        exempt = given(created()).when(override("exempt", later(days=5), policy=OPTIONAL)).then_granted()
        since_tomorrow = company((later(days=1), Policy(requirement="required", grace_days=14)))
        assert met(exempt, since_tomorrow) == later(days=5)

    def test_or_when_somebody_ends_it(self) -> None:
        since_tomorrow = company((later(days=1), Policy(requirement="required", grace_days=14)))
        for until in (None, later(days=5)):
            exempt = given(created()).when(override("exempt", until, policy=OPTIONAL)).then_granted()
            ended = exempt.when(override("inherit", at=later(days=3), policy=since_tomorrow)).then_granted()
            assert met(ended, since_tomorrow) == later(days=3)

    def test_exempt_for_good_no_policy_is_in_sight(self) -> None:
        exempt = given(created()).when(override("exempt", policy=OPTIONAL)).then_granted()
        assert met(exempt, REQUIRED) is None

    def test_another_role_does_not_shorten_an_exemption(self) -> None:
        exempt = given(created()).when(override("exempt", later(days=5), policy=COMING)).then_granted()
        moved = exempt.when(change(later(days=1), role="auditor", policy=COMING)).then_granted()
        assert met(moved, COMING) == later(days=5)

    def test_an_extended_exemption_counts_to_its_new_end(self) -> None:
        exempt = given(created()).when(override("exempt", later(days=5), policy=COMING)).then_granted()
        longer = exempt.when(override("exempt", later(days=9), at=later(days=4), policy=COMING)).then_granted()
        assert met(longer, COMING) == later(days=9)
        # But one that ended before the next was given had let its owner under the policy.
        again = exempt.when(override("exempt", later(days=9), at=later(days=6), policy=COMING)).then_granted()
        assert met(again, COMING) == later(days=5)

    def test_order_reset_and_factor_have_nothing_to_do_with_it(self) -> None:
        assert met(given(created(), ordered()), REQUIRED) == MET
        assert met(given(*ON_SIGNED_IN), REQUIRED) == MET
