"""Signing in: password proven, code, session; and everything that must not get through."""

from uuid import UUID

import pytest

from events.company.policy import Policy
from events.decision import Refusal
from events.user.events import (
    By,
    Door,
    KeyReset,
    PasswordRehashed,
    PolicyOrderStarted,
    RecoveryCodeUsed,
    SignedIn,
    SignInCancelled,
    SignInRefused,
    SignInStarted,
    Stage,
    TwoFactorDisabled,
    UserCreated,
    UserDeactivated,
)
from events.user.limits import Limits
from tests.support.facts import CODES, ON, created, enabled, ordered, signing_in, used, wrong
from tests.support.given import KEY, NOON, SIGN_IN, STEP, given, ident, idents, later
from tests.support.wishes import (
    NEW_SESSION,
    REQUIRED,
    WRONG,
    cancel_sign_in,
    confirm,
    otp,
    prove,
    recovery,
    set_password,
    start,
    start_enrolment,
    under,
)

OTHER = ident("other-sign-in")
BY_PASSWORD = SignedIn(session_id=NEW_SESSION, factors=("password",), signed_in_at=NOON, expires_at=later(hours=12))
BY_CODE = SignedIn(
    session_id=NEW_SESSION,
    sign_in_id=SIGN_IN,
    factors=("password", "otp"),
    key_id=KEY,
    time_step=STEP,
    signed_in_at=NOON,
    expires_at=later(hours=12),
)


def test_without_a_factor_the_password_begins_a_session() -> None:
    given(created()).when(start()).then(BY_PASSWORD)


def test_with_a_factor_the_password_alone_begins_no_session() -> None:
    """O-08: a right password without a code leaves a sign-in that waits, and nothing else."""
    given(*ON).when(start()).then(SignInStarted(sign_in_id=SIGN_IN, stage=Stage.CODE, expires_at=later(minutes=5)))


def test_a_right_code_begins_the_session_and_ends_the_sign_in() -> None:
    after = given(*ON, signing_in()).when(prove()).then(BY_CODE)
    assert after.state.sign_ins == ()
    assert after.state.session(NEW_SESSION) is not None


def test_a_sign_in_works_once() -> None:
    """L-13: two verifications of one sign-in begin one session."""
    given(*ON, signing_in()).when(prove()).then_granted().when(prove(otp(STEP + 1))).then_refused(Refusal.SIGN_IN_OVER)


def test_a_wrong_code_is_refused_and_recorded() -> None:
    given(*ON, signing_in()).when(prove(WRONG)).then_refused(Refusal.CODE_REJECTED, wrong(holder=SIGN_IN))


def test_a_used_code_is_refused_and_recorded() -> None:
    """O-01, defect 11: the same code does not work twice, also for another sign-in."""
    given(*ON, signing_in(), signing_in(OTHER)).when(prove()).then_granted().when(prove(sign_in=OTHER)).then_refused(
        Refusal.CODE_REJECTED, used(holder=OTHER)
    )


@pytest.mark.parametrize("behind", [0, 1, 2])
def test_no_code_at_or_below_an_accepted_step_is_accepted(behind: int) -> None:
    """O-02, defect 11: an older code does not work after a newer one."""
    past = given(*ON, signing_in(), signing_in(OTHER)).when(prove(otp(STEP + 1))).then_granted()
    past.when(prove(otp(STEP + 1 - behind), sign_in=OTHER)).then_denied(Refusal.CODE_REJECTED)


def test_the_step_after_an_accepted_one_is_accepted() -> None:
    """O-02: acceptance is monotonic, not exclusive."""
    past = given(*ON, signing_in(), signing_in(OTHER)).when(prove(otp(STEP))).then_granted()
    past.when(prove(otp(STEP + 1), sign_in=OTHER)).then_granted()


def test_a_code_of_a_key_that_is_gone_is_refused_as_used() -> None:
    """E-04: a code is bound to the key that it was held against."""
    given(*ON, signing_in()).when(prove(otp(key=ident("former-key")))).then_refused(
        Refusal.CODE_REJECTED, used(holder=SIGN_IN)
    )


def test_the_code_of_the_confirmation_does_not_sign_in() -> None:
    """O-01: enrol-confirm and sign-in share one line of steps."""
    given(created(), enabled(step=STEP), signing_in()).when(prove()).then_refused(
        Refusal.CODE_REJECTED, used(holder=SIGN_IN)
    )


def test_a_sign_in_lives_five_minutes() -> None:
    """L-13."""
    past = given(*ON, signing_in())
    past.when(prove(otp(STEP + 9), later(minutes=4, seconds=59))).then_granted()
    past.when(prove(otp(STEP + 10), later(minutes=5))).then_refused(Refusal.SIGN_IN_OVER)


def test_the_sixth_try_of_a_sign_in_is_refused_even_when_right() -> None:
    """L-13: five tries a sign-in, used codes among them."""
    tries = [used(holder=SIGN_IN)] * 5
    given(*ON, signing_in(), *tries).when(prove()).then_refused(Refusal.SIGN_IN_OVER)
    given(*ON, signing_in(), *tries[1:]).when(prove()).then_granted()


def test_a_try_costs_its_own_sign_in_only() -> None:
    past = given(*ON, signing_in(), signing_in(OTHER), *[used(holder=SIGN_IN)] * 5)
    past.when(prove(sign_in=OTHER)).then_granted()


def test_an_unknown_sign_in_is_over() -> None:
    """O-09: an id of somebody else's sign-in is nothing here."""
    given(*ON, signing_in()).when(prove(sign_in=OTHER)).then_refused(Refusal.SIGN_IN_OVER)


def test_a_cancelled_sign_in_is_over() -> None:
    given(*ON, signing_in()).when(cancel_sign_in()).then(SignInCancelled(sign_in_id=SIGN_IN)).when(
        prove()
    ).then_refused(Refusal.SIGN_IN_OVER)


def test_an_expired_sign_in_cannot_be_cancelled() -> None:
    given(*ON, signing_in()).when(cancel_sign_in(later(minutes=5))).then_refused(Refusal.SIGN_IN_OVER)


def test_a_recovery_code_signs_in_once() -> None:
    """R-04, R-08: it leaves the factor on and counts down."""
    past = given(*ON, signing_in(), signing_in(OTHER)).when(prove(recovery(CODES[3])))
    after = past.then(
        RecoveryCodeUsed(code_id=CODES[3], door=Door.SIGN_IN, left=9, used_at=NOON),
        SignedIn(
            session_id=NEW_SESSION,
            sign_in_id=SIGN_IN,
            factors=("password", "recovery_code"),
            signed_in_at=NOON,
            expires_at=later(hours=12),
        ),
    )
    assert after.state.key is not None
    after.when(prove(recovery(CODES[3]), sign_in=OTHER)).then_denied(Refusal.CODE_REJECTED)


@pytest.mark.parametrize("code", [None, ident("code-of-somebody-else")])
def test_a_recovery_code_that_is_not_of_this_user_is_wrong(code: UUID | None) -> None:
    """R-05."""
    given(*ON, signing_in()).when(prove(recovery(code))).then_denied(Refusal.CODE_REJECTED)


def test_an_outdated_hash_is_raised_at_a_right_password() -> None:
    """C-05."""
    given(created()).when(start(rehashed=True)).then(PasswordRehashed(), BY_PASSWORD)


@pytest.mark.parametrize(
    ("past", "refused"),
    [
        (created(activation_at=later(seconds=1)), SignInRefused(cause="not_yet_active", refused_at=NOON)),
        (created(expiration_at=NOON), SignInRefused(cause="expired", refused_at=NOON)),
    ],
)
def test_outside_its_dates_an_account_looks_like_a_wrong_password(past: UserCreated, refused: SignInRefused) -> None:
    """L-12: the same refusal as for a wrong password; the reason stands in the log only."""
    given(past).when(start()).then_refused(Refusal.INVALID_CREDENTIALS, refused)


def test_within_its_dates_an_account_works() -> None:
    given(created(activation_at=NOON, expiration_at=later(seconds=1))).when(start()).then_granted()


def test_a_deactivated_account_looks_like_a_wrong_password() -> None:
    given(*ON, UserDeactivated()).when(start()).then_refused(
        Refusal.INVALID_CREDENTIALS, SignInRefused(cause="deactivated", refused_at=NOON)
    )


def test_an_account_that_expires_during_a_sign_in_does_not_get_in() -> None:
    """S-06, defect 10."""
    past = given(created(expiration_at=later(minutes=1)), enabled(), signing_in())
    past.when(prove(otp(STEP + 2), later(minutes=1))).then_refused(Refusal.SIGN_IN_OVER)


class TestWhenEnrolmentIsRequired:
    def test_the_password_begins_an_enrolment_and_nothing_else(self) -> None:
        given(created(), ordered()).when(start()).then(
            SignInStarted(sign_in_id=SIGN_IN, stage=Stage.ENROLMENT, expires_at=later(minutes=5))
        )

    def test_a_code_is_not_what_is_asked_for(self) -> None:
        given(created(), ordered(), signing_in(stage=Stage.ENROLMENT)).when(prove()).then_refused(
            Refusal.ENROLMENT_REQUIRED
        )

    def test_the_confirmed_key_leads_to_the_session(self) -> None:
        """Order → password → key → code → session, in one story."""
        story = given(created(), ordered()).when(start()).then_granted()
        story = story.when(start_enrolment(SIGN_IN)).then_granted().when(confirm(SIGN_IN)).then_granted()
        assert story.state.key is not None
        assert [s.id for s in story.state.sessions] == [NEW_SESSION]
        assert story.state.sign_ins == ()

    def test_the_order_is_open_for_72_hours(self) -> None:
        """E-12: afterwards the password alone opens nothing."""
        past = given(created(), ordered())
        past.when(start(later(hours=72, seconds=-1))).then_granted()
        past.when(start(later(hours=72))).then_refused(
            Refusal.CONTACT_ADMINISTRATOR, SignInRefused(cause="order_expired", refused_at=later(hours=72))
        )

    def test_the_policy_opens_its_window_at_the_first_right_password(self) -> None:
        """Nobody comes back from a holiday to a closed door."""
        august = later(days=150)
        given(created()).when(start(august, policy=REQUIRED)).then(
            PolicyOrderStarted(started_at=august, expires_at=later(days=153)),
            SignInStarted(sign_in_id=SIGN_IN, stage=Stage.ENROLMENT, expires_at=later(days=150, minutes=5)),
        )

    def test_the_policy_opens_its_window_once(self) -> None:
        past = given(created()).when(start(policy=REQUIRED)).then_granted()
        past.when(start(later(minutes=1), policy=REQUIRED, sign_in=OTHER)).then(
            SignInStarted(sign_in_id=OTHER, stage=Stage.ENROLMENT, expires_at=later(minutes=6))
        )
        past.when(start(later(hours=72), policy=REQUIRED)).then_denied(Refusal.CONTACT_ADMINISTRATOR)

    def test_a_policy_for_roles_demands_it_of_these_roles_only(self) -> None:
        for_administrators = under(Policy(requirement="required_for_roles", roles=("administrator",)))
        given(created()).when(start(policy=for_administrators)).then(BY_PASSWORD)
        asked = given(created(role="administrator")).when(start(policy=for_administrators)).then_granted()
        assert asked.state.sign_ins[0].stage is Stage.ENROLMENT

    def test_the_company_chooses_how_long_an_order_stays_open(self) -> None:
        short = under(Policy(requirement="required", order_hours=8))
        past = given(created()).when(start(policy=short)).then_granted()
        past.when(start(later(hours=8), policy=short)).then_denied(Refusal.CONTACT_ADMINISTRATOR)


@pytest.mark.parametrize(
    "ends",
    [
        KeyReset(
            by=By.ADMINISTRATOR,
            key_id=KEY,
            reset_at=NOON,
            order_expires_at=later(hours=72),
            sign_ins_ended=(SIGN_IN,),
        ),
        TwoFactorDisabled(by=By.ADMINISTRATOR, key_id=KEY, disabled_at=NOON, sign_ins_ended=(SIGN_IN,)),
        UserDeactivated(sign_ins_ended=(SIGN_IN,)),
    ],
)
def test_a_sign_in_begun_before_a_change_of_state_is_over(ends: KeyReset | TwoFactorDisabled | UserDeactivated) -> None:
    """S-06, L-14, defect 10: half-finished sign-ins do not survive."""
    given(*ON, signing_in(), ends).when(prove()).then_refused(Refusal.SIGN_IN_OVER)


def test_only_the_newest_sign_ins_are_kept() -> None:
    """A flood of right passwords does not grow the state without bound."""
    begun = idents("flood", 3)
    past = given(*ON, *(signing_in(one) for one in begun))
    after = past.when(start(limits=Limits(sign_ins=3))).then_granted()
    assert [s.id for s in after.state.sign_ins] == [*begun[1:], SIGN_IN]


def test_expired_sign_ins_are_forgotten_at_the_next_one() -> None:
    after = given(*ON, signing_in(OTHER)).when(start(later(minutes=5))).then_granted()
    assert [s.id for s in after.state.sign_ins] == [SIGN_IN]


def test_a_password_is_not_asked_for_at_the_stage_of_a_code() -> None:
    """S-10: no step can be skipped."""
    given(*ON, signing_in()).when(set_password()).then_refused(Refusal.NOT_AT_THIS_STAGE)
