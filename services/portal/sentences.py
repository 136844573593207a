"""What happened, one sentence a fact. Every event of the catalogue has one."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.application.audit import AuditRow
from services.portal.languages import Language
from services.portal.messages import _

_FACTORS: Final = {
    "password": _("password"),
    "otp": _("one-time code"),
    "recovery_code": _("recovery code"),
    "break_glass_code": _("break-glass code"),
}
_DOORS: Final = {
    "sign_in": _("at the sign-in"),
    "confirm": _("when confirming a new key"),
    "replace": _("when replacing the authenticator"),
    "reset": _("when resetting the key"),
    "disable": _("when switching two-factor authentication off"),
    "step_up": _("when proving identity again"),
    "recovery_codes": _("when asking for new recovery codes"),
}
_CAUSES: Final = {
    "not_yet_active": _("the account is not active yet"),
    "expired": _("the account has expired"),
    "deactivated": _("the account is deactivated"),
    "order_expired": _("the time to set up the authenticator is over"),
    "factor_disabled": _("the second factor was closed after too many wrong codes"),
    "network": _("the address is not among the trusted networks"),
    "suspended": _("the company is suspended"),
}
_CHANGED: Final = {
    "email": _("e-mail"),
    "role": _("role"),
    "language": _("language"),
    "time_zone": _("time zone"),
    "activation_at": _("activation date"),
    "expiration_at": _("expiration date"),
}

_FORMATS: Final = {"csv": "CSV", "jsonl": "JSON Lines", "ocsf": "OCSF"}

# Those that say it all by themselves.
_PLAIN: Final = {
    "UserCreated": _("The account was created."),
    "UserDeactivated": _("The account was deactivated."),
    "UserExpired": _("The account expired."),
    "UserReactivated": _("The account was reactivated."),
    "UserErased": _("The account was erased; the personal data can no longer be read."),
    "PersonalDataExported": _("A copy of all personal data was downloaded."),
    "CredentialsVoided": _("An older backup was restored: sessions ended, recovery codes and used codes are void."),
    "TrustedNetworksChanged": _("The trusted networks were changed."),
    "PasswordChanged": _("The password was changed. All other sessions ended."),
    "PasswordReset": _("An administrator set a new password. All sessions ended."),
    "PasswordRehashed": _("The stored password was protected anew, by today's standard."),
    "SessionPasswordRejected": _("A wrong password was given inside a session."),
    "SignInStarted": _("The password was right; a sign-in began."),
    "SignInAdvanced": _("The sign-in went on to its next step."),
    "SignInCancelled": _("The sign-in was cancelled."),
    "SignedOut": _("Signed out."),
    "SteppedUp": _("Identity was proven again inside a session."),
    "TwoFactorPaused": _("Codes are not accepted for a while: several wrong ones in a row."),
    "TwoFactorUnlocked": _("The second factor was unlocked."),
    "EnrolmentStarted": _("A new key was shown, to be confirmed by a code."),
    "EnrolmentCancelled": _("The set-up of an authenticator was cancelled."),
    "TwoFactorOrdered": _("The set-up of an authenticator was ordered."),
    "PolicyOrderStarted": _("The company's policy demands an authenticator; the time to set it up began."),
    "GraceNoted": _("The begin of the time of grace was noted."),
    "BreakGlassCodeIssued": _("An administrator gave out a break-glass code."),
    "BreakGlassCodeUsed": _("The break-glass code was used; the old key is void."),
    "TwoFactorImported": _("The authenticator was taken over from another system."),
    "OrderWithdrawn": _("The order to set up an authenticator was withdrawn."),
    "RecoveryCodesIssued": _("New recovery codes were given out; the old ones are void."),
    "KeyReset": _("The key was reset: key and recovery codes are void, all sessions ended."),
    "TwoFactorDisabled": _("Two-factor authentication was switched off."),
    "AccessDenied": _("Something was refused for lack of a right."),
    "CompanyCreated": _("The company was created."),
    "CompanyRenamed": _("The company was renamed."),
    "CompanySuspended": _("The company was suspended; all of its sessions ended."),
    "CompanyResumed": _("The company was resumed."),
    "InstallationRestored": _("The database was set back to an older backup; all sessions ended."),
    "PolicyChanged": _("The security policy was changed."),
    "RoleCreated": _("A role was created."),
    "RoleChanged": _("A role was changed."),
    "RoleDeleted": _("A role was deleted."),
    "ApiClientCreated": _("An API client was created."),
    "ApiClientRotated": _("An API client got a new token."),
    "ApiClientRevoked": _("An API client was revoked."),
    "ReportRequested": _("A report was ordered."),
    "ReportReady": _("A report was built."),
    "ReportFailed": _("A report could not be built."),
    "SessionsRevoked": _("All systems concerned were told that sessions ended."),
    "EveryoneSignedOut": _("Everybody concerned was signed out."),
    "PersonForgotten": _("Everything kept outside of the database about the erased person is gone."),
    "AdministratorsNotified": _("The administrators were told by mail."),
    "NotificationSent": _("A mail about it was sent."),
    "NotificationFailed": _("A mail about it could not be delivered."),
}

Tell = Callable[[Language, Mapping[str, Any]], str]


def _signed_in(language: Language, details: Mapping[str, Any]) -> str:
    return language.text(_("Signed in with %(factors)s."), factors=_listed(language, _FACTORS, details["factors"]))


def _user_changed(language: Language, details: Mapping[str, Any]) -> str:
    return language.text(_("Settings were changed: %(names)s."), names=_listed(language, _CHANGED, details["changed"]))


def _sign_in_refused(language: Language, details: Mapping[str, Any]) -> str:
    known = _CAUSES[details["cause"]]
    refused = _("The password was right, but the sign-in was refused: %(cause)s.")
    return language.text(refused, cause=language.text(known))


def _code_rejected(language: Language, details: Mapping[str, Any]) -> str:
    door = _DOORS[details["door"]]
    where = language.text(door)
    if details["factor"] != "otp":
        return language.text(_("A recovery code was refused %(where)s."), where=where)
    if details["result"] == "used":
        return language.text(_("A code that had been used already was refused %(where)s."), where=where)
    if details["result"] == "not_evaluated":
        return language.text(_("A code was refused unseen during a pause %(where)s."), where=where)
    return language.text(_("A wrong code was refused %(where)s."), where=where)


def _locked(language: Language, details: Mapping[str, Any]) -> str:
    if details["until"] is None:
        return language.text(_("The second factor was closed after a hundred wrong codes in a row."))
    return language.text(_("The second factor was locked for a time: too many wrong codes in a row."))


def _enabled(language: Language, details: Mapping[str, Any]) -> str:
    if details["replaced"]:
        return language.text(_("The authenticator was replaced by a new one."))
    return language.text(_("Two-factor authentication was switched on."))


def _overridden(language: Language, details: Mapping[str, Any]) -> str:
    match details["override"]:
        case "required":
            return language.text(_("Two-factor authentication was made a duty for this account."))
        case "exempt":
            return language.text(_("The account was exempted from the company's policy."))
        case _:
            return language.text(_("The account follows the company's policy again."))


def _recovery_code_used(language: Language, details: Mapping[str, Any]) -> str:
    left = int(details["left"])
    return language.count(
        "A recovery code was used; %(num)s is left.", "A recovery code was used; %(num)s are left.", left
    )


def _sessions_ended(language: Language, details: Mapping[str, Any]) -> str:
    ended = len(details["sessions_ended"])
    return language.count("%(num)s session was ended.", "%(num)s sessions were ended.", ended)


def _password_rejected(language: Language, details: Mapping[str, Any]) -> str:
    if details["throttled"]:
        return language.text(_("Many wrong passwords were given for this login; they were no longer looked at."))
    return language.text(_("A wrong password was given at the sign-in."))


def _exported(language: Language, details: Mapping[str, Any]) -> str:
    kind = _FORMATS[details["format"]]
    return language.count(
        "%(num)s line of the audit log was exported as %(kind)s.",
        "%(num)s lines of the audit log were exported as %(kind)s.",
        int(details["events"]),
        kind=kind,
    )


def _traces_destroyed(language: Language, details: Mapping[str, Any]) -> str:
    gone = _("Addresses and programs of the month %(month)s became unreadable; the time they are kept is over.")
    return language.text(gone, month=details["month"])


_TOLD: Final[Mapping[str, Tell]] = {
    "SignedIn": _signed_in,
    "UserChanged": _user_changed,
    "SignInRefused": _sign_in_refused,
    "CodeRejected": _code_rejected,
    "TwoFactorLocked": _locked,
    "TwoFactorEnabled": _enabled,
    "TwoFactorOverridden": _overridden,
    "RecoveryCodeUsed": _recovery_code_used,
    "SessionsEnded": _sessions_ended,
    "PasswordRejected": _password_rejected,
    "EventsExported": _exported,
    "TracesDestroyed": _traces_destroyed,
}

_ACTORS: Final = {
    "user": _("an administrator"),
    "provider": _("the service provider"),
    "client": _("a connected program"),
    "system": _("the system"),
    "anonymous": _("somebody who is not signed in"),
}

# What there is to search for; those with more to tell have a name here.
KINDS: Final[Mapping[str, str]] = {
    **_PLAIN,
    "SignedIn": _("Somebody signed in."),
    "UserChanged": _("Settings of a user were changed."),
    "SignInRefused": _("A sign-in was refused although the password was right."),
    "CodeRejected": _("A code was refused."),
    "TwoFactorLocked": _("The second factor was locked."),
    "TwoFactorEnabled": _("Two-factor authentication was switched on or replaced."),
    "TwoFactorOverridden": _("An exception from the policy was set or ended."),
    "RecoveryCodeUsed": _("A recovery code was used."),
    "SessionsEnded": _("Sessions were ended."),
    "PasswordRejected": _("A wrong password was given at the sign-in."),
    "EventsExported": _("The audit log was exported."),
    "TracesDestroyed": _("Addresses and programs of an old month became unreadable."),
}
NAMES: Final = frozenset({*_PLAIN, *_TOLD})


def sentence(row: AuditRow, language: Language) -> str:
    """What happened."""
    tell = _TOLD.get(row.type)
    return tell(language, row.details) if tell is not None else language.text(_PLAIN[row.type])


def author(row: AuditRow, language: Language) -> str | None:
    """Who did it; None: the one whom it is about."""
    if row.actor_id is not None and row.actor_id == row.subject_id:
        return None
    return actor(row.actor_kind, row.actor_label, language)


def actor(kind: str, label: str | None, language: Language) -> str:
    """By name, where it is known, and by what that is."""
    word = language.text(_ACTORS[kind])
    return f"{label} ({word})" if label else word


def is_alarming(row: AuditRow) -> bool:
    """Worth a second look by the owner of the account."""
    return row.type in _ALARMING


_ALARMING: Final = frozenset(
    {
        *("CodeRejected", "PasswordRejected", "SessionPasswordRejected", "SignInRefused", "TwoFactorPaused"),
        *("TwoFactorLocked", "TwoFactorDisabled", "KeyReset", "BreakGlassCodeUsed", "AccessDenied"),
    }
)


def _listed(language: Language, known: Mapping[str, str], names: list[str]) -> str:
    return ", ".join(language.text(known[name]) if name in known else name for name in names)
