"""Recovery codes: a new set needs a code and voids the old one; each works once."""

from uuid import UUID

import pytest

from events.decision import Refusal
from events.user.commands import UserCommand
from events.user.events import Door, RecoveryCodesIssued
from tests.support.facts import CODES, OFF_SIGNED_IN, ON, ON_SIGNED_IN, shown, signing_in, used, wrong
from tests.support.given import KEY, NOON, SIGN_IN, STEP, given, ident
from tests.support.wishes import (
    NEW_CODES,
    WRONG,
    confirm,
    disable,
    disable_own,
    issue_codes,
    otp,
    prove,
    recovery,
    reset,
    reset_own,
    reset_password,
)


def test_a_new_set_needs_a_code_and_spends_it() -> None:
    """R-09, O-01."""
    past = given(*ON_SIGNED_IN).when(issue_codes())
    after = past.then(RecoveryCodesIssued(code_ids=NEW_CODES, time_step=STEP, key_id=KEY, issued_at=NOON))
    after.when(issue_codes()).then_refused(Refusal.CODE_REJECTED, used(Door.RECOVERY_CODES))


def test_a_wrong_code_gives_no_new_set() -> None:
    """R-09, defect 2."""
    after = given(*ON_SIGNED_IN).when(issue_codes(WRONG))
    assert after.then_refused(Refusal.CODE_REJECTED, wrong(Door.RECOVERY_CODES)).state.recovery_codes == CODES


def test_without_a_factor_there_are_no_recovery_codes() -> None:
    given(*OFF_SIGNED_IN).when(issue_codes()).then_refused(Refusal.NO_KEY)


@pytest.mark.parametrize("code", CODES)
def test_every_code_of_the_set_works(code: UUID) -> None:
    """R-10: whichever of the ten."""
    story = given(*ON, signing_in()).when(prove(recovery(code))).then_granted()
    assert len(story.state.recovery_codes) == 9


KILLS: dict[str, UserCommand] = {
    "new set": issue_codes(),
    "own reset": reset_own(),
    "own disable": disable_own(),
    "administrator's reset": reset(),
    "administrator's disable": disable(),
    "re-enrolment": confirm(),
}


@pytest.mark.parametrize("name", KILLS)
def test_each_of_these_kills_all_older_codes(name: str) -> None:
    """R-06."""
    past = given(*ON_SIGNED_IN, shown(generation=2)).when(KILLS[name]).then_granted()
    assert not set(CODES) & set(past.state.recovery_codes)


def test_a_code_of_the_old_set_is_wrong_and_counts() -> None:
    past = given(*ON_SIGNED_IN, signing_in()).when(issue_codes()).then_granted()
    after = past.when(prove(recovery(CODES[0]))).then_denied(Refusal.CODE_REJECTED)
    assert after.state.ladder.total == 1


def test_a_spent_code_never_works_again() -> None:
    """R-04."""
    past = given(*ON, signing_in(), signing_in(ident("second"))).when(prove(recovery(CODES[0]))).then_granted()
    past.when(prove(recovery(CODES[0]), sign_in=ident("second"))).then_denied(Refusal.CODE_REJECTED)
    past.when(prove(recovery(CODES[1]), sign_in=ident("second"))).then_granted()


def test_the_last_code_leaves_the_factor_on() -> None:
    """R-08: recovery never lowers an account to one factor."""
    past = given(*ON)
    for number, code in enumerate(CODES):
        sign_in = ident(f"sign-in-{number}")
        past = given(*past.events, signing_in(sign_in)).when(prove(recovery(code), sign_in=sign_in)).then_granted()
    assert past.state.recovery_codes == ()
    assert past.state.key is not None


def test_a_recovery_code_needs_a_sign_in() -> None:
    """R-08: the password comes first."""
    given(*ON).when(prove(recovery(CODES[0]), sign_in=SIGN_IN)).then_refused(Refusal.SIGN_IN_OVER)


def test_a_recovery_code_does_not_spend_a_step() -> None:
    past = given(*ON, signing_in(), signing_in(ident("second"))).when(prove(recovery(CODES[0]))).then_granted()
    past.when(prove(otp(), sign_in=ident("second"))).then_granted()


def test_a_new_password_leaves_the_codes() -> None:
    """S-07."""
    past = given(*ON_SIGNED_IN).when(reset_password()).then_granted()
    assert past.state.recovery_codes == CODES
