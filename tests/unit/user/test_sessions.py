"""Sessions: bounded in number and time, ended by their owner, an administrator or a rule."""

import pytest

from events.decision import Refusal
from events.user.events import By, SessionPasswordRejected, SessionsEnded, SignedOut, UserEvent
from events.user.limits import Limits
from tests.support.facts import OFF_SIGNED_IN, ON, ON_SIGNED_IN, created, signed_in, signing_in
from tests.support.given import NOON, SESSION, given, ident, idents, later
from tests.support.wishes import NEW_SESSION, end_sessions, prove, reject_password, sign_out, start, step_up

OTHER = ident("other-session")


def test_a_session_lives_twelve_hours_at_most() -> None:
    """Z-03."""
    past = given(*OFF_SIGNED_IN)
    past.when(step_up(at=later(hours=12, seconds=-1))).then_granted()
    past.when(step_up(at=later(hours=12))).then_refused(Refusal.SESSION_OVER)


def test_a_user_has_at_most_twenty_sessions_and_the_oldest_ends() -> None:
    """Z-07."""
    begun = idents("session", 20)
    past = given(created(), *(signed_in(one, at=later(seconds=n)) for n, one in enumerate(begun)))
    after = past.when(start(later(minutes=1))).then_granted()
    assert [s.id for s in after.state.sessions] == [*begun[1:], NEW_SESSION]


def test_expired_sessions_do_not_count_among_the_twenty() -> None:
    begun = idents("session", 20)
    past = given(created(), *(signed_in(one) for one in begun), signed_in(OTHER, at=later(hours=1)))
    after = past.when(start(later(hours=12))).then_granted()
    assert [s.id for s in after.state.sessions] == [OTHER, NEW_SESSION]


def test_many_sign_ins_do_not_grow_the_state() -> None:
    """Z-07."""
    past = given(created())
    for number in range(200):
        past = past.when(start(later(seconds=number), session=ident(f"session-{number}"))).then_granted()
        assert len(past.state.sessions) <= Limits().sessions


def test_the_bound_holds_at_the_code_too() -> None:
    begun = idents("session", 20)
    past = given(*ON, *(signed_in(one) for one in begun), signing_in())
    after = past.when(prove()).then_granted()
    assert [s.id for s in after.state.sessions] == [*begun[1:], NEW_SESSION]


def test_signing_out_ends_the_session_once() -> None:
    past = given(*OFF_SIGNED_IN).when(sign_out()).then(SignedOut(session_id=SESSION))
    assert past.state.sessions == ()
    past.when(sign_out()).then_refused(Refusal.SESSION_OVER)


def test_the_owner_ends_one_session_or_all_others() -> None:
    """Z-05."""
    past = given(*OFF_SIGNED_IN, signed_in(OTHER))
    after = past.when(end_sessions(OTHER)).then(SessionsEnded(by=By.USER, sessions_ended=(OTHER,)))
    assert [s.id for s in after.state.sessions] == [SESSION]


def test_an_unknown_session_is_ignored() -> None:
    """Z-05: no effect."""
    past = given(*OFF_SIGNED_IN)
    past.when(end_sessions(ident("foreign"))).then()
    past.when(end_sessions(ident("foreign"), SESSION)).then(SessionsEnded(by=By.USER, sessions_ended=(SESSION,)))


def test_an_administrator_ends_sessions_with_a_reason() -> None:
    past = given(*OFF_SIGNED_IN)
    past.when(end_sessions(SESSION, by_administrator=True, reason="stolen laptop")).then(
        SessionsEnded(by=By.ADMINISTRATOR, sessions_ended=(SESSION,), reason="stolen laptop")
    )


@pytest.mark.parametrize("past", [OFF_SIGNED_IN, ON_SIGNED_IN])
def test_five_wrong_passwords_inside_a_session_end_it(past: tuple[UserEvent, ...]) -> None:
    """No endless guessing of the password from a stolen session."""
    story = given(*past)
    rejected = SessionPasswordRejected(session_id=SESSION, rejected_at=NOON)
    for _ in range(4):
        story = story.when(reject_password()).then_refused(Refusal.INVALID_CREDENTIALS, rejected)
    story = story.when(reject_password()).then_refused(
        Refusal.INVALID_CREDENTIALS, rejected, SessionsEnded(by=By.SYSTEM, sessions_ended=(SESSION,))
    )
    story.when(reject_password()).then_refused(Refusal.SESSION_OVER)


def test_wrong_passwords_end_the_session_they_were_given_in_and_no_other() -> None:
    """L-08: and they touch neither the factor nor its ladder."""
    story = given(*ON_SIGNED_IN, signed_in(OTHER))
    for _ in range(5):
        story = story.when(reject_password()).then_denied(Refusal.INVALID_CREDENTIALS)
    assert [s.id for s in story.state.sessions] == [OTHER]
    assert story.state.ladder == given(*ON_SIGNED_IN).state.ladder
