"""A policy that begins in the middle of a sign-in."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from events.decision import Refusal
from events.user.commands import SetExpiredPassword
from events.user.decider import decide
from events.user.events import Stage
from events.user.state import SignInProgress, UserState
from tests.support.given import NOON
from tests.support.wishes import REQUIRED


def test_a_new_password_opens_no_session_once_the_policy_demands_a_second_factor() -> None:
    progress = SignInProgress(id=uuid4(), stage=Stage.PASSWORD, expires_at=NOON + timedelta(minutes=5))
    state = replace(UserState(exists=True, must_change_password=True), sign_ins=(progress,))
    wish = SetExpiredPassword(now=NOON, sign_in_id=progress.id, session_id=uuid4())

    assert decide(state, wish).refusal is None
    assert decide(state, replace(wish, rules=REQUIRED)).refusal is Refusal.SIGN_IN_OVER
