"""One portal user: settings, sessions, activity, and acts on the account."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from zoneinfo import available_timezones

from events.company.roles import Level, Right
from events.store.port import StoredUser
from events.user.state import account_state
from services.application.administration import Settings
from services.portal import devices, hindrances, paging, sentences, words
from services.portal.forms import Confirmed, Day, Email, Form, OrNone, Password, Reason, TimeZone, begin_of
from services.portal.languages import zone_of
from services.portal.messages import Said
from services.portal.views.users import RoleName, grantable_roles
from services.portal.visit import Answer, Goto, Page, Visit

_ACTIVITY: Final = 50  # events on a page


class SettingsForm(Form):
    email: Email = None
    role: RoleName
    activation: Day = None
    expiration: Day = None
    language: Literal["de", "en", "pt-BR"]
    time_zone: TimeZone


class ReasonForm(Form):
    reason: Reason


class PasswordForm(Form):
    """Without a password one is made up."""

    reason: Reason
    new_password: Annotated[Password | None, OrNone] = None


class EraseForm(Form):
    confirm: Confirmed = False


async def target_of(visit: Visit) -> StoredUser:
    """Raises Refused(NOT_FOUND)."""
    return await visit.app.users.find(visit.caller, visit.ids["user_id"])


def path_of(visit: Visit, tab: str) -> str:
    return f"{visit.place}/users/{visit.ids['user_id']}/{tab}"


def page_of(visit: Visit, template: str, target: StoredUser, **values: Any) -> Page:
    """A page among the tabs of one user."""
    return Page(
        template=template,
        values={
            "target": target,
            "home": path_of(visit, ""),
            "account": account_state(target.state, visit.now),
            "may_see_sessions": visit.may(Right.SESSIONS_OTHERS, Level.VIEW),
            "words": words,
            **values,
        },
    )


async def to_settings(visit: Visit) -> Answer:
    return Goto(path=path_of(visit, "settings"))


async def show_settings(visit: Visit) -> Answer:
    target = await target_of(visit)
    zone, roles = zone_of(target.state.time_zone), grantable_roles(visit, target.state.role)
    days = [at.astimezone(zone).date() if at else "" for at in (target.state.activation_at, target.state.expiration_at)]
    return page_of(
        visit,
        "users/settings.html",
        target,
        why_not=hindrances.of_act(visit, target, Right.USERS),
        zones=sorted(available_timezones()),
        roles=roles,
        role_names=[words.role(name, visit.language) for name in roles],
        activation=days[0],
        expiration=days[1],
    )


async def save_settings(visit: Visit, form: SettingsForm) -> Answer:
    def change(user: StoredUser) -> Settings:
        return Settings(
            email=form.email,
            role=form.role,
            language=form.language,
            time_zone=form.time_zone,
            activation_at=_changed(form.activation, user.state.activation_at, user.state.time_zone, form.time_zone),
            expiration_at=_changed(form.expiration, user.state.expiration_at, user.state.time_zone, form.time_zone),
        )

    await visit.app.administration.change(visit.caller, visit.ids["user_id"], change, lambda user: None)
    return Goto(path=path_of(visit, "settings"), said=Said.USER_SAVED)


def _changed(day: Day, before: datetime | None, shown_in: str, zone: str) -> datetime | None:
    """What was not touched stays to the second; sessions end with a change."""
    if before is not None and before.astimezone(zone_of(shown_in)).date() == day:
        return before
    return begin_of(day, zone_of(zone))


async def show_sessions(visit: Visit) -> Answer:
    target = await target_of(visit)
    rows = await visit.app.administration.sessions(target)
    current = visit.caller.credential.id
    return page_of(
        visit,
        "users/sessions.html",
        target,
        why_not=hindrances.of_act(visit, target, Right.SESSIONS_OTHERS),
        rows=[devices.session(row, current=row.id == current) for row in rows],
    )


async def end_session(visit: Visit, form: Form) -> Answer:
    await visit.app.administration.end_session(visit.caller, visit.ids["user_id"], visit.ids["session_id"])
    return Goto(path=path_of(visit, "sessions"), said=Said.USER_SESSIONS_ENDED)


async def show_activity(visit: Visit) -> Answer:
    target = await target_of(visit)
    rows = await visit.app.audit.activity(visit.caller, target.user_id, _ACTIVITY + 1, paging.position(visit))
    last = rows[_ACTIVITY - 1].position if len(rows) > _ACTIVITY else None
    return page_of(
        visit,
        "users/activity.html",
        target,
        rows=rows[:_ACTIVITY],
        pages=paging.pages(visit, path_of(visit, "activity"), {}, last),
        sentences=sentences,
    )


async def question(visit: Visit, kind: str, back: str, fields: str = "reason", **values: Any) -> Answer:
    """The page in front of an act: what will happen, and the form that does it."""
    needed = {"kind": kind, "back": path_of(visit, back), "fields": fields, "hours": None, "by_policy": None}
    return page_of(visit, "users/act.html", await target_of(visit), **{**needed, **values})


async def ask_to_end_sessions(visit: Visit) -> Answer:
    return await question(visit, "end_sessions", "sessions", fields="")


async def end_sessions(visit: Visit, form: Form) -> Answer:
    await visit.app.administration.end_sessions(visit.caller, visit.ids["user_id"])
    return Goto(path=path_of(visit, "sessions"), said=Said.USER_SESSIONS_ENDED)


async def ask_to_deactivate(visit: Visit) -> Answer:
    return await question(visit, "deactivate", "settings")


async def deactivate(visit: Visit, form: ReasonForm) -> Answer:
    await visit.app.administration.deactivate(visit.caller, visit.ids["user_id"], form.reason)
    return Goto(path=path_of(visit, "settings"), said=Said.USER_DEACTIVATED)


async def ask_to_reactivate(visit: Visit) -> Answer:
    return await question(visit, "reactivate", "settings")


async def reactivate(visit: Visit, form: ReasonForm) -> Answer:
    await visit.app.administration.reactivate(visit.caller, visit.ids["user_id"], form.reason)
    return Goto(path=path_of(visit, "settings"), said=Said.USER_REACTIVATED)


async def ask_to_erase(visit: Visit) -> Answer:
    return await question(visit, "erase", "settings", fields="confirm")


async def erase(visit: Visit, form: EraseForm) -> Answer:
    await visit.app.administration.erase(visit.caller, visit.ids["user_id"])
    return Goto(path=f"{visit.place}/users", said=Said.USER_ERASED)


async def ask_for_password(visit: Visit) -> Answer:
    return await question(visit, "password", "settings", fields="password")


async def set_password(visit: Visit, form: PasswordForm) -> Answer:
    user, generated = await visit.app.administration.reset_password(
        visit.caller, visit.ids["user_id"], form.reason, form.new_password
    )
    return page_of(visit, "users/secret.html", user, kind="password", secret=generated, until=None)
