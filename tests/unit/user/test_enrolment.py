"""Enrolment: nothing is on before a code confirms it, and a working key stays until then."""

import pytest

from events.decision import Refusal
from events.user.events import (
    Door,
    EnrolmentCancelled,
    EnrolmentStarted,
    RecoveryCodesIssued,
    SignedIn,
    SignedOut,
    Stage,
    TwoFactorEnabled,
)
from events.user.evolve import fold
from tests.support.facts import (
    CODES,
    OFF_SIGNED_IN,
    ON_SIGNED_IN,
    PENDING,
    created,
    ordered,
    shown,
    signed_in,
    signing_in,
    used,
    wrong,
)
from tests.support.given import KEY, NOON, SESSION, SIGN_IN, STEP, given, ident, later
from tests.support.wishes import (
    NEW_CODES,
    NEW_KEY,
    NEW_SESSION,
    NEXT,
    WRONG,
    cancel_enrolment,
    confirm,
    disable_own,
    order,
    otp,
    prove,
    set_password,
    start,
    start_enrolment,
    step_up,
)

OTHER = ident("other-session")
CONFIRMED = TwoFactorEnabled(
    key_id=PENDING, generation=1, time_step=STEP, enabled_at=NOON, replaced=False, kept=SESSION
)
ISSUED = RecoveryCodesIssued(code_ids=NEW_CODES, issued_at=NOON)


class TestOwnEnable:
    def test_a_start_shows_a_fresh_key_for_ten_minutes(self) -> None:
        given(*OFF_SIGNED_IN).when(start_enrolment()).then(
            EnrolmentStarted(
                key_id=NEW_KEY, generation=1, holder_id=SESSION, started_at=NOON, expires_at=later(minutes=10)
            )
        )

    def test_a_start_switches_nothing_on(self) -> None:
        """E-01, defect 1: the next sign-in asks for no code."""
        past = given(*OFF_SIGNED_IN, shown())
        assert past.state.key is None
        assert past.when(start()).then_granted().state.sign_ins == ()

    def test_a_matching_code_switches_the_factor_on_and_gives_ten_recovery_codes(self) -> None:
        after = given(*OFF_SIGNED_IN, shown()).when(confirm()).then(CONFIRMED, ISSUED)
        assert after.state.key is not None
        assert after.state.key.id == PENDING
        assert after.state.recovery_codes == NEW_CODES
        assert after.state.pending is None

    def test_confirmation_ends_every_other_session_and_sign_in(self) -> None:
        """E-08, defect 10: the one that confirmed stays."""
        past = given(*OFF_SIGNED_IN, signed_in(OTHER), signing_in(stage=Stage.PASSWORD), shown())
        after = past.when(confirm()).then_granted()
        assert [s.id for s in after.state.sessions] == [SESSION]
        assert after.state.sign_ins == ()

    def test_a_wrong_code_is_refused_recorded_and_costs_the_key_a_try(self) -> None:
        """Defect 2: never swallowed."""
        after = (
            given(*OFF_SIGNED_IN, shown())
            .when(confirm(step=None))
            .then_refused(Refusal.CODE_REJECTED, wrong(Door.CONFIRM, holder=PENDING))
        )
        assert after.state.key is None
        assert after.state.pending is not None
        assert after.state.pending.tries == 1

    def test_the_sixth_try_of_a_pending_key_is_refused_even_when_right(self) -> None:
        """E-10."""
        tries = [wrong(Door.CONFIRM, holder=PENDING)] * 5
        given(*OFF_SIGNED_IN, shown(), *tries).when(confirm()).then_refused(Refusal.NO_PENDING_ENROLMENT)
        given(*OFF_SIGNED_IN, shown(), *tries[1:]).when(confirm()).then_granted()

    def test_a_pending_key_lives_ten_minutes(self) -> None:
        """E-02."""
        past = given(*OFF_SIGNED_IN, shown())
        past.when(confirm(at=later(minutes=10, seconds=-1))).then_granted()
        past.when(confirm(at=later(minutes=10))).then_refused(Refusal.NO_PENDING_ENROLMENT)

    def test_a_new_start_voids_the_earlier_key(self) -> None:
        """E-02: only the newest key can be confirmed, and it has all its tries."""
        past = given(*OFF_SIGNED_IN, shown(), *[wrong(Door.CONFIRM, holder=PENDING)] * 4)
        after = past.when(start_enrolment()).then_granted()
        assert after.state.pending is not None
        assert (after.state.pending.id, after.state.pending.tries) == (NEW_KEY, 0)
        assert after.state.generation == 2

    def test_a_new_start_does_not_give_the_account_new_tries(self) -> None:
        """E-10, L-03, defect 12: the count belongs to the account."""
        past = given(*OFF_SIGNED_IN, shown(), *[wrong(Door.CONFIRM, holder=PENDING)] * 4)
        assert past.when(start_enrolment()).then_granted().state.ladder.total == 4

    def test_a_pending_key_belongs_to_the_session_that_started_it(self) -> None:
        """E-03: neither session confirms, nor cancels, what the other started."""
        past = given(*OFF_SIGNED_IN, signed_in(OTHER), shown(OTHER))
        past.when(confirm()).then_refused(Refusal.NO_PENDING_ENROLMENT)
        past.when(cancel_enrolment()).then_refused(Refusal.NO_PENDING_ENROLMENT)
        past.when(confirm(OTHER)).then_granted()

    def test_the_second_sessions_start_voids_the_firsts_key(self) -> None:
        """E-02, E-03."""
        past = given(*OFF_SIGNED_IN, signed_in(OTHER), shown()).when(start_enrolment(OTHER)).then_granted()
        past.when(confirm()).then_refused(Refusal.NO_PENDING_ENROLMENT)

    def test_a_pending_key_dies_with_its_session(self) -> None:
        after = given(*OFF_SIGNED_IN, shown(), SignedOut(session_id=SESSION))
        assert after.state.pending is None
        after.when(confirm()).then_refused(Refusal.SIGN_IN_OVER)

    def test_a_cancelled_key_cannot_be_confirmed(self) -> None:
        past = given(*OFF_SIGNED_IN, shown()).when(cancel_enrolment()).then(EnrolmentCancelled(key_id=PENDING))
        past.when(confirm()).then_refused(Refusal.NO_PENDING_ENROLMENT)

    def test_an_expired_key_need_not_be_cancelled(self) -> None:
        given(*OFF_SIGNED_IN, shown()).when(cancel_enrolment(at=later(minutes=10))).then_refused(
            Refusal.NO_PENDING_ENROLMENT
        )

    def test_two_confirmations_give_one_key_and_one_set_of_codes(self) -> None:
        """E-11."""
        past = given(*OFF_SIGNED_IN, shown()).when(confirm()).then_granted()
        past.when(confirm(step=STEP + 1)).then_refused(Refusal.NO_PENDING_ENROLMENT)

    def test_the_code_of_the_confirmation_opens_no_other_door(self) -> None:
        """O-01."""
        past = given(*OFF_SIGNED_IN, shown()).when(confirm()).then_granted()
        past.when(disable_own(otp(key=PENDING))).then_refused(Refusal.CODE_REJECTED, used(Door.DISABLE))
        past.when(step_up(otp(key=PENDING))).then_refused(Refusal.CODE_REJECTED, used(Door.STEP_UP))

    def test_an_expired_session_starts_and_confirms_nothing(self) -> None:
        """E-05."""
        past = given(*OFF_SIGNED_IN, shown(at=later(hours=11, minutes=55)))
        past.when(start_enrolment(at=later(hours=12))).then_refused(Refusal.SESSION_OVER)
        past.when(confirm(at=later(hours=12))).then_refused(Refusal.SESSION_OVER)

    def test_an_order_is_fulfilled_by_an_own_enable(self) -> None:
        past = given(*OFF_SIGNED_IN).when(order()).then_granted().when(start_enrolment()).then_granted()
        assert past.when(confirm()).then_granted().state.order is None


class TestReplacement:
    """Own replace: the old key stays valid until the new one is confirmed."""

    def test_it_needs_a_code_of_the_working_key(self) -> None:
        """E-05, E-06."""
        given(*ON_SIGNED_IN).when(start_enrolment()).then_refused(Refusal.STEP_UP_REQUIRED)
        given(*ON_SIGNED_IN).when(start_enrolment(proof=WRONG)).then_refused(Refusal.CODE_REJECTED, wrong(Door.REPLACE))

    def test_the_code_is_spent_and_the_new_key_shown(self) -> None:
        after = given(*ON_SIGNED_IN).when(start_enrolment(proof=otp()))
        story = after.then(
            EnrolmentStarted(
                key_id=NEW_KEY,
                generation=2,
                holder_id=SESSION,
                started_at=NOON,
                expires_at=later(minutes=10),
                time_step=STEP,
                proven_key_id=KEY,
            )
        )
        assert story.state.key is not None
        assert story.state.key.last_step == STEP

    def test_the_old_key_works_until_the_new_one_is_confirmed(self) -> None:
        """E-01, defect 8: starting kills nothing, closing the tab locks nobody out."""
        past = given(*ON_SIGNED_IN, signing_in()).when(start_enrolment(proof=otp())).then_granted()
        past.when(prove(otp(STEP + 1))).then_granted()
        past.when(prove(otp(STEP + 1, key=NEW_KEY))).then_denied(Refusal.CODE_REJECTED)

    def test_confirmation_replaces_key_and_recovery_codes(self) -> None:
        """R-06: all older codes die."""
        past = given(*ON_SIGNED_IN, shown(generation=2)).when(confirm())
        after = past.then(
            TwoFactorEnabled(
                key_id=PENDING, generation=2, time_step=STEP, enabled_at=NOON, replaced=True, kept=SESSION
            ),
            ISSUED,
        )
        assert after.state.key is not None
        assert after.state.key.id == PENDING
        assert not set(CODES) & set(after.state.recovery_codes)

    def test_a_code_of_the_old_key_no_longer_works_afterwards(self) -> None:
        """E-04."""
        past = given(*ON_SIGNED_IN, shown()).when(confirm()).then_granted()
        past.when(step_up(otp(STEP + 1))).then_refused(Refusal.CODE_REJECTED, used(Door.STEP_UP))

    def test_a_cancelled_replacement_changes_nothing(self) -> None:
        before = given(*ON_SIGNED_IN)
        after = given(*ON_SIGNED_IN, shown()).when(cancel_enrolment()).then_granted()
        assert after.state.key == before.state.key
        assert after.state.recovery_codes == before.state.recovery_codes


class TestAtSignIn:
    """Enrolment on demand, by somebody who has proven the password only."""

    PAST = (created(), ordered(), signing_in(stage=Stage.ENROLMENT))

    def test_it_ends_in_a_session(self) -> None:
        after = (
            given(*self.PAST, shown(SIGN_IN))
            .when(confirm(SIGN_IN))
            .then(
                TwoFactorEnabled(key_id=PENDING, generation=1, time_step=STEP, enabled_at=NOON, replaced=False),
                ISSUED,
                SignedIn(
                    session_id=NEW_SESSION,
                    sign_in_id=SIGN_IN,
                    factors=("password", "otp"),
                    signed_in_at=NOON,
                    expires_at=later(hours=12),
                ),
            )
        )
        assert after.state.order is None
        assert after.state.sign_ins == ()

    def test_it_ends_every_session_that_began_without_the_factor(self) -> None:
        """E-08."""
        past = given(*self.PAST, signed_in(), shown(SIGN_IN))
        assert [s.id for s in past.when(confirm(SIGN_IN)).then_granted().state.sessions] == [NEW_SESSION]

    def test_an_expired_password_comes_after_the_factor(self) -> None:
        """Defect 6: enrol, then renew the password, then in."""
        past = given(created(must_change_password=True), ordered(), signing_in(stage=Stage.ENROLMENT), shown(SIGN_IN))
        story = past.when(confirm(SIGN_IN)).then_granted()
        assert story.state.sessions == ()
        assert [(s.id, s.stage) for s in story.state.sign_ins] == [(NEXT, Stage.PASSWORD)]
        story = story.when(set_password(sign_in=NEXT)).then_granted()
        assert [s.id for s in story.state.sessions] == [NEW_SESSION]

    @pytest.mark.parametrize("stage", [Stage.CODE, Stage.PASSWORD])
    def test_a_sign_in_at_another_stage_starts_nothing(self, stage: Stage) -> None:
        """E-06: a pending-code caller never gets a key shown."""
        given(*ON_SIGNED_IN, signing_in(stage=stage)).when(start_enrolment(SIGN_IN)).then_refused(
            Refusal.NOT_AT_THIS_STAGE
        )
        given(*ON_SIGNED_IN, signing_in(stage=stage)).when(start_enrolment(SIGN_IN, otp())).then_refused(
            Refusal.NOT_AT_THIS_STAGE
        )

    def test_with_a_factor_on_a_must_enrol_sign_in_starts_nothing(self) -> None:
        """E-06, were such a sign-in left over."""
        given(*ON_SIGNED_IN, signing_in(stage=Stage.ENROLMENT)).when(start_enrolment(SIGN_IN)).then_refused(
            Refusal.NOT_AT_THIS_STAGE
        )

    def test_an_expired_sign_in_neither_starts_nor_confirms(self) -> None:
        past = given(*self.PAST, shown(SIGN_IN))
        past.when(confirm(SIGN_IN, at=later(minutes=5))).then_refused(Refusal.SIGN_IN_OVER)
        past.when(start_enrolment(SIGN_IN, at=later(minutes=5))).then_refused(Refusal.SESSION_OVER)

    def test_the_key_of_a_sign_in_is_not_a_sessions(self) -> None:
        """E-03."""
        past = given(*self.PAST, signed_in(), shown(SIGN_IN))
        past.when(confirm(SESSION)).then_refused(Refusal.NO_PENDING_ENROLMENT)

    def test_a_renewed_order_kills_an_enrolment_that_was_started(self) -> None:
        """E-12: bound to the order."""
        past = given(*self.PAST, shown(SIGN_IN)).when(order(later(minutes=1))).then_granted()
        assert past.state.pending is None
        past.when(confirm(SIGN_IN, at=later(minutes=2))).then_refused(Refusal.SIGN_IN_OVER)


def test_every_start_has_a_generation_of_its_own() -> None:
    """O-11, C-02: a sealed key is bound to the generation it was made for."""
    story = given(*OFF_SIGNED_IN)
    for generation in (1, 2, 3):
        story = story.when(start_enrolment(key=ident(f"key-{generation}"))).then_granted()
        assert story.state.pending is not None
        assert story.state.pending.generation == generation
    assert fold(story.events) == story.state
