"""The portal's route table: pages, and the acts that their forms ask for."""

from functools import partial
from typing import Final

from events.user.events import Stage
from services.portal import company_routes
from services.portal.forms import Form
from services.portal.route import Allow, Route, View
from services.portal.views import again, enrolment, leaving, profile, security, sign_in, start
from services.web.bodies import MAX_SIGN_IN_BODY

_anyone = partial(Route, allow=Allow.ANYONE, max_body=MAX_SIGN_IN_BODY)
_signing_in = partial(Route, allow=Allow.SIGN_IN, max_body=MAX_SIGN_IN_BODY, back="/sign-in")
_signed_in = partial(Route, allow=Allow.SESSION)

_SIGN_IN: Final = (
    _anyone(method="GET", path="/sign-in", view=sign_in.show),
    _anyone(method="POST", path="/sign-in", view=sign_in.start, form=sign_in.SignInForm, page=sign_in.show),
    _anyone(method="GET", path="/language", view=leaving.to_sign_in),
    _anyone(
        method="POST",
        path="/language",
        view=leaving.switch_language,
        form=leaving.LanguageForm,
        back="/sign-in",
    ),
    _signing_in(method="GET", path="/sign-in/code", view=sign_in.show_code, stages=(Stage.CODE,)),
    _signing_in(
        method="POST",
        path="/sign-in/code",
        view=sign_in.give_code,
        form=sign_in.CodeForm,
        page=sign_in.show_code,
        stages=(Stage.CODE,),
    ),
    _signing_in(method="GET", path="/sign-in/recovery-code", view=sign_in.show_recovery_code, stages=(Stage.CODE,)),
    _signing_in(
        method="POST",
        path="/sign-in/recovery-code",
        view=sign_in.give_recovery_code,
        form=sign_in.RecoveryCodeForm,
        page=sign_in.show_recovery_code,
        stages=(Stage.CODE,),
    ),
    _signing_in(method="GET", path="/sign-in/enrolment", view=enrolment.show, stages=(Stage.ENROLMENT,)),
    _signing_in(
        method="POST",
        path="/sign-in/enrolment",
        view=enrolment.start,
        form=enrolment.StartForm,
        page=enrolment.show,
        stages=(Stage.ENROLMENT,),
    ),
    _signing_in(
        method="POST",
        path="/sign-in/enrolment/confirmation",
        view=enrolment.confirm,
        form=enrolment.ConfirmForm,
        page=enrolment.show_again,
        stages=(Stage.ENROLMENT,),
    ),
    _signing_in(method="GET", path="/sign-in/password", view=sign_in.show_new_password, stages=(Stage.PASSWORD,)),
    _signing_in(
        method="POST",
        path="/sign-in/password",
        view=sign_in.set_new_password,
        form=sign_in.NewPasswordForm,
        page=sign_in.show_new_password,
        stages=(Stage.PASSWORD,),
    ),
    _signing_in(method="POST", path="/sign-in/cancel", view=sign_in.cancel),
)

_START: Final = (
    _signed_in(method="GET", path="/", view=start.show),
    _signed_in(method="POST", path="/sign-out", view=leaving.sign_out),
    _signed_in(method="GET", path="/step-up", view=again.show),
    _signed_in(method="POST", path="/step-up", view=again.go_on, form=again.AgainForm, page=again.show),
)

_settings = partial(_signed_in, path="/profile/settings", back="/profile/settings")
_sessions = partial(_signed_in, back="/profile/sessions")
_security = partial(_signed_in, back="/profile/security")

_PROFILE: Final = (
    _signed_in(method="GET", path="/profile", view=leaving.to_own_profile),
    _settings(method="GET", view=profile.show_settings),
    _settings(method="POST", view=profile.save_settings, form=profile.SettingsForm, page=profile.show_settings),
    _signed_in(
        method="POST", path="/profile/settings/export", view=profile.export, back="/profile/settings", fresh=True
    ),
    _sessions(method="GET", path="/profile/sessions", view=profile.show_sessions),
    _sessions(method="POST", path="/profile/sessions/{session_id}/end", view=profile.end_session),
    _sessions(method="GET", path="/profile/sessions/end-others", view=profile.ask_to_end_others),
    _sessions(method="POST", path="/profile/sessions/end-others", view=profile.end_others),
    _signed_in(method="GET", path="/profile/activity", view=profile.show_activity),
)


def _asked(path: str, ask: View, act: View, form: type[Form]) -> tuple[Route, Route]:
    """A page that names the consequence, and the act."""
    return (
        _security(method="GET", path=f"/profile/security/{path}", view=ask),
        _security(method="POST", path=f"/profile/security/{path}", view=act, form=form, page=ask),
    )


_OWN_SECURITY: Final = (
    _security(method="GET", path="/profile/security", view=security.show),
    _security(
        method="POST",
        path="/profile/security/password",
        view=security.change_password,
        form=security.PasswordChangeForm,
        page=security.show,
    ),
    *_asked("enable", security.ask_to_enable, security.enable, security.PasswordForm),
    *_asked("replace", security.ask_to_replace, security.replace_key, security.CodeForm),
    *_asked("reset", security.ask_to_reset, security.reset, security.ResetForm),
    *_asked("disable", security.ask_to_disable, security.disable, security.CodeForm),
    *_asked("recovery-codes", security.ask_for_codes, security.new_codes, security.CodeForm),
    _security(
        method="POST",
        path="/profile/security/confirmation",
        view=security.confirm,
        form=security.CodeForm,
        page=security.show_key_again,
    ),
    _security(method="POST", path="/profile/security/cancel", view=security.cancel_enrolment),
)

ROUTES: Final = (*_SIGN_IN, *_START, *_PROFILE, *_OWN_SECURITY, *company_routes.ROUTES)
