"""Passwords: changed, expired, reset; never at the cost of the second factor."""

import pytest

from events.company.policy import Policy
from events.decision import Refusal
from events.user.events import PasswordChanged, PasswordReset, SignedIn, SignInAdvanced, SignInStarted, Stage
from tests.support.facts import (
    OFF_SIGNED_IN,
    ON,
    ON_SIGNED_IN,
    codes_issued,
    created,
    enabled,
    shown,
    signed_in,
    signing_in,
)
from tests.support.given import KEY, NOON, SESSION, SIGN_IN, STEP, given, ident, later
from tests.support.wishes import (
    NEW_SESSION,
    NEXT,
    change_own_password,
    confirm,
    otp,
    prove,
    reset_password,
    set_password,
    start,
    under,
)

OTHER = ident("other-session")
YEARLY = Policy(password_max_age_days=365)
MONTHLY = Policy(password_max_age_days=30)


def test_a_change_ends_everything_but_this_session() -> None:
    """S-06, defect 10."""
    past = given(*ON_SIGNED_IN, signed_in(OTHER), signing_in())
    after = past.when(change_own_password()).then(
        PasswordChanged(changed_at=NOON, kept=SESSION, sessions_ended=(OTHER,), sign_ins_ended=(SIGN_IN,))
    )
    assert [s.id for s in after.state.sessions] == [SESSION]


def test_a_change_leaves_the_second_factor_as_it_was() -> None:
    """S-07: the next sign-in still asks for a code, the recovery codes still count."""
    before = given(*ON_SIGNED_IN).state
    after = given(*ON_SIGNED_IN).when(change_own_password()).then_granted()
    assert (after.state.key, after.state.recovery_codes) == (before.key, before.recovery_codes)
    assert after.when(start()).then_granted().state.sign_ins[0].stage is Stage.CODE


def test_a_change_ends_an_enrolment_that_another_session_started() -> None:
    """S-06."""
    past = given(*OFF_SIGNED_IN, signed_in(OTHER), shown(OTHER))
    assert past.when(change_own_password()).then_granted().state.pending is None


def test_a_session_that_is_over_changes_nothing() -> None:
    given(*ON_SIGNED_IN).when(change_own_password(session=OTHER)).then_refused(Refusal.SESSION_OVER)
    given(*ON_SIGNED_IN).when(change_own_password(later(hours=12))).then_refused(Refusal.SESSION_OVER)


def test_an_administrators_reset_ends_everything_and_leaves_the_factor() -> None:
    """S-06, S-07."""
    past = given(*ON_SIGNED_IN, signing_in())
    after = past.when(reset_password(reason="forgotten")).then(
        PasswordReset(reset_at=NOON, reason="forgotten", sessions_ended=(SESSION,), sign_ins_ended=(SIGN_IN,))
    )
    assert after.state.key == past.state.key
    assert after.state.recovery_codes == past.state.recovery_codes


def test_a_password_that_must_be_changed_is_due_at_the_next_sign_in() -> None:
    past = given(created()).when(reset_password(must_change=True)).then_granted()
    past.when(start()).then(SignInStarted(sign_in_id=SIGN_IN, stage=Stage.PASSWORD, expires_at=later(minutes=5)))


@pytest.mark.parametrize(("policy", "stage"), [(YEARLY, None), (MONTHLY, Stage.PASSWORD), (Policy(), None)])
def test_a_password_expires_when_the_company_says_so(policy: Policy, stage: Stage | None) -> None:
    """Off by default; to the day."""
    after = given(created()).when(start(policy=under(policy))).then_granted()
    assert [s.stage for s in after.state.sign_ins] == ([stage] if stage else [])


class TestExpiredWithAFactor:
    """Defect 6: the factor first, then the new password, then in."""

    PAST = (created(must_change_password=True), enabled(), codes_issued(), signing_in())

    def test_the_code_leads_to_the_new_password(self) -> None:
        given(*self.PAST).when(prove()).then(
            SignInAdvanced(
                sign_in_id=NEXT,
                previous_id=SIGN_IN,
                stage=Stage.PASSWORD,
                factors=("password", "otp"),
                time_step=STEP,
                key_id=KEY,
                advanced_at=NOON,
                expires_at=later(minutes=5),
            )
        )

    def test_the_new_password_leads_to_the_session(self) -> None:
        past = given(*self.PAST).when(prove()).then_granted()
        after = past.when(set_password(later(minutes=1), sign_in=NEXT)).then(
            PasswordChanged(changed_at=later(minutes=1)),
            SignedIn(
                session_id=NEW_SESSION,
                sign_in_id=NEXT,
                factors=("password", "otp"),
                signed_in_at=later(minutes=1),
                expires_at=later(hours=12, minutes=1),
            ),
        )
        assert after.state.must_change_password is False
        assert after.state.sign_ins == ()

    def test_the_earlier_stage_is_over(self) -> None:
        """Z-02: its token is dead."""
        past = given(*self.PAST).when(prove()).then_granted()
        past.when(prove(otp(STEP + 1))).then_refused(Refusal.SIGN_IN_OVER)
        past.when(set_password()).then_refused(Refusal.SIGN_IN_OVER)

    def test_the_code_is_spent(self) -> None:
        """O-01."""
        past = given(*self.PAST, signing_in(OTHER)).when(prove()).then_granted()
        past.when(prove(sign_in=OTHER)).then_denied(Refusal.CODE_REJECTED)

    def test_the_new_password_cannot_be_set_before_the_code(self) -> None:
        """S-10."""
        given(*self.PAST).when(set_password()).then_refused(Refusal.NOT_AT_THIS_STAGE)

    def test_all_of_it_has_five_minutes_together(self) -> None:
        past = given(*self.PAST).when(prove(otp(STEP + 8), later(minutes=4))).then_granted()
        past.when(set_password(later(minutes=5), sign_in=NEXT)).then_refused(Refusal.SIGN_IN_OVER)

    def test_the_new_password_ends_what_began_with_the_old_one(self) -> None:
        past = given(*self.PAST, signed_in(OTHER), signing_in(ident("third"))).when(prove()).then_granted()
        after = past.when(set_password(sign_in=NEXT)).then_granted()
        assert [s.id for s in after.state.sessions] == [NEW_SESSION]
        assert after.state.sign_ins == ()

    def test_a_reset_in_between_ends_it(self) -> None:
        """S-06."""
        past = given(*self.PAST).when(prove()).then_granted().when(reset_password()).then_granted()
        past.when(set_password(sign_in=NEXT)).then_refused(Refusal.SIGN_IN_OVER)


def test_an_expired_password_without_a_factor_is_renewed_before_the_session() -> None:
    past = given(created(must_change_password=True)).when(start()).then_granted()
    assert past.state.sessions == ()
    after = past.when(set_password()).then_granted()
    assert [s.id for s in after.state.sessions] == [NEW_SESSION]


def test_a_replaced_key_does_not_make_a_password_young() -> None:
    past = given(*ON, signed_in(), shown()).when(confirm()).then_granted()
    assert past.state.password_changed_at == later(days=-30)
