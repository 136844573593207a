"""The portal's route table: pages, and the acts that their forms ask for."""

from functools import partial
from typing import Final

from events.user.events import Stage
from services.portal.dispatch import Allow, Route
from services.portal.forms import Form
from services.portal.views import enrolment, leaving, sign_in, start
from services.web.bodies import MAX_SIGN_IN_BODY

_anyone = partial(Route, allow=Allow.ANYONE, max_body=MAX_SIGN_IN_BODY)
_signing_in = partial(Route, allow=Allow.SIGN_IN, max_body=MAX_SIGN_IN_BODY, back="/sign-in")
_signed_in = partial(Route, allow=Allow.SESSION)

_SIGN_IN: Final = (
    _anyone(method="GET", path="/sign-in", view=sign_in.show),
    _anyone(method="POST", path="/sign-in", view=sign_in.start, form=sign_in.SignInForm, page=sign_in.show),
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
    _signed_in(method="POST", path="/sign-out", view=leaving.sign_out, form=Form),
)

ROUTES: Final = (*_SIGN_IN, *_START)
