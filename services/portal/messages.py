"""What went wrong, and what was done, in sentences."""

from enum import StrEnum
from typing import Final, assert_never

from events.decision import Refusal
from services.portal.languages import Language


def _(sentence: str) -> str:
    """Marks a sentence for the catalogues; it is translated where it is shown."""
    return sentence


class Said(StrEnum):
    """The one sentence on the page after an act."""

    SIGNED_OUT = "signed_out"
    SESSION_OVER = "session_over"
    SIGN_IN_CANCELLED = "sign_in_cancelled"
    KEY_RESET = "key_reset"
    ENABLED = "enabled"
    REPLACED = "replaced"
    DISABLED = "disabled"
    ENROLMENT_CANCELLED = "enrolment_cancelled"
    NEW_RECOVERY_CODES = "new_recovery_codes"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a sentence's name
    SETTINGS_SAVED = "settings_saved"
    SESSION_ENDED = "session_ended"
    OTHER_SESSIONS_ENDED = "other_sessions_ended"
    PROVEN_AGAIN = "proven_again"
    DONE_ALREADY = "done_already"
    USER_SAVED = "user_saved"
    CLIENT_REVOKED = "client_revoked"
    ROLE_ADDED = "role_added"
    ROLE_CHANGED = "role_changed"
    ROLE_DELETED = "role_deleted"
    POLICY_SAVED = "policy_saved"
    REPORT_ORDERED = "report_ordered"
    PDF_MISSING = "pdf_missing"
    COMPANY_ADDED = "company_added"
    COMPANY_RENAMED = "company_renamed"
    COMPANY_SUSPENDED = "company_suspended"
    COMPANY_RESUMED = "company_resumed"
    USER_ORDERED = "user_ordered"
    USER_DISABLED = "user_disabled"
    USER_RESET = "user_reset"
    USER_UNLOCKED = "user_unlocked"
    USER_NETWORKS = "user_networks"
    USER_EXCEPTION = "user_exception"
    USER_DEACTIVATED = "user_deactivated"
    USER_REACTIVATED = "user_reactivated"
    USER_ERASED = "user_erased"
    USER_SESSIONS_ENDED = "user_sessions_ended"


_SAID: Final = {
    Said.SIGNED_OUT: _("You are signed out."),
    Said.SESSION_OVER: _("Your session is over. Please sign in again; what was not saved before has to be typed anew."),
    Said.SIGN_IN_CANCELLED: _("The sign-in was cancelled."),
    Said.KEY_RESET: _("Your key is void and you are signed out everywhere. Sign in to set up your authenticator anew."),
    Said.ENABLED: _("Two-factor authentication is on. Your other sessions were ended."),
    Said.REPLACED: _("Your new authenticator is in use; the old one no longer works. Your other sessions were ended."),
    Said.DISABLED: _("Two-factor authentication is off. Your other sessions were ended."),
    Said.ENROLMENT_CANCELLED: _("Nothing was changed: the new key is void."),
    Said.NEW_RECOVERY_CODES: _("You have ten new recovery codes. The old ones no longer work."),
    Said.PASSWORD_CHANGED: _("Your password was changed. Your other sessions were ended."),
    Said.SETTINGS_SAVED: _("Your settings were saved."),
    Said.SESSION_ENDED: _("The session was ended."),
    Said.OTHER_SESSIONS_ENDED: _("All your other sessions were ended."),
    Said.PROVEN_AGAIN: _("Thank you. For the next five minutes you will not be asked again."),
    Said.DONE_ALREADY: _("This was done already; it was not done twice."),
    Said.POLICY_SAVED: _("The security policy was saved and is in force."),
    Said.REPORT_ORDERED: _("The report was ordered."),
    Said.PDF_MISSING: _("PDF cannot be made here. The other files say the same."),
    Said.COMPANY_ADDED: _("The company was added. Now it needs a first administrator."),
    Said.COMPANY_RENAMED: _("The company was renamed."),
    Said.COMPANY_SUSPENDED: _("The company is suspended: all of its sessions ended, and nobody signs in."),
    Said.COMPANY_RESUMED: _("The company is resumed: its people may sign in again."),
    Said.ROLE_ADDED: _("The role was added: users can have it from now on."),
    Said.ROLE_CHANGED: _("The rights were changed. Whoever has this role was signed out, except you."),
    Said.ROLE_DELETED: _("The role was deleted."),
    Said.CLIENT_REVOKED: _("The API client was revoked: its token is dead."),
    Said.USER_SAVED: _("The settings of this user were saved."),
    Said.USER_ORDERED: _("Two-factor authentication is demanded: the user sets it up at the next sign-in."),
    Said.USER_DISABLED: _("Two-factor authentication of this user is off, and nothing is demanded any more."),
    Said.USER_RESET: _("The key is void and the user is signed out everywhere. The next sign-in sets up a new one."),
    Said.USER_UNLOCKED: _("The second factor is unlocked: codes are accepted again."),
    Said.USER_NETWORKS: _("The trusted networks were saved. Sessions from elsewhere are closed."),
    Said.USER_EXCEPTION: _("The exception was saved."),
    Said.USER_DEACTIVATED: _("The account is deactivated and signed out everywhere."),
    Said.USER_REACTIVATED: _("The account is active again."),
    Said.USER_ERASED: _("The user was erased. The personal data can no longer be read."),
    Said.USER_SESSIONS_ENDED: _("The sessions of this user were ended."),
}

CODE_REJECTED: Final = _(
    "This code was not accepted. Each code works once and for 30 seconds only, so wait for the next one. "
    "If yours are never accepted, check that your phone sets its clock automatically."
)
WRONG_PASSWORD: Final = _("This is not your password.")
UNAVAILABLE: Final = _("This is not possible right now. Nothing was changed; please try again in a moment.")


def said(what: Said, language: Language) -> str:
    return language.text(_SAID[what])


def refused(refusal: Refusal, language: Language) -> str:
    return language.text(_sentence(refusal))


def _sentence(refusal: Refusal) -> str:  # noqa: C901 - one line a refusal
    """A new refusal fails the type check here."""
    match refusal:
        case Refusal.INVALID_CREDENTIALS:
            return _("Login or password is not right.")
        case Refusal.CODE_REJECTED:
            return CODE_REJECTED
        case Refusal.SIGN_IN_OVER | Refusal.SESSION_OVER:
            return _SAID[Said.SESSION_OVER]
        case Refusal.CONTACT_ADMINISTRATOR:
            return _("The time to set up your authenticator is over. Please ask your administrator to order it anew.")
        case Refusal.NO_PENDING_ENROLMENT:
            return _("This key is no longer valid. Please start again with a new one.")
        case Refusal.ENROLMENT_REQUIRED:
            return _("Please set up your authenticator first.")
        case Refusal.NOT_AT_THIS_STAGE:
            return _("This does not fit to where you are now. Nothing was changed.")
        case Refusal.POLICY_REQUIRES_TWO_FACTOR:
            return _(
                "Your company requires two-factor authentication, so you cannot switch it off. Nothing was changed."
            )
        case Refusal.NO_KEY:
            return _("There is no key.")
        case Refusal.ALREADY_ON:
            return _("Two-factor authentication is on already.")
        case Refusal.STEP_UP_REQUIRED:
            return _("Please prove once more that it is you.")
        case Refusal.FORBIDDEN:
            return _("You may not do this.")
        case Refusal.NOT_FOUND:
            return _("This does not exist, or no longer.")
        case Refusal.LOGIN_TAKEN:
            return _("This login is taken.")
        case Refusal.ALREADY_EXISTS:
            return _("This exists already.")
        case Refusal.ALREADY_DEACTIVATED:
            return _("This user is deactivated already.")
        case Refusal.NOT_DEACTIVATED:
            return _("This user is not deactivated.")
        case Refusal.PRECONDITION_FAILED:
            return _("Somebody else changed this meanwhile. Please look at it again.")
        case Refusal.ALREADY_SUSPENDED:
            return _("This company is suspended already.")
        case Refusal.NOT_SUSPENDED:
            return _("This company is not suspended.")
        case Refusal.PROVIDER_STAYS:
            return _("The provider itself cannot be suspended.")
        case Refusal.BUILT_IN_ROLE:
            return _("This role is built in and stays as it is.")
        case Refusal.ROLE_IN_USE:
            return _("Users have this role, or the security policy names it. Change that first.")
        case Refusal.TOO_MANY:
            return _("There are as many of these as there may be.")
        case Refusal.CLIENT_EXPIRED:
            return _("This API client has expired. Please make a new one.")
        case Refusal.NOT_READY:
            return _("This is not ready yet.")
        case Refusal.CONFIRMATION_REQUIRED:
            return _("You would lose your own access by this. Confirm that you mean it.")
        case _:
            assert_never(refusal)


_KINDS: Final = {
    "code": _("A code has exactly six digits."),
    "missing": _("Please fill in this field."),
    "string_too_short": _("Please fill in this field."),
    "string_too_long": _("This is too long."),
    "time_zone": _("This time zone is not known."),
    "too_short": _("Use at least eight characters."),
    "too_long": _("This is too long."),
    "too_common": _("This password is among the first that are tried. Please choose another one."),
    "different": _("The two passwords are not the same."),
    "email": _("This is not an e-mail address."),
    "length": _("This is too long, or empty."),
    "day": _("Please give a day, such as 2030-12-31."),
    "past": _("This has to lie in the future."),
    "unknown_role": _("There is no such role."),
    "network": _(
        "One of these is no address and no network: 192.0.2.7 or 192.0.2.0/24, without bits behind the prefix."
    ),
    "too_many": _("These are too many."),
    "number": _("Please give a whole number within the bounds."),
    "int_parsing": _("Please give a whole number within the bounds."),
    "greater_than_equal": _("Please give a whole number within the bounds."),
    "less_than_equal": _("Please give a whole number within the bounds."),
    "role_name": _("Small letters, digits and underscores only, beginning with a letter."),
    "tick": _("Please tick this to confirm it."),
    "no_scope": _("Please choose at least one."),
    "nobody": _("Please choose at least one user."),
    "not_of_this_kind": _("This kind of report is about one day: leave the first one empty."),
    "in_the_future": _("This lies in the future."),
    "not_before_the_end": _("The first day has to come before the last one."),
    "characters": _("Some of these characters may not be used here."),
}
_NOT_HERE: Final = _("This is not possible here.")


def wrong_kind(kind: str, language: Language) -> str:
    """What is wrong with a field."""
    return language.text(_KINDS.get(kind, _NOT_HERE))
