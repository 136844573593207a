"""My profile: settings, sessions and activity."""

from dataclasses import replace
from datetime import timedelta
from typing import Literal

from pydantic_core import to_json

from events.store.port import StoredUser
from services.application.own_document import document
from services.application.own_security import Settings
from services.portal import devices, paging, sentences
from services.portal.forms import Email, Form, TimeZone
from services.portal.languages import TIME_ZONES
from services.portal.messages import Said
from services.portal.visit import Answer, Download, Goto, Page, Visit

_ACTIVITY: int = 50  # events on a page


class SettingsForm(Form):
    email: Email = None
    language: Literal["de", "en", "pt-BR"]
    time_zone: TimeZone


async def show_settings(visit: Visit) -> Answer:
    return Page(template="settings.html", values={"zones": TIME_ZONES})


async def save_settings(visit: Visit, form: SettingsForm) -> Answer:
    def change(user: StoredUser) -> Settings:
        return Settings(language=form.language, time_zone=form.time_zone, email=form.email)

    await visit.app.own.change_settings(visit.caller, change)
    return Goto(path="/profile/settings", said=Said.SETTINGS_SAVED)


async def export(visit: Visit, form: Form) -> Answer:
    """The same document as `GET /v1/me/export`. The page stays, so its button may be pressed again."""
    caller = replace(visit.caller, request=replace(visit.request, idempotency=None))
    found = document(await visit.app.own_data.export(caller), caller.credential.id)
    return Download(name="my-data.json", kind="application/json", body=to_json(found, indent=1))


async def show_sessions(visit: Visit) -> Answer:
    rows = await visit.app.own.sessions(visit.caller)
    current = visit.caller.credential.id
    found = [devices.session(row, current=row.id == current) for row in rows]
    limits = visit.app.rules.limits
    return Page(
        template="sessions.html",
        values={
            "rows": sorted(found, key=lambda row: not row.current),
            "idle_minutes": limits.session_idle // timedelta(minutes=1),
            "longest_hours": f"{limits.session / timedelta(hours=1):g}",
        },
    )


async def end_session(visit: Visit, form: Form) -> Answer:
    """One of the others: to end this one is to sign out."""
    await visit.app.own.end_session(visit.caller, visit.ids["session_id"])
    return Goto(path="/profile/sessions", said=Said.SESSION_ENDED)


async def ask_to_end_others(visit: Visit) -> Answer:
    rows = await visit.app.own.sessions(visit.caller)
    return Page(template="end_other_sessions.html", values={"others": len(rows) - 1})


async def end_others(visit: Visit, form: Form) -> Answer:
    await visit.app.own.end_other_sessions(visit.caller)
    return Goto(path="/profile/sessions", said=Said.OTHER_SESSIONS_ENDED)


async def show_activity(visit: Visit) -> Answer:
    caller = visit.caller
    rows = await visit.app.audit.activity(caller, caller.user_id, _ACTIVITY + 1, paging.position(visit))
    last = rows[_ACTIVITY - 1].position if len(rows) > _ACTIVITY else None
    return Page(
        template="activity.html",
        values={
            "rows": rows[:_ACTIVITY],
            "pages": paging.pages(visit, "/profile/activity", {}, last),
            "sentences": sentences,
        },
    )
