"""Own reset and own disable: proven with a code, complete, and under the policy."""

from datetime import timedelta

import pytest

from events.company.policy import Policy
from events.decision import Refusal
from events.policy import effective
from events.user.commands import OtpProof, RecoveryProof, UserCommand
from events.user.events import By, Door, KeyReset, RecoveryCodeUsed, Stage, TwoFactorDisabled
from events.user.state import UserState
from tests.support.facts import CODES, OFF_SIGNED_IN, ON_SIGNED_IN, ordered, shown, signed_in, signing_in, used, wrong
from tests.support.given import KEY, NOON, SESSION, SIGN_IN, STEP, given, ident, later
from tests.support.wishes import (
    OPTIONAL,
    REQUIRED,
    WRONG,
    confirm,
    disable,
    disable_own,
    otp,
    prove,
    recovery,
    reset,
    reset_own,
    start,
    start_enrolment,
    step_up,
    under,
)

OTHER = ident("other-session")
BUSY = (*ON_SIGNED_IN, signed_in(OTHER), signing_in())
FOR_ADMINISTRATORS = under(Policy(requirement="required_for_roles", roles=("administrator",)))


class TestOwnReset:
    def test_a_code_voids_key_and_codes_and_signs_out_everywhere(self) -> None:
        """S-01, defects 3 and 10: this session too."""
        after = (
            given(*BUSY)
            .when(reset_own())
            .then(
                KeyReset(
                    by=By.USER,
                    key_id=KEY,
                    time_step=STEP,
                    reset_at=NOON,
                    order_expires_at=later(hours=72),
                    sessions_ended=(SESSION, OTHER),
                    sign_ins_ended=(SIGN_IN,),
                )
            )
        )
        state = after.state
        assert (state.key, state.recovery_codes, state.sessions, state.sign_ins) == (None, (), (), ())

    def test_the_next_sign_in_enrols_anew(self) -> None:
        """S-01: also where no policy demands a factor."""
        story = given(*BUSY).when(reset_own()).then_granted().when(start()).then_granted()
        assert [s.stage for s in story.state.sign_ins] == [Stage.ENROLMENT]

    def test_a_recovery_code_suffices(self) -> None:
        """R-06: it and all others are gone afterwards."""
        asked = given(*ON_SIGNED_IN).when(reset_own(recovery(CODES[0])))
        after = asked.then(
            RecoveryCodeUsed(code_id=CODES[0], door=Door.RESET, left=9, used_at=NOON),
            KeyReset(
                by=By.USER,
                key_id=KEY,
                reset_at=NOON,
                order_expires_at=later(hours=72),
                sessions_ended=(SESSION,),
            ),
        )
        assert after.state.recovery_codes == ()

    @pytest.mark.parametrize("proof", [WRONG, recovery(None), recovery(ident("foreign-code"))])
    def test_a_wrong_proof_is_refused_recorded_and_resets_nothing(self, proof: OtpProof | RecoveryProof) -> None:
        """Defect 2: never swallowed."""
        after = given(*BUSY).when(reset_own(proof)).then_denied(Refusal.CODE_REJECTED)
        assert len(after.events) == len(BUSY) + 1
        assert after.state.key is not None
        assert len(after.state.sessions) == 2

    def test_without_a_key_there_is_nothing_to_reset(self) -> None:
        """Defect 4: after a reset, whoever's, "reset" is inactive until a key is confirmed."""
        given(*OFF_SIGNED_IN).when(reset_own()).then_refused(Refusal.NO_KEY)
        given(*ON_SIGNED_IN).when(reset()).then_granted().when(reset_own()).then_refused(Refusal.NO_KEY)

    def test_right_after_activation_it_can_be_reset(self) -> None:
        """Defect 4: it was inactive right after activation."""
        past = given(*OFF_SIGNED_IN, shown()).when(confirm()).then_granted()
        assert past.state.key is not None
        past.when(reset_own(OtpProof(past.state.key.id, STEP + 1))).then_granted()

    def test_a_pending_replacement_dies_with_the_key(self) -> None:
        past = given(*ON_SIGNED_IN, shown()).when(reset_own()).then_granted()
        assert past.state.pending is None

    def test_the_order_window_is_the_companys(self) -> None:
        asked = given(*ON_SIGNED_IN).when(reset_own(policy=under(Policy(order_hours=4)))).then_granted()
        assert asked.state.order is not None
        assert asked.state.order.expires_at == NOON + timedelta(hours=4)


class TestOwnDisable:
    def test_a_code_switches_it_off_and_keeps_this_session_only(self) -> None:
        after = (
            given(*BUSY)
            .when(disable_own())
            .then(
                TwoFactorDisabled(
                    by=By.USER,
                    key_id=KEY,
                    time_step=STEP,
                    disabled_at=NOON,
                    kept=SESSION,
                    sessions_ended=(OTHER,),
                    sign_ins_ended=(SIGN_IN,),
                )
            )
        )
        state = after.state
        assert (state.key, state.recovery_codes, state.order, state.sign_ins) == (None, (), None, ())
        assert [s.id for s in state.sessions] == [SESSION]
        assert effective(state, OPTIONAL, NOON).state == "off"

    def test_a_wrong_code_is_refused_recorded_and_disables_nothing(self) -> None:
        """S-02, defect 2."""
        after = given(*ON_SIGNED_IN).when(disable_own(WRONG)).then_refused(Refusal.CODE_REJECTED, wrong(Door.DISABLE))
        assert after.state.key is not None

    def test_a_used_code_disables_nothing(self) -> None:
        """S-02, O-01."""
        past = given(*ON_SIGNED_IN).when(step_up(otp())).then_granted()
        past.when(disable_own()).then_refused(Refusal.CODE_REJECTED, used(Door.DISABLE))

    def test_a_code_of_another_key_disables_nothing(self) -> None:
        """S-02: another user's code."""
        given(*ON_SIGNED_IN).when(disable_own(otp(key=ident("foreign")))).then_refused(
            Refusal.CODE_REJECTED, used(Door.DISABLE)
        )

    def test_under_a_policy_it_is_refused_and_the_code_is_not_spent(self) -> None:
        """S-02, defect 9."""
        past = given(*BUSY).when(disable_own(policy=REQUIRED)).then_refused(Refusal.POLICY_REQUIRES_TWO_FACTOR)
        past.when(prove()).then_granted()

    def test_under_a_policy_a_wrong_code_is_not_even_looked_at(self) -> None:
        given(*BUSY).when(disable_own(WRONG, policy=REQUIRED)).then_refused(Refusal.POLICY_REQUIRES_TWO_FACTOR)

    def test_a_policy_for_other_roles_does_not_keep_it_on(self) -> None:
        given(*BUSY).when(disable_own(policy=FOR_ADMINISTRATORS)).then_granted()

    def test_without_a_key_there_is_nothing_to_disable(self) -> None:
        """An own disable does not get rid of an administrator's order either."""
        given(*OFF_SIGNED_IN).when(disable_own()).then_refused(Refusal.NO_KEY)
        given(*OFF_SIGNED_IN, ordered()).when(disable_own()).then_refused(Refusal.NO_KEY)


class TestUnderAPolicy:
    """Defect 9: the policy applies again after every reset, disable and re-enrolment."""

    def stage(self, state: UserState) -> Stage:
        (progress,) = state.sign_ins
        return progress.stage

    @pytest.mark.parametrize("removed", [reset(), disable(), reset_own()])
    def test_a_removed_factor_is_demanded_again(self, removed: UserCommand) -> None:
        story = given(*BUSY).when(removed).then_granted()
        assert effective(story.state, REQUIRED, NOON).state == "enrolment_required"
        assert self.stage(story.when(start(policy=REQUIRED)).then_granted().state) is Stage.ENROLMENT

    def test_enforcing_locks_nobody_out_who_has_no_factor(self) -> None:
        """Defect 9: the administrator who enforces enrols at the next sign-in."""
        story = given(*OFF_SIGNED_IN).when(start(policy=REQUIRED)).then_granted()
        story = story.when(start_enrolment(SIGN_IN, policy=REQUIRED)).then_granted()
        assert story.when(confirm(SIGN_IN, policy=REQUIRED)).then_granted().state.sessions
