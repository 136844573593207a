"""After an older backup was restored: what may have been ended or used since is void. And copies of one's data."""

import pytest

from events.credentials import CredentialKind as Kind
from events.decision import Refusal
from events.user.commands import ExportOwnData, VoidCredentials
from events.user.endings import endings
from events.user.events import CredentialsVoided, PersonalDataExported, UserErased
from events.user.reactions import reactions
from tests.support.facts import OFF_SIGNED_IN, ON_SIGNED_IN, signing_in
from tests.support.given import KEY, NOON, SESSION, SIGN_IN, STEP, USER, given, ident, later
from tests.support.wishes import erase

LATER_STEP = STEP + 1000
VOID = VoidCredentials(now=later(hours=1), epoch=2, time_step=LATER_STEP)


def test_everything_that_was_begun_or_given_out_ends_and_no_code_up_to_then_is_accepted() -> None:
    there = given(*ON_SIGNED_IN, signing_in())
    after = there.when(VOID).then_granted()
    voided = after.events[-1]
    assert isinstance(voided, CredentialsVoided)
    assert voided.sessions_ended == (SESSION,)
    assert voided.sign_ins_ended == (SIGN_IN,)
    assert (voided.key_id, voided.time_step, voided.epoch) == (KEY, LATER_STEP, 2)
    state = after.state
    assert (state.sessions, state.sign_ins, state.recovery_codes) == ((), (), ())
    assert (state.pending, state.break_glass) == (None, None)
    assert state.key is not None
    assert state.key.last_step == LATER_STEP
    assert there.state.key is not None
    assert state.key.last_used_at == there.state.key.last_used_at  # nobody used it


def test_it_deletes_whatever_stands_beside_the_log_but_password_and_key() -> None:
    there = given(*ON_SIGNED_IN)
    after = there.when(VOID).then_granted()
    ended = endings(USER, after.events[-1:], there.state, after.state)
    (everything,) = ended.all_of
    assert set(everything.kinds) == set(Kind) - {Kind.PASSWORD, Kind.KEY, Kind.API_CLIENT}
    assert (ended.spent_key, ended.spent_step) == (KEY, LATER_STEP)


def test_whoever_has_nothing_open_has_no_fact() -> None:
    given(*ON_SIGNED_IN).when(VOID).then_granted().when(VOID).then()


@pytest.mark.parametrize("last", [STEP - 500, STEP - 100])
def test_a_step_is_never_set_back(last: int) -> None:
    """The key was confirmed with the step of a hundred periods ago."""
    after = given(*ON_SIGNED_IN).when(VoidCredentials(now=later(hours=1), epoch=2, time_step=last)).then_granted()
    voided = after.events[-1]
    assert isinstance(voided, CredentialsVoided)
    assert (voided.key_id, voided.time_step) == (None, None)
    assert after.state.key is not None
    assert after.state.key.last_step == STEP - 100


def test_without_a_key_there_is_no_step() -> None:
    voided = given(*OFF_SIGNED_IN).when(VOID).then_granted().events[-1]
    assert isinstance(voided, CredentialsVoided)
    assert (voided.key_id, voided.time_step) == (None, None)


def test_nobody_who_is_gone_is_touched() -> None:
    given(*OFF_SIGNED_IN).when(erase()).then_granted().when(VOID).then_refused(Refusal.NOT_FOUND)


def test_an_erasure_is_carried_on_outside() -> None:
    assert "forget_person" in reactions(UserErased(erased_at=NOON))


def test_a_copy_of_ones_data_is_a_fact_of_a_living_session() -> None:
    wish = ExportOwnData(now=NOON, session_id=SESSION)
    given(*OFF_SIGNED_IN).when(wish).then(PersonalDataExported(exported_at=NOON))
    stranger = ExportOwnData(now=NOON, session_id=ident("nobody's"))
    given(*OFF_SIGNED_IN).when(stranger).then_refused(Refusal.SESSION_OVER)
