"""What a fact ends: credentials go in the commit of the fact, all of them and no others."""

import pytest

from events.credentials import CredentialKind as Kind
from events.credentials import EndAll, Endings
from events.decision import Refusal
from events.user.commands import UserCommand
from events.user.endings import endings
from events.user.events import By, SessionsEnded, SignedOut
from tests.support.facts import (
    CODES,
    OFF_SIGNED_IN,
    ON_SIGNED_IN,
    PENDING,
    failures,
    ordered,
    shown,
    signed_in,
    signing_in,
)
from tests.support.given import KEY, SESSION, SIGN_IN, STEP, USER, Given, given, ident, idents
from tests.support.wishes import (
    NEXT,
    WRONG,
    cancel_enrolment,
    change,
    change_own_password,
    confirm,
    deactivate,
    disable,
    disable_own,
    end_sessions,
    erase,
    issue_codes,
    order,
    otp,
    prove,
    recovery,
    reset,
    reset_own,
    reset_password,
    sign_out,
    start,
    start_enrolment,
    step_up,
)

OTHER = ident("other-session")
BUSY = given(*ON_SIGNED_IN, signed_in(OTHER), signing_in())
FACTOR = (Kind.KEY, Kind.PENDING_KEY, Kind.RECOVERY_CODE, Kind.BREAK_GLASS)
BEGUN = (Kind.SESSION, Kind.SIGN_IN)


def ended_by(past: Given, wish: UserCommand) -> Endings:
    after = past.when(wish).then_granted()
    return endings(USER, after.events[len(past.events) :], past.state, after.state)


@pytest.mark.parametrize("wish", [reset(), reset_own(), disable()])
def test_a_removed_factor_takes_everything_begun_with_it(wish: UserCommand) -> None:
    """S-01, S-04: by kind, so a planted credential goes too."""
    assert EndAll(user_id=USER, kinds=(*FACTOR, *BEGUN)) in ended_by(BUSY, wish).all_of


def test_an_own_disable_keeps_the_session_that_asked() -> None:
    assert ended_by(BUSY, disable_own()).all_of == (EndAll(user_id=USER, kinds=(*FACTOR, *BEGUN), keep=SESSION),)


def test_a_confirmation_keeps_the_session_that_asked_and_ends_every_older_factor() -> None:
    """E-08, R-06."""
    past = given(*ON_SIGNED_IN, signed_in(OTHER), shown())
    assert ended_by(past, confirm()).all_of == (
        EndAll(user_id=USER, kinds=FACTOR),
        EndAll(user_id=USER, kinds=BEGUN, keep=SESSION),
        EndAll(user_id=USER, kinds=(Kind.RECOVERY_CODE,)),
    )


def test_deactivation_ends_what_is_open_and_keeps_key_codes_and_password() -> None:
    """Z-06: a code for once is nothing that its owner has for good."""
    kinds = (*BEGUN, Kind.PENDING_KEY, Kind.BREAK_GLASS)
    assert ended_by(BUSY, deactivate()).all_of == (EndAll(user_id=USER, kinds=kinds),)


def test_erasure_leaves_no_credential_of_any_kind() -> None:
    assert ended_by(BUSY, erase()).all_of == (EndAll(user_id=USER, kinds=tuple(Kind)),)


def test_a_new_password_takes_the_old_one_and_the_other_sessions() -> None:
    assert ended_by(BUSY, change_own_password()) == Endings(
        ids=(SIGN_IN,),
        all_of=(
            EndAll(user_id=USER, kinds=(Kind.PASSWORD,)),
            EndAll(user_id=USER, kinds=(Kind.SESSION,), keep=SESSION),
        ),
    )


def test_an_administrators_new_password_takes_everything_but_the_factor() -> None:
    """S-07."""
    assert ended_by(BUSY, reset_password()).all_of == (
        EndAll(user_id=USER, kinds=(Kind.PASSWORD, *BEGUN, Kind.PENDING_KEY)),
    )


def test_an_accepted_code_spends_its_step_of_its_key() -> None:
    """O-01, O-03: the store compares and raises it in the commit."""
    for wish in (prove(), step_up(otp()), issue_codes(), start_enrolment(proof=otp())):
        ended = ended_by(BUSY, wish)
        assert (ended.spent_key, ended.spent_step) == (KEY, STEP)


def test_a_recovery_code_spends_no_step_and_is_deleted() -> None:
    """R-04."""
    ended = ended_by(BUSY, prove(recovery(CODES[0])))
    assert (ended.spent_key, ended.ids) == (None, (CODES[0], SIGN_IN))


def test_a_step_up_ends_the_sessions_old_token_only() -> None:
    """Z-02: the id comes back with a new secret; a replacement that the session holds stays."""
    past = given(*ON_SIGNED_IN, shown())
    assert ended_by(past, step_up(otp())).ids == (SESSION,)


@pytest.mark.parametrize("wish", [sign_out(), end_sessions(SESSION), change(role="administrator")])
def test_a_pending_key_goes_with_the_session_that_holds_it(wish: UserCommand) -> None:
    """E-03."""
    past = given(*OFF_SIGNED_IN, shown())
    assert set(ended_by(past, wish).ids) == {SESSION, PENDING}


def test_a_pending_key_of_another_session_goes_with_a_changed_password() -> None:
    """E-03, S-06: the state forgets it, so its bytes must not stay either."""
    past = given(*OFF_SIGNED_IN, signed_in(OTHER), shown(OTHER))
    assert PENDING in ended_by(past, change_own_password()).ids


def test_a_pending_key_goes_with_the_sign_in_that_holds_it() -> None:
    past = given(*OFF_SIGNED_IN, ordered(), signing_in(), shown(SIGN_IN))
    assert set(ended_by(past, order()).ids) == {SIGN_IN, PENDING}


def test_a_new_start_and_a_cancel_end_the_pending_key() -> None:
    """E-02."""
    past = given(*OFF_SIGNED_IN, shown())
    assert ended_by(past, start_enrolment()).all_of == (EndAll(user_id=USER, kinds=(Kind.PENDING_KEY,)),)
    assert set(ended_by(past, cancel_enrolment()).ids) == {PENDING}


def test_a_crowded_out_session_is_deleted() -> None:
    """Z-07."""
    begun = idents("session", 20)
    past = given(OFF_SIGNED_IN[0], *(signed_in(one) for one in begun))
    assert ended_by(past, start()).ids == (begun[0],)


def test_a_lock_deletes_the_sign_ins_in_progress() -> None:
    """L-14."""
    past = given(*ON_SIGNED_IN, signing_in(), *failures(9))
    after = past.when(reset_own(WRONG)).then_denied(Refusal.CODE_REJECTED)
    assert endings(USER, after.events[len(past.events) :], past.state, after.state).ids == (SIGN_IN,)


def test_facts_that_end_nothing_end_nothing() -> None:
    past = given(*OFF_SIGNED_IN)
    assert endings(USER, (ordered(),), past.state, given(*past.events, ordered()).state) == Endings()


def test_a_stage_that_was_passed_is_deleted() -> None:
    """Z-02: an earlier token of the sign-in is dead."""
    past = given(*ON_SIGNED_IN, signing_in()).when(reset_password(must_change=True)).then_granted()
    story = past.when(start()).then_granted()
    ended = ended_by(story, prove())
    assert ended.ids == (SIGN_IN,)
    assert story.when(prove()).then_granted().state.sign_ins[0].id == NEXT


def test_several_facts_of_one_command_add_up() -> None:
    past = given(*ON_SIGNED_IN, signed_in(OTHER))
    events = (SignedOut(session_id=SESSION), SessionsEnded(by=By.USER, sessions_ended=(OTHER,)))
    after = given(*past.events, *events)
    assert endings(USER, events, past.state, after.state).ids == (SESSION, OTHER)
