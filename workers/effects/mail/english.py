"""English: also for languages that have no texts of their own yet."""

from datetime import datetime
from typing import Final

from workers.effects.mail.topics import Author, Topic
from workers.effects.mail.wording import Text, Wording

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_UNEXPECTED: Final = "If you did not expect this, please ask your administrators."


def _at(moment: datetime) -> str:
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment:%Y, %H:%M}"


ENGLISH: Final = Wording(
    greeting="Hello,",
    account="Account",
    company="Company",
    moment="When",
    author="By",
    address="From address",
    until={
        Topic.RESET: "Set up by",
        Topic.ORDERED: "Set up by",
        Topic.PAUSED: "Paused until",
        Topic.LOCKED: "Locked until",
        Topic.DEMANDED: "Until",
        Topic.EXEMPTED: "Until",
        Topic.BREAK_GLASS_ISSUED: "Code good until",
    },
    authors={
        Author.SELF: "yourself",
        Author.CLAIMANT: "somebody who entered your password",
        Author.ADMINISTRATOR: "your administrators",
        Author.PROVIDER: "your service provider",
        Author.CLIENT: "a connected program of your company",
        Author.SYSTEM: "the system",
    },
    authors_towards_others={
        Author.SELF: "the account's owner",
        Author.CLAIMANT: "somebody who entered the password",
        Author.ADMINISTRATOR: "your administrators",
        Author.PROVIDER: "your service provider",
        Author.CLIENT: "a connected program of your company",
        Author.SYSTEM: "the system",
    },
    advice={
        Author.SELF: "If this was not you, change your password at once and tell your administrators.",
        Author.CLAIMANT: (
            "If this was not you, somebody knows your password. Change it at once and tell your administrators."
        ),
        Author.ADMINISTRATOR: _UNEXPECTED,
        Author.PROVIDER: _UNEXPECTED,
        Author.CLIENT: _UNEXPECTED,
        Author.SYSTEM: _UNEXPECTED,
    },
    advice_to_administrators=(
        "If nobody agreed on this, look at the audit trail of the account and speak to the person "
        "concerned, preferably not by e-mail."
    ),
    advice_about_company="If this was not agreed upon, please look at the audit log of your company.",
    to_user={
        Topic.ENABLED: Text(
            "Second factor switched on",
            "The second factor of your account is on. From now on every sign-in also asks for a code from "
            "your authenticator app.",
        ),
        Topic.REPLACED: Text(
            "Authenticator app replaced",
            "The second factor of your account has moved to a newly set up authenticator app. The former "
            "key and the former recovery codes no longer work.",
        ),
        Topic.REPLACEMENT_STARTED: Text(
            "Replacing the authenticator app was started",
            "Somebody started to replace the authenticator app of your account. Until that is confirmed, "
            "your present app goes on working.",
        ),
        Topic.DISABLED: Text(
            "Second factor switched off",
            "The second factor of your account is off. Its key and the recovery codes no longer work.",
        ),
        Topic.RESET: Text(
            "Second factor reset",
            "The second factor of your account was reset. Its key and the recovery codes no longer work, "
            "and you are signed out everywhere. At the next sign-in you set the second factor up anew.",
        ),
        Topic.ORDERED: Text(
            "Please set up a second factor",
            "A second factor is required for your account. The next sign-in shows a QR code to scan with "
            "an authenticator app. When the time is over, your administrators can help.",
        ),
        Topic.ORDER_WITHDRAWN: Text(
            "Second factor no longer asked for",
            "The request to set up a second factor for your account was withdrawn.",
        ),
        Topic.PAUSED: Text(
            "Several wrong codes",
            "After the right password, wrong codes were entered several times in a row. For a short while "
            "no code is accepted, not even a right one.",
        ),
        Topic.LOCKED: Text(
            "Second factor locked for a while",
            "After the right password, wrong codes were entered too many times in a row. The second "
            "factor of your account is locked for a while. Your administrators can unlock it earlier.",
        ),
        Topic.CLOSED: Text(
            "Second factor locked",
            "After the right password, wrong codes were entered so many times in a row that the second "
            "factor of your account stays locked until your administrators unlock or reset it.",
        ),
        Topic.UNLOCKED: Text(
            "Second factor unlocked",
            "The second factor of your account is unlocked. Your authenticator app works as before.",
        ),
        Topic.RECOVERY_CODE_USED: Text(
            "Recovery code used",
            "A recovery code of your account was used and no longer works. Codes left: {left}.",
        ),
        Topic.RECOVERY_CODES_ISSUED: Text(
            "New recovery codes",
            "New recovery codes were issued for your account. None of the older ones works any more.",
        ),
        Topic.PASSWORD_CHANGED: Text(
            "Password changed",
            "The password of your account was changed. Your second factor stays as it is.",
        ),
        Topic.PASSWORD_RESET: Text(
            "New password set",
            "A new password was set for your account, and you are signed out everywhere. Your second "
            "factor stays as it is.",
        ),
        Topic.EMAIL_CHANGED: Text(
            "E-mail address changed",
            "The e-mail address of your account was changed. This message goes to the former address; no "
            "more will come here.",
        ),
        Topic.ROLE_CHANGED: Text(
            "Role changed",
            "The role of your account was changed, and your rights with it. Please sign in again.",
        ),
        Topic.SESSIONS_ENDED: Text(
            "Sessions ended",
            "Sessions of your account were ended. Please sign in again when you need to.",
        ),
        Topic.DEACTIVATED: Text(
            "Account deactivated",
            "Your account was deactivated. You are signed out everywhere and cannot sign in any more.",
        ),
        Topic.REACTIVATED: Text(
            "Account active again",
            "Your account is active again. Password and second factor work as before.",
        ),
        Topic.EXPIRED: Text(
            "Account expired",
            "The last day of your account went by. You are signed out everywhere and cannot sign in until "
            "your administrators extend it.",
        ),
        Topic.NETWORKS_CHANGED: Text(
            "Allowed networks changed",
            "The networks from which you can sign in were changed. Sessions from elsewhere no longer work.",
        ),
        Topic.IMPORTED: Text(
            "Second factor moved",
            "The second factor of your account was taken over from another system. Your authenticator app "
            "works as before; from now on every sign-in asks for a code from it.",
        ),
        Topic.DEMANDED: Text(
            "Second factor demanded",
            "Your account is now an exception from your company's policy: a second factor is demanded. If "
            "you have none yet, you set it up at the next sign-in.",
        ),
        Topic.EXEMPTED: Text(
            "Exempt from the second factor",
            "Your account is now an exception from your company's policy: no second factor is demanded. If "
            "it is on, it stays on.",
        ),
        Topic.EXCEPTION_ENDED: Text(
            "Exception ended",
            "The exception for your account is over. Your company's policy applies again.",
        ),
        Topic.BREAK_GLASS_ISSUED: Text(
            "Break-glass code issued",
            "A break-glass code was issued for your account; it works once and for a short time. With it you "
            "sign in instead of with your authenticator app, and then set the app up anew. The code itself "
            "comes from your administrators.",
        ),
        Topic.BREAK_GLASS_USED: Text(
            "Break-glass code used",
            "A break-glass code of your account was used. The former key and the recovery codes no longer "
            "work; the second factor is set up anew.",
        ),
    },
    to_administrators={
        Topic.RESET: Text(
            "Second factor of an account reset",
            "The second factor of an account of your company was reset. It is signed out everywhere and "
            "is set up anew at the next sign-in.",
        ),
        Topic.DISABLED: Text(
            "Second factor of an account switched off",
            "The second factor of an account of your company was switched off.",
        ),
        Topic.CLOSED: Text(
            "Second factor of an account locked",
            "For an account of your company, wrong codes were entered so many times in a row that its "
            "second factor stays locked until you unlock or reset it.",
        ),
        Topic.BREAK_GLASS_ISSUED: Text(
            "Break-glass code issued",
            "For an account of your company, a break-glass code was issued that works once and for a short time.",
        ),
        Topic.COMPANY_SUSPENDED: Text(
            "Company suspended",
            "Your company was suspended. All sessions and tokens of programs are over; nobody can sign in "
            "until it is resumed.",
        ),
        Topic.COMPANY_RESUMED: Text(
            "Company resumed",
            "The suspension of your company is over. Everybody can sign in again; connected programs need a new token.",
        ),
        Topic.POLICY_CHANGED: Text(
            "Security policy changed",
            "The security policy of your company was changed.",
        ),
    },
    link="Sign in",
    closing="This message was made automatically; nobody reads answers. It never holds a code and never asks for a "
    "password.",
    at=_at,
)
