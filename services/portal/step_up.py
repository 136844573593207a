"""Proving again that it is oneself, in the middle of something: what was typed goes along and nothing is lost."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from events.decision import Refusal
from services.application.errors import Refused, Unacceptable
from services.portal import forms, messages
from services.portal.forms import Errors, Filled, Typed
from services.portal.visit import Page, Visit


def page(visit: Visit, typed: Typed, wrong: str | None = None, status: int = 401, back: str = "/") -> Page:
    """Asks for a code, or for the password where no factor is on; sent to where the act itself went, or `back`."""
    name = "code" if visit.caller.has_own_factor() else "password"
    errors = Errors({name: wrong}) if wrong else Errors()
    carried = [(forms.KEPT + field, value) for field, values in typed.items() for value in values]
    return Page(
        template="step_up.html",
        status=status,
        values={
            "action": visit.path,
            "kept": carried,
            "filled": Filled(errors=errors),
            "by": name,
            "back": back,
            "minutes": visit.app.rules.limits.step_up // timedelta(minutes=1),
        },
    )


def wrong_proof(visit: Visit, error: Refused | Unacceptable) -> str:
    """What to say at the field."""
    if isinstance(error, Unacceptable):
        return messages.wrong_kind(error.problem, visit.language)
    if error.refusal is Refusal.INVALID_CREDENTIALS:
        return visit.text(messages.WRONG_PASSWORD)
    return messages.refused(error.refusal, visit.language)


def kept(fields: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The form as it was before the question."""
    return {name.removeprefix(forms.KEPT): given for name, given in fields.items() if name.startswith(forms.KEPT)}


async def prove(visit: Visit, fields: Mapping[str, list[str]]) -> tuple[Visit, str]:
    """The visit of the session as it is now, with its new token. Raises Refused, Unacceptable."""
    code, password = fields.get("code", [""])[0], fields.get("password", [""])[0]
    by_code = visit.caller.has_own_factor()
    if by_code and not forms.is_code(code):
        raise Unacceptable("code", "code", "not six digits")
    fresh = await visit.app.own.step_up(
        visit.caller, code=code if by_code else None, password=None if by_code else password
    )
    known = await visit.app.authentication.caller(fresh.token, visit.request)
    if known is None:
        raise Refused(Refusal.SESSION_OVER)
    return replace(visit, known=known), fresh.token
