"""Signing in: login and password, then whatever else is asked, then a session."""

from dataclasses import replace
from urllib.parse import urlencode

from events.decision import Refusal
from services.application.errors import Refused, Unacceptable
from services.application.sign_in import SignInAnswer
from services.portal.forms import Code, Form, Password, Path, RecoveryCode
from services.portal.messages import Said
from services.portal.security import safe_path
from services.portal.views import enrolment
from services.portal.visit import Answer, Goto, Page, Visit


class SignInForm(Form):
    login: Password
    password: Password
    next: Path = "/"


class CodeForm(Form):
    code: Code
    next: Path = "/"


class RecoveryCodeForm(Form):
    recovery_code: RecoveryCode
    next: Path = "/"


class NewPasswordForm(Form):
    new_password: Password
    new_password_again: Password
    next: Path = "/"


async def show(visit: Visit) -> Answer:
    """The form; whoever is signed in already is sent on."""
    if visit.known is not None and visit.known.is_session and not visit.errors:
        return Goto(path=next_of(visit))
    return Page(template="sign_in.html", values={"next": next_of(visit)})


async def start(visit: Visit, form: SignInForm) -> Answer:
    answer = await visit.app.sign_in.start(form.login, form.password, visit.request)
    return await onwards(visit, answer, form.next)


async def show_code(visit: Visit) -> Answer:
    return Page(template="code.html", values={"next": next_of(visit)})


async def give_code(visit: Visit, form: CodeForm) -> Answer:
    return await onwards(visit, await visit.app.sign_in.code(visit.caller, form.code), form.next)


async def show_recovery_code(visit: Visit) -> Answer:
    return Page(template="recovery_code.html", values={"next": next_of(visit)})


async def give_recovery_code(visit: Visit, form: RecoveryCodeForm) -> Answer:
    return await onwards(visit, await visit.app.sign_in.recovery_code(visit.caller, form.recovery_code), form.next)


async def show_new_password(visit: Visit) -> Answer:
    return Page(template="new_password.html", values={"next": next_of(visit)})


async def set_new_password(visit: Visit, form: NewPasswordForm) -> Answer:
    demand_same(form.new_password, form.new_password_again)
    return await onwards(visit, await visit.app.sign_in.set_password(visit.caller, form.new_password), form.next)


async def cancel(visit: Visit, form: Form) -> Answer:
    await visit.app.sign_in.cancel(visit.caller)
    return Goto(path="/sign-in", said=Said.SIGN_IN_CANCELLED, leave=True)


async def onwards(visit: Visit, answer: SignInAnswer, wanted: str) -> Answer:
    """To what the sign-in asks for now; a key that has to be bound is shown at once."""
    path = safe_path(wanted)
    rest = "" if path == "/" else f"?{urlencode({'next': path})}"
    match answer.status:
        case "signed_in":
            return Goto(path=path, token=answer.token)
        case "code_required":
            return Goto(path=f"/sign-in/code{rest}", token=answer.token)
        case "password_expired":
            return Goto(path=f"/sign-in/password{rest}", token=answer.token)
        case "enrolment_required":
            request = replace(visit.request, idempotency=None)
            caller = await visit.app.authentication.caller(answer.token, request)
            if caller is None:
                raise Refused(Refusal.SIGN_IN_OVER)
            page = await enrolment.demanded(replace(visit, known=caller, request=request), path)
            return replace(page, token=answer.token)


def next_of(visit: Visit) -> str:
    """Where to go when this is done."""
    typed = visit.filled.typed.get("next")
    return safe_path(typed[0] if typed else visit.query.get("next"))


def demand_same(password: str, again: str) -> None:
    """Raises Unacceptable."""
    if password != again:
        raise Unacceptable("new_password_again", "different", "is not the same")
