"""Binding an authenticator when a sign-in demands it: the key once, a code, then the recovery codes once."""

from dataclasses import replace
from datetime import datetime

from markupsafe import Markup

from services.application.codes import ShownKey, qr_svg
from services.application.errors import Refused
from services.portal import time_limits
from services.portal.forms import Code, Form, Path
from services.portal.security import safe_path
from services.portal.visit import Answer, Page, Visit


class ConfirmForm(Form):
    code: Code
    next: Path = "/"


class StartForm(Form):
    next: Path = "/"


async def show(visit: Visit) -> Answer:
    """Why it is asked, and a button; keys are shown in answer to a form only."""
    return Page(template="enrolment_demanded.html", values={"next": _next(visit)})


async def start(visit: Visit, form: StartForm) -> Answer:
    return await demanded(visit, safe_path(form.next))


async def demanded(visit: Visit, wanted: str) -> Page:
    """A fresh key for a sign-in that has to bring one."""
    shown, expires_at = await visit.app.sign_in.start_enrolment(visit.caller)
    return _page(visit, shown, expires_at, wanted)


async def show_again(visit: Visit) -> Answer:
    """After a wrong code: the same key, as long as it waits for one."""
    try:
        shown, expires_at = await visit.app.sign_in.shown_enrolment(visit.caller)
    except Refused:
        return await show(visit)
    return _page(visit, shown, expires_at, _next(visit))


async def confirm(visit: Visit, form: ConfirmForm) -> Answer:
    answer = await visit.app.sign_in.confirm_enrolment(visit.caller, form.code)
    wanted = safe_path(form.next)
    if answer.status == "password_expired":
        return replace(codes_page(answer.recovery_codes, "/sign-in/password", wanted), token=answer.token)
    return replace(codes_page(answer.recovery_codes, wanted), token=answer.token)


def codes_page(codes: tuple[str, ...], action: str, wanted: str = "/") -> Page:
    """Ten codes, this once; on to `action` when they are saved, and from there to `wanted`."""
    return Page(template="recovery_codes.html", values={"codes": codes, "action": action, "next": wanted})


def _page(visit: Visit, shown: ShownKey, expires_at: datetime, wanted: str) -> Page:
    return Page(
        template="enrolment.html",
        values={
            **key_values(visit, shown, expires_at),
            "action": "/sign-in/enrolment/confirmation",
            "cancel": "/sign-in/cancel",
            "next": wanted,
            "demanded": True,
        },
    )


def key_values(visit: Visit, shown: ShownKey, expires_at: datetime) -> dict[str, object]:
    """What a page shows of a key."""
    groups = [shown.key[at : at + 4] for at in range(0, len(shown.key), 4)]
    qr = Markup(qr_svg(shown.otpauth_uri, sized=False))  # noqa: S704 - made here, of modules only
    return {"qr": qr, "groups": groups, "key_limit": time_limits.of_key(visit, expires_at)}


def _next(visit: Visit) -> str:
    typed = visit.filled.typed.get("next")
    return safe_path(typed[0] if typed else visit.query.get("next"))
