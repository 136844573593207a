"""Going elsewhere: out, to another language, to the first tab of the profile."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import StringConstraints

from services.portal.forms import Form, Path
from services.portal.messages import Said
from services.portal.security import safe_path
from services.portal.views import sign_in
from services.portal.visit import Answer, Goto, Visit


class LanguageForm(Form):
    language: Literal["de", "en", "pt-BR"]
    login: Annotated[str, StringConstraints(max_length=1024)] = ""
    password: Annotated[str, StringConstraints(max_length=1024)] = ""  # comes with the form; nobody looks at it
    next: Path = "/sign-in"


async def sign_out(visit: Visit, form: Form) -> Answer:
    await visit.app.own.sign_out(visit.caller)
    return Goto(path="/sign-in", said=Said.SIGNED_OUT, leave=True, clear=True)


async def switch_language(visit: Visit, form: LanguageForm) -> Answer:
    """What was typed is shown again, but for the password."""
    if form.login:
        return replace(await sign_in.show(visit), language=form.language)
    return Goto(path=safe_path(form.next), language=form.language)


async def to_sign_in(visit: Visit) -> Answer:
    return Goto(path="/sign-in")


async def to_own_profile(visit: Visit) -> Answer:
    return Goto(path="/profile/settings")
