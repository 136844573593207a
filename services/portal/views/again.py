"""Proving again that it is oneself, before a page that asks for it."""

from services.portal import step_up
from services.portal.forms import Form, Path
from services.portal.messages import Said
from services.portal.security import safe_path
from services.portal.visit import Answer, Goto, Page, Visit


class AgainForm(Form):
    next: Path = "/"


async def show(visit: Visit) -> Answer:
    return step_up.page(visit, {"next": [safe_path(visit.query.get("next"))]}, status=200)


async def go_on(visit: Visit, form: AgainForm) -> Answer:
    """The dispatcher has taken the proof; without one there is nothing to go on with."""
    wanted = safe_path(form.next)
    if not visit.caller.is_fresh(visit.now):
        return _asked_first(visit, wanted)
    return Goto(path=wanted, said=Said.PROVEN_AGAIN)


def _asked_first(visit: Visit, wanted: str) -> Page:
    return step_up.page(visit, {"next": [wanted]})
