"""Step-up: a factor proven again inside a session."""

from events.decision import Refusal
from events.user.commands import RecoveryProof, StepUp
from events.user.events import Door, SteppedUp
from tests.support.facts import OFF_SIGNED_IN, ON_SIGNED_IN, shown, used, wrong
from tests.support.given import KEY, NOON, SESSION, STEP, given, ident, later
from tests.support.wishes import WRONG, confirm, deactivate, otp, sign_out, step_up


def test_a_code_makes_the_session_fresh_for_five_minutes() -> None:
    given(*ON_SIGNED_IN).when(step_up(otp())).then(
        SteppedUp(
            session_id=SESSION,
            factor="otp",
            time_step=STEP,
            key_id=KEY,
            stepped_up_at=NOON,
            fresh_until=later(minutes=5),
        )
    )


def test_the_code_of_a_step_up_is_spent() -> None:
    """S-03, O-01."""
    past = given(*ON_SIGNED_IN).when(step_up(otp())).then_granted()
    past.when(step_up(otp())).then_refused(Refusal.CODE_REJECTED, used(Door.STEP_UP))


def test_a_wrong_code_is_refused_and_recorded() -> None:
    given(*ON_SIGNED_IN).when(step_up(WRONG)).then_refused(Refusal.CODE_REJECTED, wrong(Door.STEP_UP))


def test_without_a_factor_the_password_suffices() -> None:
    """E-05: password if none."""
    given(*OFF_SIGNED_IN).when(step_up()).then(
        SteppedUp(session_id=SESSION, factor="password", stepped_up_at=NOON, fresh_until=later(minutes=5))
    )


def test_with_a_factor_on_the_password_does_not_suffice() -> None:
    """S-03."""
    given(*ON_SIGNED_IN).when(step_up()).then_refused(Refusal.STEP_UP_REQUIRED)


def test_a_code_without_a_factor_is_refused() -> None:
    given(*OFF_SIGNED_IN).when(step_up(otp())).then_refused(Refusal.NO_KEY)


def test_a_recovery_code_cannot_even_be_asked_to_step_up() -> None:
    """R-08: the wish has no place for it."""
    assert RecoveryProof not in StepUp.__annotations__.values()


def test_a_session_that_is_over_cannot_step_up() -> None:
    """S-11: bound to the session."""
    past = given(*ON_SIGNED_IN)
    past.when(step_up(otp(), session=ident("other"))).then_refused(Refusal.SESSION_OVER)
    past.when(step_up(otp(STEP + 1440), later(hours=12))).then_refused(Refusal.SESSION_OVER)
    past.when(sign_out()).then_granted().when(step_up(otp())).then_refused(Refusal.SESSION_OVER)
    past.when(deactivate()).then_granted().when(step_up(otp())).then_refused(Refusal.SESSION_OVER)


def test_a_step_up_leaves_a_started_replacement_alone() -> None:
    """The session keeps its id, so what it holds stays."""
    past = given(*ON_SIGNED_IN, shown(generation=2)).when(step_up(otp())).then_granted()
    past.when(confirm(step=STEP + 1)).then_granted()
