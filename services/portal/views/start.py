"""The start page: one's own state at a glance."""

from typing import Final

from services.portal import sentences
from services.portal.visit import Answer, Page, Visit

_LAST: Final = 5


async def show(visit: Visit) -> Answer:
    caller = visit.caller
    return Page(
        template="start.html",
        values={
            "factor": visit.app.own.two_factor(caller),
            "sessions": len(await visit.app.own.sessions(caller)),
            "rows": await visit.app.audit.activity(caller, caller.user_id, _LAST, None),
            "sentences": sentences,
        },
    )
