"""A code for once from an administrator: what it opens, what it ends, and what ends it."""

from datetime import timedelta

import pytest

from events.credentials import CredentialKind
from events.decision import Refusal
from events.effects import EffectKind
from events.user.commands import BreakGlassProof, UserCommand
from events.user.endings import endings
from events.user.events import (
    BreakGlassCodeIssued,
    BreakGlassCodeUsed,
    By,
    CodeRejected,
    Door,
    KeyReset,
    SignInAdvanced,
    Stage,
    UserEvent,
)
from events.user.limits import Limits
from events.user.reactions import reactions
from events.user.state import BreakGlass, Ladder
from tests.support.facts import OFF_SIGNED_IN, ON, ON_SIGNED_IN, created, failures, locked, ordered, signing_in
from tests.support.given import KEY, NOON, SESSION, SIGN_IN, USER, Asked, Given, given, ident, later
from tests.support.wishes import (
    GLASS,
    NEXT,
    WRONG,
    break_glass,
    change,
    confirm,
    deactivate,
    disable,
    disable_own,
    erase,
    expire,
    otp,
    prove,
    reset,
    reset_own,
    reset_password,
    start,
    start_enrolment,
    unlock,
)

FIFTEEN_MINUTES = later(minutes=15)
ISSUED = BreakGlassCodeIssued(code_id=GLASS, issued_at=NOON, expires_at=FIFTEEN_MINUTES, reason="locked out")


def issued(*past: UserEvent) -> Given:
    return given(*(past or ON_SIGNED_IN)).when(break_glass()).then_granted()


def given_code(story: Given, minutes: float = 1) -> Asked:
    """The code, in a sign-in begun with a right password."""
    at = later(minutes=minutes)
    begun = story.when(start(at)).then_granted()
    return begun.when(prove(BreakGlassProof(GLASS), at))


class TestIssuing:
    def test_it_lives_for_fifteen_minutes(self) -> None:
        after = given(*ON).when(break_glass()).then(ISSUED)
        assert after.state.break_glass == BreakGlass(id=GLASS, expires_at=FIFTEEN_MINUTES)

    def test_settings_may_shorten_that(self) -> None:
        limits = Limits(break_glass=timedelta(minutes=5))
        after = given(*ON).when(break_glass(limits=limits)).then_granted()
        assert after.state.break_glass == BreakGlass(id=GLASS, expires_at=later(minutes=5))

    @pytest.mark.parametrize("past", [(created(),), (created(), ordered()), OFF_SIGNED_IN])
    def test_somebody_without_a_key_needs_none(self, past: tuple[UserEvent, ...]) -> None:
        given(*past).when(break_glass()).then_refused(Refusal.NO_KEY)

    @pytest.mark.parametrize("stop", [locked(later(minutes=30)), locked(None, total=100)])
    def test_it_ends_pause_lock_and_count(self, stop: UserEvent) -> None:
        past = given(*ON, *failures(9), stop)
        after = past.when(break_glass()).then_granted()
        assert after.state.ladder == Ladder()
        story = after.when(start(later(minutes=1))).then_granted()
        story.when(prove(otp(), later(minutes=1))).then_granted()  # the phone turned up

    def test_it_ends_no_session_and_no_sign_in(self) -> None:
        after = given(*ON_SIGNED_IN, signing_in()).when(break_glass()).then_granted()
        assert after.state.session(SESSION) is not None
        assert after.state.sign_in(SIGN_IN) is not None
        assert after.state.key is not None

    def test_an_older_one_is_void(self) -> None:
        newer = issued().when(break_glass(later(minutes=1), code=ident("newer"))).then_granted()
        given_code(newer, minutes=2).then_denied(Refusal.CODE_REJECTED)
        rows = endings(USER, (ISSUED,), given(*ON).state, newer.state)
        assert [one.kinds for one in rows.all_of] == [(CredentialKind.BREAK_GLASS,)]

    def test_the_user_and_the_administrators_are_told(self) -> None:
        assert reactions(ISSUED) == (EffectKind.NOTIFY_USER, EffectKind.NOTIFY_ADMINISTRATORS)


class TestUsing:
    def test_it_voids_the_key_ends_everything_and_leads_to_enrolment(self) -> None:
        story = issued(*ON_SIGNED_IN, signing_in(ident("another")))
        begun = story.when(start(later(minutes=1))).then_granted()
        now = later(minutes=1)
        after = begun.when(prove(BreakGlassProof(GLASS), now)).then(
            BreakGlassCodeUsed(code_id=GLASS, used_at=now),
            KeyReset(
                by=By.ADMINISTRATOR,
                key_id=KEY,
                reset_at=now,
                order_expires_at=now + timedelta(hours=72),
                sessions_ended=(SESSION,),
                sign_ins_ended=(ident("another"),),
            ),
            SignInAdvanced(
                sign_in_id=NEXT,
                previous_id=SIGN_IN,
                stage=Stage.ENROLMENT,
                factors=("password", "break_glass_code"),
                advanced_at=now,
                expires_at=now + timedelta(minutes=5),
            ),
        )
        state = after.state
        assert (state.key, state.recovery_codes, state.break_glass, state.sessions) == (None, (), None, ())
        assert [progress.id for progress in state.sign_ins] == [NEXT]

    def test_the_sign_in_goes_on_to_a_session_with_the_new_factor(self) -> None:
        story = given_code(issued()).then_granted()
        now = later(minutes=2)
        story = story.when(start_enrolment(NEXT, at=now)).then_granted()
        after = story.when(confirm(NEXT, at=now)).then_granted()
        assert after.state.key is not None
        assert after.state.sessions[-1].began_at == now

    def test_an_abandoned_enrolment_leaves_an_order_of_72_hours(self) -> None:
        story = given_code(issued()).then_granted()
        story.when(start(later(hours=72))).then_granted()
        story.when(start(later(hours=72, minutes=1))).then_denied(Refusal.CONTACT_ADMINISTRATOR)

    def test_it_works_once(self) -> None:
        spent = given_code(issued()).then_granted()
        spent.when(prove(BreakGlassProof(GLASS), later(minutes=1), sign_in=NEXT)).then_denied(
            Refusal.ENROLMENT_REQUIRED
        )
        # Nor after the new enrolment.
        again = spent.when(start_enrolment(NEXT, at=later(minutes=2))).then_granted()
        again = again.when(confirm(NEXT, at=later(minutes=2))).then_granted()
        given_code(again, minutes=3).then_denied(Refusal.CODE_REJECTED)

    def test_it_is_over_after_fifteen_minutes_and_then_counts_as_wrong(self) -> None:
        given_code(issued(), minutes=14.99).then_granted()
        asked = given_code(issued(), minutes=15)
        asked.then_refused(
            Refusal.CODE_REJECTED,
            CodeRejected(
                door=Door.SIGN_IN,
                factor="break_glass_code",
                result="wrong",
                holder_id=SIGN_IN,
                rejected_at=FIFTEEN_MINUTES,
            ),
        )

    def test_in_a_pause_it_is_neither_tried_nor_spent(self) -> None:
        story = issued().when(start(NOON)).then_granted()
        for second in range(5):
            story = story.when(prove(WRONG, later(seconds=second))).then_denied(Refusal.CODE_REJECTED)
        another = ident("another")
        paused = story.when(start(later(seconds=10), sign_in=another)).then_granted()
        glass = BreakGlassProof(GLASS)
        paused.when(prove(glass, later(seconds=10), sign_in=another)).then_denied(Refusal.CODE_REJECTED)
        paused.when(prove(glass, later(minutes=2), sign_in=another)).then_granted()

    def test_it_needs_the_password_first(self) -> None:
        issued().when(prove(BreakGlassProof(GLASS))).then_refused(Refusal.SIGN_IN_OVER)

    def test_its_use_is_told_to_the_user(self) -> None:
        assert EffectKind.NOTIFY_USER in reactions(BreakGlassCodeUsed(code_id=GLASS, used_at=NOON))


DEADLY: dict[str, UserCommand] = {
    "reset": reset(),
    "disable": disable(),
    "own reset": reset_own(),
    "own disable": disable_own(),
    "erasure": erase(),
    "deactivation": deactivate(),
    "expiry": expire(later(days=1)),
}
HARMLESS: dict[str, UserCommand] = {
    "unlock": unlock(),
    "password": reset_password(),
    "language": change(language="en"),
}


@pytest.mark.parametrize("name", DEADLY)
def test_it_dies_with_the_factor_and_with_the_account(name: str) -> None:
    past = given(created(expiration_at=later(days=1)), *ON_SIGNED_IN[1:])
    before = past.when(break_glass()).then_granted()
    asked = before.when(DEADLY[name])
    after = asked.then_granted()
    assert after.state.break_glass is None
    ended = endings(USER, asked.decision.events, before.state, after.state)
    assert any(CredentialKind.BREAK_GLASS in one.kinds for one in ended.all_of)


def test_it_dies_with_a_replacement_of_the_key() -> None:
    story = issued().when(start_enrolment(SESSION, otp())).then_granted()
    asked = story.when(confirm(SESSION))
    after = asked.then_granted()
    assert after.state.break_glass is None
    ended = endings(USER, asked.decision.events, story.state, after.state)
    assert any(CredentialKind.BREAK_GLASS in one.kinds for one in ended.all_of)


@pytest.mark.parametrize("name", HARMLESS)
def test_it_lives_through_the_help_that_goes_with_it(name: str) -> None:
    """Whoever lost the phone may have forgotten the password too."""
    story = issued().when(HARMLESS[name]).then_granted()
    given_code(story).then_granted()
