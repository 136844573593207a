"""Acts on somebody else's account: order, withdraw, reset, disable, unlock, settings, states, erasure."""

from datetime import datetime

import pytest

from events.company.policy import Policy
from events.decision import Refusal
from events.user.commands import ChangeUser, UserCommand
from events.user.events import (
    AccessDenied,
    By,
    KeyReset,
    OrderWithdrawn,
    Stage,
    TwoFactorDisabled,
    TwoFactorOrdered,
    UserChanged,
    UserCreated,
    UserDeactivated,
    UserErased,
    UserReactivated,
)
from events.user.state import UserState, account_state
from tests.support.facts import (
    OFF_SIGNED_IN,
    ON,
    ON_SIGNED_IN,
    created,
    failures,
    locked,
    ordered,
    shown,
    signed_in,
    signing_in,
)
from tests.support.given import KEY, NOON, SESSION, SIGN_IN, given, ident, later
from tests.support.wishes import (
    WRONG,
    change,
    confirm,
    create,
    deactivate,
    deny,
    disable,
    end_sessions,
    erase,
    issue_codes,
    order,
    otp,
    prove,
    reactivate,
    reset,
    reset_own,
    reset_password,
    sign_out,
    start,
    start_enrolment,
    step_up,
    under,
    unlock,
)

OTHER = ident("other-session")
BUSY = (*ON_SIGNED_IN, signed_in(OTHER), signing_in())


class TestOrder:
    def test_an_order_is_open_for_72_hours_and_leaves_sessions(self) -> None:
        past = given(*OFF_SIGNED_IN, signing_in(stage=Stage.PASSWORD))
        after = past.when(order(reason="works from home")).then(
            TwoFactorOrdered(
                ordered_at=NOON,
                expires_at=later(hours=72),
                sign_ins_ended=(SIGN_IN,),
                reason="works from home",
            )
        )
        assert after.state.session(SESSION) is not None

    def test_the_company_sets_the_window(self) -> None:
        after = given(*OFF_SIGNED_IN).when(order(policy=under(Policy(order_hours=1)))).then_granted()
        assert after.state.order is not None
        assert after.state.order.expires_at == later(hours=1)

    def test_an_expired_order_is_renewed(self) -> None:
        """E-12: until ordered anew."""
        past = given(created(), ordered(later(days=-30)))
        past.when(start()).then_denied(Refusal.CONTACT_ADMINISTRATOR)
        past.when(order()).then_granted().when(start(later(hours=71))).then_granted()

    def test_with_a_factor_on_there_is_nothing_to_order(self) -> None:
        given(*ON).when(order()).then_refused(Refusal.ALREADY_ON)

    def test_an_order_can_be_withdrawn(self) -> None:
        past = given(created(), ordered(), signing_in(stage=Stage.ENROLMENT), shown(SIGN_IN))
        after = past.when(disable(reason="a mistake")).then(
            OrderWithdrawn(sign_ins_ended=(SIGN_IN,), reason="a mistake")
        )
        assert (after.state.order, after.state.pending) == (None, None)
        assert after.when(start()).then_granted().state.sessions

    def test_without_key_and_order_there_is_nothing_to_disable(self) -> None:
        given(*OFF_SIGNED_IN).when(disable()).then_refused(Refusal.NO_KEY)


class TestReset:
    def test_it_needs_no_code_of_the_target_and_ends_everything_of_the_target(self) -> None:
        """S-04, defect 10."""
        after = (
            given(*BUSY)
            .when(reset(reason="lost phone"))
            .then(
                KeyReset(
                    by=By.ADMINISTRATOR,
                    key_id=KEY,
                    reset_at=NOON,
                    order_expires_at=later(hours=72),
                    sessions_ended=(SESSION, OTHER),
                    sign_ins_ended=(SIGN_IN,),
                    reason="lost phone",
                )
            )
        )
        state = after.state
        assert (state.key, state.recovery_codes, state.sessions, state.sign_ins) == (None, (), (), ())

    def test_the_next_sign_in_enrols_anew(self) -> None:
        story = given(*BUSY).when(reset()).then_granted().when(start()).then_granted()
        assert [s.stage for s in story.state.sign_ins] == [Stage.ENROLMENT]

    def test_it_is_refused_while_there_is_no_key(self) -> None:
        """Defect 4: inactive before, inactive after, active again once a key is confirmed."""
        given(*OFF_SIGNED_IN).when(reset()).then_refused(Refusal.NO_KEY)
        given(created(), ordered()).when(reset()).then_refused(Refusal.NO_KEY)
        story = given(*ON).when(reset()).then_granted()
        story.when(reset()).then_refused(Refusal.NO_KEY)
        story = story.when(start()).then_granted().when(start_enrolment(SIGN_IN)).then_granted()
        story.when(reset()).then_refused(Refusal.NO_KEY)
        story.when(confirm(SIGN_IN)).then_granted().when(reset()).then_granted()

    def test_it_names_the_key_that_it_removed(self) -> None:
        """Defect 14."""
        (fact,) = given(*ON).when(reset()).decision.events
        assert isinstance(fact, KeyReset)
        assert fact.key_id == KEY

    def test_afterwards_a_code_of_the_old_key_is_nothing(self) -> None:
        """S-01."""
        past = given(*BUSY).when(reset()).then_granted()
        past.when(prove()).then_refused(Refusal.SIGN_IN_OVER)
        past.when(step_up(otp())).then_refused(Refusal.SESSION_OVER)
        past.when(reset_own()).then_refused(Refusal.NO_KEY)

    def test_it_lifts_a_lock(self) -> None:
        past = given(*ON, *failures(10), locked(later(minutes=30))).when(reset()).then_granted()
        past.when(start()).then_granted().when(start_enrolment(SIGN_IN)).then_granted().when(
            confirm(SIGN_IN)
        ).then_granted()


class TestDisable:
    def test_it_removes_the_factor_and_ends_everything(self) -> None:
        """S-04."""
        after = (
            given(*BUSY)
            .when(disable(reason="left for a year"))
            .then(
                TwoFactorDisabled(
                    by=By.ADMINISTRATOR,
                    key_id=KEY,
                    disabled_at=NOON,
                    sessions_ended=(SESSION, OTHER),
                    sign_ins_ended=(SIGN_IN,),
                    reason="left for a year",
                )
            )
        )
        assert (after.state.key, after.state.order, after.state.sessions) == (None, None, ())


class TestSettings:
    def test_a_new_account_is_active_and_has_no_factor(self) -> None:
        after = (
            given()
            .when(create())
            .then(
                UserCreated(
                    role="user",
                    language="de",
                    time_zone="Europe/Berlin",
                    created_at=NOON,
                    has_password=True,
                    login="udo.user",
                )
            )
        )
        assert account_state(after.state, NOON) == "active"
        assert after.state.authority == 1

    def test_an_account_is_created_once(self) -> None:
        given(created()).when(create()).then_refused(Refusal.ALREADY_EXISTS)
        given(created(), UserErased(erased_at=NOON)).when(create()).then_refused(Refusal.ALREADY_EXISTS)

    def test_the_same_settings_change_nothing(self) -> None:
        given(*BUSY).when(change()).then()

    def test_a_language_is_changed_without_ending_anything(self) -> None:
        past = given(*BUSY)
        after = past.when(change(language="en")).then(
            UserChanged(
                changed=("language",),
                role="user",
                language="en",
                time_zone="Europe/Berlin",
                email="udo@acme.example",
            )
        )
        assert after.state.sessions == past.state.sessions
        assert after.state.authority == past.state.authority

    def test_a_new_address_keeps_the_old_one_so_that_it_can_be_told(self) -> None:
        given(created()).when(change(email="new@acme.example")).then(
            UserChanged(
                changed=("email",),
                role="user",
                language="de",
                time_zone="Europe/Berlin",
                email="new@acme.example",
                previous_email="udo@acme.example",
            )
        )

    @pytest.mark.parametrize(
        "wish", [change(role="administrator"), change(activation_at=NOON), change(expiration_at=later(days=1))]
    )
    def test_a_new_role_or_date_ends_what_began_under_the_old_one(self, wish: ChangeUser) -> None:
        """S-06, defect 10; and the authority that a running act relied on is gone."""
        past = given(*BUSY, shown())
        after = past.when(wish).then_granted()
        assert (after.state.sessions, after.state.sign_ins, after.state.pending) == ((), (), None)
        assert after.state.authority == past.state.authority + 1
        assert after.state.key == past.state.key


class TestStates:
    def test_deactivation_ends_everything_and_keeps_the_factor(self) -> None:
        """Z-06, defect 10."""
        past = given(*BUSY, shown())
        after = past.when(deactivate(reason="on leave")).then(
            UserDeactivated(sessions_ended=(SESSION, OTHER), sign_ins_ended=(SIGN_IN,), reason="on leave")
        )
        assert (after.state.sessions, after.state.sign_ins, after.state.pending) == ((), (), None)
        assert after.state.key == past.state.key
        assert after.state.authority == past.state.authority + 1

    def test_a_deactivated_account_comes_back_with_its_factor_and_without_its_sessions(self) -> None:
        story = given(*BUSY).when(deactivate()).then_granted()
        story = story.when(reactivate(reason="back")).then(UserReactivated(reason="back"))
        assert story.state.sessions == ()
        assert story.when(start()).then_granted().state.sign_ins[0].stage is Stage.CODE

    def test_deactivated_and_active_are_said_once(self) -> None:
        given(*ON).when(reactivate()).then_refused(Refusal.NOT_DEACTIVATED)
        given(*ON).when(deactivate()).then_granted().when(deactivate()).then_refused(Refusal.ALREADY_DEACTIVATED)

    @pytest.mark.parametrize(
        ("past", "now", "state"),
        [
            (created(), NOON, "active"),
            (created(activation_at=NOON), later(seconds=-1), "not_yet_active"),
            (created(activation_at=NOON), NOON, "active"),
            (created(expiration_at=NOON), later(seconds=-1), "active"),
            (created(expiration_at=NOON), NOON, "expired"),
        ],
    )
    def test_dates_bound_an_account_to_the_second(self, past: UserCreated, now: datetime, state: str) -> None:
        assert account_state(given(past).state, now) == state

    def test_who_was_never_created_is_not_active(self) -> None:
        assert account_state(UserState(), NOON) == "deactivated"


class TestErasure:
    def test_everything_personal_leaves_the_state(self) -> None:
        past = given(*BUSY, *failures(3), ordered(), shown())
        after = past.when(erase()).then(
            UserErased(erased_at=NOON, sessions_ended=(SESSION, OTHER), sign_ins_ended=(SIGN_IN,))
        )
        assert after.state == UserState(exists=True, erased=True, deactivated=True, authority=past.state.authority + 1)

    @pytest.mark.parametrize(
        "wish",
        [
            start(),
            prove(WRONG),
            reset_own(),
            step_up(otp()),
            issue_codes(),
            order(),
            reset(),
            disable(),
            unlock(),
            reset_password(),
            deactivate(),
            reactivate(),
            erase(),
            change(),
            end_sessions(SESSION),
            sign_out(),
            deny("users"),
        ],
    )
    def test_an_erased_account_is_not_found(self, wish: UserCommand) -> None:
        """Z-06: and who never existed is not found either."""
        given(*BUSY).when(erase()).then_granted().when(wish).then_refused(Refusal.NOT_FOUND)
        given().when(wish).then_refused(Refusal.NOT_FOUND)


def test_a_denied_act_is_a_fact_of_who_tried_it() -> None:
    """A-01."""
    given(created()).when(deny("reset_two_factor", ident("target"))).then(
        AccessDenied(act="reset_two_factor", target_id=ident("target"), denied_at=NOON)
    )
