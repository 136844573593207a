"""The start page: one's own state at a glance."""

from services.portal.visit import Answer, Page, Visit


async def show(visit: Visit) -> Answer:
    sessions = await visit.app.own.sessions(visit.caller)
    return Page(
        template="start.html",
        values={"factor": visit.app.own.two_factor(visit.caller), "sessions": len(sessions)},
    )
