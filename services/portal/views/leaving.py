"""Going elsewhere: out, to another language, to the first tab of the profile."""

from typing import Literal

from services.portal.forms import Form, Path
from services.portal.messages import Said
from services.portal.security import safe_path
from services.portal.visit import Answer, Goto, Visit


class LanguageForm(Form):
    language: Literal["de", "en", "pt-BR"]
    next: Path = "/sign-in"


async def sign_out(visit: Visit, form: Form) -> Answer:
    await visit.app.own.sign_out(visit.caller)
    return Goto(path="/sign-in", said=Said.SIGNED_OUT, leave=True, clear=True)


async def switch_language(visit: Visit, form: LanguageForm) -> Answer:
    return Goto(path=safe_path(form.next), language=form.language)


async def to_own_profile(visit: Visit) -> Answer:
    return Goto(path="/profile/settings")
