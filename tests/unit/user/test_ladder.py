"""The ladder: failures of all doors together pause, lock and in the end disable the second factor."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import pytest

from events.decision import Refusal
from events.totp import time_step
from events.user.commands import OtpProof, Proof, UserCommand
from events.user.events import CodeRejected, Door, TwoFactorLocked, TwoFactorPaused, TwoFactorUnlocked, UserEvent
from events.user.limits import Limits
from events.user.state import Ladder
from tests.support.facts import (
    CODES,
    ON_SIGNED_IN,
    created,
    failures,
    ignored,
    locked,
    paused,
    shown,
    signed_in,
    signing_in,
    used,
    wrong,
)
from tests.support.given import KEY, NOON, SIGN_IN, STEP, Given, given, ident, later
from tests.support.wishes import (
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
    start,
    start_enrolment,
    step_up,
    unlock,
)

PATIENT: Final = Limits(sign_in_tries=1000, session=timedelta(days=400))


def fail(past: Given, at: datetime) -> tuple[Given, tuple[UserEvent, ...]]:
    """One wrong code at a door of the session, and what it led to."""
    before = len(past.events)
    after = past.when(reset_own(WRONG, at)).then_denied(Refusal.CODE_REJECTED)
    return after, after.events[before:]


def fail_often(past: Given, count: int, at: datetime) -> tuple[Given, datetime]:
    """Wrong codes, each as soon as the one before allows it; the time when the next may come."""
    for _ in range(count):
        past, _facts = fail(past, at)
        at = max(at, past.state.ladder.until or at)
    return past, at


def test_the_first_four_failures_lead_to_nothing() -> None:
    past = given(*ON_SIGNED_IN)
    for _ in range(4):
        past, facts = fail(past, NOON)
        assert facts == (wrong(Door.RESET),)


@pytest.mark.parametrize(("nth", "seconds"), [(5, 60), (6, 120), (7, 240), (8, 480), (9, 960)])
def test_the_fifth_to_ninth_failure_pause_longer_and_longer(nth: int, seconds: int) -> None:
    past = given(*ON_SIGNED_IN, *failures(nth - 1))
    _, facts = fail(past, NOON)
    assert facts == (wrong(Door.RESET), TwoFactorPaused(failures=nth, until=later(seconds=seconds)))


def test_the_tenth_failure_locks_for_half_an_hour_and_ends_the_sign_ins_in_progress() -> None:
    """L-01, L-13, L-14: a lock reaches what is already under way."""
    _, facts = fail(given(*ON_SIGNED_IN, signing_in(), *failures(9)), NOON)
    assert facts == (
        wrong(Door.RESET),
        TwoFactorLocked(failures=10, until=later(minutes=30), sign_ins_ended=(SIGN_IN,)),
    )


def test_ten_failures_take_at_least_31_minutes() -> None:
    """The pauses of product.md 3 add up: 60 + 120 + 240 + 480 + 960 seconds before the tenth."""
    _, at = fail_often(given(*ON_SIGNED_IN), 9, NOON)
    assert at == later(seconds=1860)


def test_each_further_lock_without_a_success_in_between_is_twice_as_long() -> None:
    """L-07: 30, 60, 120 … minutes; the short count starts at 0 again after each."""
    past, at = given(*ON_SIGNED_IN), NOON
    for number in range(9):
        past, at = fail_often(past, 9, at)
        past, facts = fail(past, at)
        until = at + timedelta(minutes=30) * 2**number
        assert facts[1] == TwoFactorLocked(failures=10 * (number + 1), until=until)
        at = until


def test_a_failure_right_after_a_lock_counts_as_one() -> None:
    """L-07: neither a pause nor a lock follows from it."""
    past, at = fail_often(given(*ON_SIGNED_IN), 10, NOON)
    past, facts = fail(past, at)
    assert len(facts) == 1
    assert past.state.ladder.short == 1


def test_a_hundred_failures_in_a_row_disable_the_factor() -> None:
    """L-01: after that no time helps, only an administrator."""
    past, at = fail_often(given(*ON_SIGNED_IN), 99, NOON)
    past, facts = fail(past, at)
    assert facts[1] == TwoFactorLocked(failures=100, until=None)
    for days in (1, 400):
        after = at + timedelta(days=days)
        past.when(reset_own(otp(time_step(after)), after)).then_denied(Refusal.CODE_REJECTED)


def test_a_disabled_factor_still_asks_for_the_code_and_then_refuses_it() -> None:
    """O-10: nobody learns from the answers that it is disabled."""
    past = given(*ON_SIGNED_IN, locked(None, total=100)).when(start()).then_granted()
    past.when(prove()).then_refused(Refusal.CODE_REJECTED, ignored())
    past.when(prove(recovery(CODES[0]))).then_denied(Refusal.CODE_REJECTED)


def test_only_unlock_or_reset_helps_a_disabled_factor() -> None:
    """L-01."""
    disabled = given(*ON_SIGNED_IN, locked(None, total=100))
    assert disabled.when(unlock()).then_granted().state.ladder == Ladder()
    assert disabled.when(reset()).then_granted().state.ladder == Ladder()
    assert disabled.when(disable()).then_granted().state.ladder == Ladder()


SUCCESSES: Final[dict[str, UserCommand]] = {
    "sign-in": prove(),
    "sign-in with a recovery code": prove(recovery(CODES[0])),
    "step-up": step_up(otp()),
    "new recovery codes": issue_codes(),
    "start of a replacement": start_enrolment(proof=otp()),
}


@pytest.mark.parametrize("name", SUCCESSES)
def test_a_success_at_any_door_clears_everything(name: str) -> None:
    past = given(*ON_SIGNED_IN, signing_in(), *failures(10), locked(NOON), *failures(4))
    assert past.when(SUCCESSES[name]).then_granted().state.ladder == Ladder()


def test_a_confirmed_key_clears_everything() -> None:
    past = given(created(), signed_in(), shown(), *failures(9))
    assert past.when(confirm()).then_granted().state.ladder == Ladder()


def test_an_unlock_clears_everything_and_leaves_the_factor_on() -> None:
    """L-16: it does not remove the factor."""
    past = given(*ON_SIGNED_IN, *failures(10), locked(later(minutes=30)))
    after = past.when(unlock(reason="called back")).then(TwoFactorUnlocked(reason="called back"))
    assert after.state.ladder == Ladder()
    assert after.state.key is not None


def test_an_unlock_without_any_failure_changes_nothing() -> None:
    given(*ON_SIGNED_IN).when(unlock()).then()


DOORS: Final[dict[str, tuple[Door, UserCommand]]] = {
    "sign-in": (Door.SIGN_IN, prove(WRONG)),
    "recovery code": (Door.SIGN_IN, prove(recovery(None))),
    "replace": (Door.REPLACE, start_enrolment(proof=WRONG)),
    "reset": (Door.RESET, reset_own(WRONG)),
    "reset by recovery code": (Door.RESET, reset_own(recovery(None))),
    "disable": (Door.DISABLE, disable_own(WRONG)),
    "step-up": (Door.STEP_UP, step_up(WRONG)),
    "recovery codes": (Door.RECOVERY_CODES, issue_codes(WRONG)),
}


@pytest.mark.parametrize("name", DOORS)
def test_a_failure_at_any_door_counts_on_the_one_account(name: str) -> None:
    """L-02, L-03, defect 12: one count, whatever the door, the session or the sign-in."""
    door, wish = DOORS[name]
    past = given(*ON_SIGNED_IN, signing_in(), *failures(9))
    after = past.when(wish).then_denied(Refusal.CODE_REJECTED)
    rejected, lock = after.events[-2:]
    assert isinstance(rejected, CodeRejected)
    assert rejected.door is door
    assert isinstance(lock, TwoFactorLocked)


def test_a_failed_confirmation_counts_on_the_account_too() -> None:
    """E-10, L-02."""
    past = given(created(), signed_in(), shown(), *failures(9))
    after = past.when(confirm(step=None)).then_denied(Refusal.CODE_REJECTED)
    assert isinstance(after.events[-1], TwoFactorLocked)


RIGHT: Final[dict[str, UserCommand]] = {
    "sign-in": prove(),
    "sign-in by recovery code": prove(recovery(CODES[0])),
    "replace": start_enrolment(proof=otp()),
    "reset": reset_own(),
    "reset by recovery code": reset_own(recovery(CODES[0])),
    "disable": disable_own(),
    "step-up": step_up(otp()),
    "recovery codes": issue_codes(),
}
STOPS: Final[dict[str, UserEvent]] = {
    "pause": paused(later(seconds=1)),
    "lock": locked(later(seconds=1)),
    "disabled": locked(None, total=100),
}


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("name", RIGHT)
def test_while_stopped_a_right_proof_is_not_evaluated_not_counted_and_not_used_up(name: str, stop: str) -> None:
    """L-01, L-06, O-10: at every door; the ladder and the key stay as they are."""
    past = given(*ON_SIGNED_IN, signing_in(), *failures(4), STOPS[stop])
    after = past.when(RIGHT[name]).then_denied(Refusal.CODE_REJECTED)
    before, now = past.state, after.state
    assert (now.key, now.recovery_codes, now.sign_ins) == (before.key, before.recovery_codes, before.sign_ins)
    assert (now.ladder.short, now.ladder.total) == (before.ladder.short, before.ladder.total)
    assert now.ladder.until == before.ladder.until


def test_while_stopped_the_confirmation_is_not_evaluated_either() -> None:
    past = given(created(), signed_in(), shown(), paused(later(seconds=1)))
    after = past.when(confirm()).then_refused(Refusal.CODE_REJECTED, ignored(Door.CONFIRM))
    assert after.state.pending == past.state.pending
    after.when(confirm()).then_refused(Refusal.CODE_REJECTED)


def test_of_a_pause_only_the_first_try_is_on_record() -> None:
    """A-01: a burst during a pause neither fills the log nor goes unseen."""
    past = given(*ON_SIGNED_IN, signing_in(), paused(later(minutes=1)))
    story = past.when(prove(WRONG)).then_refused(Refusal.CODE_REJECTED, ignored())
    story = story.when(prove(WRONG)).then_refused(Refusal.CODE_REJECTED)
    story.when(step_up(otp())).then_refused(Refusal.CODE_REJECTED)


def test_the_next_pause_records_its_first_try_again() -> None:
    past = given(*ON_SIGNED_IN, signing_in(), paused(later(minutes=1)), ignored(), wrong(at=later(minutes=1)))
    story = given(*past.events, paused(later(minutes=3)))
    story.when(prove(at=later(minutes=2))).then_refused(Refusal.CODE_REJECTED, ignored(at=later(minutes=2)))


def test_a_stop_ends_by_itself_and_then_a_new_code_works() -> None:
    """L-06, L-07: its length is not changed by tries in between."""
    past = given(*ON_SIGNED_IN, *failures(10), locked(later(minutes=30)), ignored())
    past.when(step_up(otp(STEP + 59), later(minutes=30, seconds=-1))).then_denied(Refusal.CODE_REJECTED)
    past.when(step_up(otp(STEP + 60), later(minutes=30))).then_granted()


def test_a_used_step_is_not_counted_but_costs_the_sign_in_a_try() -> None:
    """O-01: somebody who looks over a shoulder must not lock the owner out."""
    past = given(*ON_SIGNED_IN, signing_in()).when(prove(otp(STEP - 100)))
    after = past.then_refused(Refusal.CODE_REJECTED, used(holder=SIGN_IN))
    assert after.state.ladder == Ladder()
    assert after.state.sign_ins[0].tries == 1


@pytest.mark.parametrize("name", [name for name in RIGHT if "recovery code" not in name or name == "recovery codes"])
def test_an_accepted_step_is_refused_at_every_other_door(name: str) -> None:
    """O-01, defect 11: sign-in, replace, reset, disable, step-up and recovery codes share one line of steps."""
    for earlier in (prove(sign_in=ident("earlier")), step_up(otp()), issue_codes(), start_enrolment(proof=otp())):
        past = given(*ON_SIGNED_IN, signing_in(), signing_in(ident("earlier")))
        after = past.when(earlier).then_granted().when(RIGHT[name]).then_denied(Refusal.CODE_REJECTED)
        rejected = after.events[-1]
        assert isinstance(rejected, CodeRejected)
        assert rejected.result == "used"


@pytest.mark.parametrize("door", [prove, reset_own, disable_own, step_up, issue_codes])
def test_a_key_that_does_not_open_accepts_nothing_and_counts_nothing(door: Callable[..., UserCommand]) -> None:
    """C-02: fail closed, on record, and not at the user's cost."""
    past = given(*ON_SIGNED_IN, signing_in())
    after = past.when(door(OtpProof(KEY, STEP, unreadable=True))).then_denied(Refusal.CODE_REJECTED)
    rejected = after.events[-1]
    assert isinstance(rejected, CodeRejected)
    assert rejected.result == "unreadable"
    assert (after.state.ladder, after.state.sign_ins) == (past.state.ladder, past.state.sign_ins)


def test_nothing_but_time_and_proof_changes_the_count() -> None:
    """L-03, defect 12: a new sign-in, a new session and a sign-out leave the ladder as it was."""
    past = given(*ON_SIGNED_IN, *failures(7))
    story = past.when(start()).then_granted().when(start(sign_in=ident("another"))).then_granted()
    assert story.state.ladder == past.state.ladder


def test_a_stranger_without_the_password_reaches_no_door_of_the_ladder() -> None:
    """L-08: without a sign-in or a session a wish is refused before the code is looked at."""
    past = given(*ON_SIGNED_IN)
    past.when(prove(WRONG)).then_refused(Refusal.SIGN_IN_OVER)
    past.when(step_up(WRONG, session=ident("guessed"))).then_refused(Refusal.SESSION_OVER)
    past.when(start_enrolment(ident("guessed"), WRONG)).then_refused(Refusal.SESSION_OVER)


@pytest.mark.parametrize("proof", [otp(), recovery(CODES[0])])
def test_patience_of_the_limits_does_not_widen_the_ladder(proof: Proof) -> None:
    """A setting of tries a sign-in has no say in the account's count."""
    past = given(*ON_SIGNED_IN, signing_in(), *failures(9))
    story = past.when(prove(WRONG, limits=PATIENT)).then_denied(Refusal.CODE_REJECTED)
    story.when(start(limits=PATIENT)).then_granted().when(prove(proof, limits=PATIENT)).then_denied(
        Refusal.CODE_REJECTED
    )
