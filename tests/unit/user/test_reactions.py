"""What follows from a fact outside: who is told, and what is revoked."""

from typing import Final, get_args

import pytest

from events.effects import EffectKind
from events.user.events import (
    By,
    EnrolmentStarted,
    KeyReset,
    RecoveryCodesIssued,
    SessionsEnded,
    SignedIn,
    TwoFactorEnabled,
    TwoFactorLocked,
    TwoFactorOrdered,
    UserChanged,
    UserEvent,
)
from events.user.reactions import effect_target, ended_counts, reactions
from tests.support.given import KEY, NOON, SESSION, SIGN_IN, USER, later
from tests.support.samples import user_facts

REVOKE, USER_MAIL, ADMIN_MAIL, _, _, FORGET = EffectKind

# Of every fact, as its sample stands, in the order of the kinds.
TABLE: Final[dict[str, tuple[EffectKind, ...]]] = {
    "AccessDenied": (),
    "BreakGlassCodeIssued": (USER_MAIL, ADMIN_MAIL),
    "BreakGlassCodeUsed": (USER_MAIL,),
    "CodeRejected": (),
    "CredentialsVoided": (REVOKE,),
    "EnrolmentCancelled": (),
    "EnrolmentStarted": (USER_MAIL,),
    "GraceNoted": (),
    "KeyReset": (REVOKE, USER_MAIL, ADMIN_MAIL),
    "OrderWithdrawn": (REVOKE, USER_MAIL),
    "PasswordChanged": (REVOKE, USER_MAIL),
    "PasswordRehashed": (),
    "PasswordReset": (REVOKE, USER_MAIL),
    "PersonalDataExported": (),
    "PolicyOrderStarted": (),
    "RecoveryCodeUsed": (USER_MAIL,),
    "RecoveryCodesIssued": (USER_MAIL,),
    "SessionPasswordRejected": (),
    "SessionsEnded": (REVOKE, USER_MAIL),
    "SignInAdvanced": (),
    "SignInCancelled": (),
    "SignInRefused": (),
    "SignInStarted": (),
    "SignedIn": (),
    "SignedOut": (),
    "SteppedUp": (),
    "TrustedNetworksChanged": (USER_MAIL,),
    "TwoFactorDisabled": (REVOKE, USER_MAIL, ADMIN_MAIL),
    "TwoFactorEnabled": (REVOKE, USER_MAIL),
    "TwoFactorImported": (USER_MAIL,),
    "TwoFactorLocked": (REVOKE, USER_MAIL),
    "TwoFactorOrdered": (REVOKE, USER_MAIL),
    "TwoFactorOverridden": (REVOKE, USER_MAIL),
    "TwoFactorPaused": (USER_MAIL,),
    "TwoFactorUnlocked": (USER_MAIL,),
    "UserChanged": (REVOKE, USER_MAIL),
    "UserCreated": (),
    "UserDeactivated": (REVOKE, USER_MAIL),
    "UserErased": (REVOKE, FORGET),
    "UserExpired": (REVOKE, USER_MAIL),
    "UserReactivated": (USER_MAIL,),
}


def test_every_fact_of_a_user_has_its_line_here() -> None:
    assert set(TABLE) == {cls.__name__ for cls in get_args(UserEvent)}


@pytest.mark.parametrize("event", user_facts(), ids=lambda event: type(event).__name__)
def test_a_fact_calls_for_what_the_table_says(event: UserEvent) -> None:
    """S-08, R-07, defect 13: whatever path led to the fact, the same follows."""
    assert reactions(event) == TABLE[type(event).__name__]


def test_the_users_mail_is_not_sent_to_an_erased_user() -> None:
    assert USER_MAIL not in TABLE["UserErased"]


def test_a_disabled_factor_is_told_to_the_administrators() -> None:
    """L-01: only they can help."""
    assert ADMIN_MAIL in reactions(TwoFactorLocked(failures=100, until=None))
    assert ADMIN_MAIL not in reactions(TwoFactorLocked(failures=10, until=later(minutes=30)))


def test_what_ended_nothing_revokes_nothing() -> None:
    enabled = TwoFactorEnabled(key_id=KEY, generation=1, time_step=1, enabled_at=NOON, replaced=False)
    assert reactions(enabled) == (USER_MAIL,)
    assert ended_counts(TwoFactorOrdered(ordered_at=NOON, expires_at=NOON)) is None
    assert ended_counts(TwoFactorLocked(failures=10, until=NOON)) is None


def test_a_reset_revokes_even_when_nothing_was_open() -> None:
    """Receivers outside may hold sessions that the log does not know."""
    quiet = KeyReset(by=By.USER, key_id=KEY, reset_at=NOON, order_expires_at=NOON)
    assert ended_counts(quiet) == (0, 0)
    assert REVOKE in reactions(quiet)


def test_the_counts_are_those_of_the_fact() -> None:
    busy = KeyReset(
        by=By.USER,
        key_id=KEY,
        reset_at=NOON,
        order_expires_at=NOON,
        sessions_ended=(SESSION, KEY),
        sign_ins_ended=(SIGN_IN,),
    )
    assert ended_counts(busy) == (2, 1)


def test_what_belongs_to_another_mailed_fact_is_not_mailed_twice() -> None:
    first_set = RecoveryCodesIssued(code_ids=(KEY,), issued_at=NOON)
    first_key = EnrolmentStarted(key_id=KEY, generation=1, holder_id=SESSION, started_at=NOON, expires_at=NOON)
    assert reactions(first_set) == ()
    assert reactions(first_key) == ()


@pytest.mark.parametrize(("changed", "mailed"), [("email", True), ("role", True), ("language", False)])
def test_a_new_address_or_role_is_told(changed: str, mailed: bool) -> None:
    fact = UserChanged(changed=(changed,), role="user", language="de", time_zone="UTC")
    assert (USER_MAIL in reactions(fact)) is mailed


@pytest.mark.parametrize(("by", "mailed"), [(By.USER, False), (By.SYSTEM, False), (By.ADMINISTRATOR, True)])
def test_who_ends_the_own_sessions_is_not_told_so(by: By, mailed: bool) -> None:
    assert (USER_MAIL in reactions(SessionsEnded(by=by, sessions_ended=(SESSION,)))) is mailed


def test_signing_in_is_no_news() -> None:
    fact = SignedIn(session_id=SESSION, factors=("password",), signed_in_at=NOON, expires_at=NOON)
    assert reactions(fact) == ()


def test_an_effect_is_about_its_user() -> None:
    assert effect_target(USER) == str(USER)
