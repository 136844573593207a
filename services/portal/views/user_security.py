"""One portal user › Security: the second factor from outside, exceptions, trusted networks."""

from typing import Literal

from events.company.roles import Right
from events.policy import demanded_by_policy
from events.user.limits import CODES_IN_A_SET
from events.user.state import Ladder
from services.portal import hindrances
from services.portal.forms import Day, Form, Lines, Reason, begin_of, lines
from services.portal.languages import zone_of
from services.portal.messages import Said
from services.portal.views.user import ReasonForm, page_of, path_of, question, target_of
from services.portal.visit import Answer, Goto, Visit


class NetworksForm(Form):
    """One a line; none at all: from everywhere."""

    networks: Lines = ""
    reason: Reason


class ExceptionForm(Form):
    override: Literal["inherit", "required", "exempt"]
    until: Day = None
    reason: Reason


async def show(visit: Visit) -> Answer:
    target = await target_of(visit)
    state, now = target.state, visit.now
    return page_of(
        visit,
        "users/security.html",
        target,
        factor=visit.app.administration.two_factor(target),
        has_key=state.key is not None,
        is_ordered=state.order is not None and state.key is None,
        may_withdraw=state.order is not None and not state.order.by_policy,
        by_policy=demanded_by_policy(state, target.company.rules, now),
        is_closed=state.ladder != Ladder(),
        override=state.override_at(now),
        override_until=state.override.until if state.override is not None else None,
        why_not_factor=hindrances.of_act(visit, target, Right.TWO_FACTOR_OTHERS, own_factor=True),
        why_not_networks=hindrances.of_act(visit, target, Right.USERS),
        codes_in_a_set=CODES_IN_A_SET,
    )


async def ask_to_enable(visit: Visit) -> Answer:
    target = await target_of(visit)
    return await question(visit, "enable", "security", hours=target.company.policy.order_hours)


async def enable(visit: Visit, form: ReasonForm) -> Answer:
    await visit.app.others_factors.order_enrolment(visit.caller, visit.ids["user_id"], form.reason)
    return Goto(path=path_of(visit, "security"), said=Said.USER_ORDERED)


async def ask_to_disable(visit: Visit) -> Answer:
    target = await target_of(visit)
    kind = "disable" if target.state.key is not None else "withdraw"
    by_policy = demanded_by_policy(target.state, target.company.rules, visit.now)
    return await question(visit, kind, "security", by_policy=by_policy)


async def disable(visit: Visit, form: ReasonForm) -> Answer:
    await visit.app.others_factors.disable_factor(visit.caller, visit.ids["user_id"], form.reason)
    return Goto(path=path_of(visit, "security"), said=Said.USER_DISABLED)


async def ask_to_reset(visit: Visit) -> Answer:
    target = await target_of(visit)
    if target.state.key is None:
        return Goto(path=path_of(visit, "security"))
    return await question(visit, "reset", "security", hours=target.company.policy.order_hours)


async def reset(visit: Visit, form: ReasonForm) -> Answer:
    await visit.app.others_factors.reset_key(visit.caller, visit.ids["user_id"], form.reason)
    return Goto(path=path_of(visit, "security"), said=Said.USER_RESET)


async def ask_to_unlock(visit: Visit) -> Answer:
    return await question(visit, "unlock", "security")


async def unlock(visit: Visit, form: ReasonForm) -> Answer:
    await visit.app.others_factors.unlock(visit.caller, visit.ids["user_id"], form.reason)
    return Goto(path=path_of(visit, "security"), said=Said.USER_UNLOCKED)


async def ask_for_break_glass(visit: Visit) -> Answer:
    target = await target_of(visit)
    if target.state.key is None:
        return Goto(path=path_of(visit, "security"))
    return await question(visit, "break_glass", "security")


async def break_glass(visit: Visit, form: ReasonForm) -> Answer:
    issued = await visit.app.others_factors.break_glass(visit.caller, visit.ids["user_id"], form.reason)
    return page_of(
        visit,
        "users/secret.html",
        await target_of(visit),
        kind="break_glass",
        secret=issued.code,
        until=issued.expires_at,
    )


async def ask_for_exception(visit: Visit) -> Answer:
    target = await target_of(visit)
    state = target.state
    until = state.override.until if state.override is not None else None
    return page_of(
        visit,
        "users/exception.html",
        target,
        back=path_of(visit, "security"),
        override=state.override_at(visit.now),
        until=until.astimezone(zone_of(visit.zone)).date() if until is not None else "",
    )


async def set_exception(visit: Visit, form: ExceptionForm) -> Answer:
    until = begin_of(form.until, zone_of(visit.zone)) if form.override != "inherit" else None
    await visit.app.others_factors.override(visit.caller, visit.ids["user_id"], form.override, until, form.reason)
    return Goto(path=path_of(visit, "security"), said=Said.USER_EXCEPTION)


async def ask_for_networks(visit: Visit) -> Answer:
    target = await target_of(visit)
    return page_of(
        visit,
        "users/networks.html",
        target,
        back=path_of(visit, "security"),
        here=visit.request.ip,
    )


async def set_networks(visit: Visit, form: NetworksForm) -> Answer:
    await visit.app.administration.change_networks(
        visit.caller, visit.ids["user_id"], lines(form.networks), form.reason
    )
    return Goto(path=path_of(visit, "security"), said=Said.USER_NETWORKS)
