"""My profile › Security: the password, and the second factor from being switched on to being switched off."""

from dataclasses import replace
from datetime import datetime
from typing import Final, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from events.policy import may_not_be_without
from events.user.limits import CODES_IN_A_SET
from services.application.access import demand_own_security
from services.application.codes import ShownKey
from services.application.errors import Refused
from services.portal.forms import Code, Form, Password, RecoveryCode
from services.portal.messages import Said
from services.portal.views.enrolment import codes_page, key_values
from services.portal.views.sign_in import demand_same
from services.portal.visit import Answer, Goto, Page, Visit

HERE: Final = "/profile/security"


class PasswordChangeForm(Form):
    old_password: Password
    new_password: Password
    new_password_again: Password


class PasswordForm(Form):
    password: Password


class CodeForm(Form):
    code: Code


class ResetForm(Form):
    """A code, or in its place a recovery code."""

    code: Code | None = None
    recovery_code: RecoveryCode | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.code is None) == (self.recovery_code is None):
            raise PydanticCustomError("missing", "one of the two")
        return self


async def show(visit: Visit) -> Answer:
    state = visit.caller.user.state
    return Page(
        template="security.html",
        values={
            "factor": visit.app.own.two_factor(visit.caller),
            "has_key": state.key is not None,
            "may_change": _may_change(visit),
            "bound_to_have_it": may_not_be_without(state, visit.caller.user.company.rules, visit.now),
            "codes_in_a_set": CODES_IN_A_SET,
            "password_changed_at": state.password_changed_at,
        },
    )


def _may_change(visit: Visit) -> bool:
    try:
        demand_own_security(visit.caller.user)
    except Refused:
        return False
    return True


async def change_password(visit: Visit, form: PasswordChangeForm) -> Answer:
    demand_same(form.new_password, form.new_password_again)
    await visit.app.own.change_password(visit.caller, form.old_password, form.new_password)
    return Goto(path=HERE, said=Said.PASSWORD_CHANGED)


async def ask_to_enable(visit: Visit) -> Answer:
    """Only where there is no key yet."""
    if visit.caller.user.state.key is not None:
        return Goto(path=HERE)
    return Page(template="enable.html")


async def enable(visit: Visit, form: PasswordForm) -> Answer:
    shown, expires_at = await visit.app.own.start_enrolment(visit.caller, password=form.password, code=None)
    return _key_page(visit, shown, expires_at)


async def ask_to_replace(visit: Visit) -> Answer:
    return _with_a_key(visit, Page(template="replace.html"))


async def replace_key(visit: Visit, form: CodeForm) -> Answer:
    shown, expires_at = await visit.app.own.start_enrolment(visit.caller, password=None, code=form.code)
    return _key_page(visit, shown, expires_at)


def _key_page(visit: Visit, shown: ShownKey, expires_at: datetime) -> Page:
    return Page(
        template="own_enrolment.html",
        values={**key_values(visit, shown, expires_at), "replacing": visit.caller.user.state.key is not None},
    )


async def show_key_again(visit: Visit) -> Answer:
    """After a wrong code: the same key, as long as it waits for one."""
    try:
        shown, expires_at = await visit.app.own.shown_enrolment(visit.caller)
    except Refused:
        return Page(template="enrolment_over.html")
    return _key_page(visit, shown, expires_at)


async def confirm(visit: Visit, form: CodeForm) -> Answer:
    replaced = visit.caller.user.state.key is not None
    _, codes = await visit.app.own.confirm(visit.caller, form.code)
    return replace(codes_page(codes, HERE), said=Said.REPLACED if replaced else Said.ENABLED)


async def cancel_enrolment(visit: Visit, form: Form) -> Answer:
    await visit.app.own.cancel_enrolment(visit.caller)
    return Goto(path=HERE, said=Said.ENROLMENT_CANCELLED)


async def ask_to_reset(visit: Visit) -> Answer:
    by_recovery_code = "recovery_code" in visit.query or bool(visit.filled.typed.get("recovery_code"))
    return _with_a_key(visit, Page(template="reset.html", values={"by_recovery_code": by_recovery_code}))


async def reset(visit: Visit, form: ResetForm) -> Answer:
    await visit.app.own.reset(visit.caller, code=form.code, recovery_code=form.recovery_code)
    return Goto(path="/sign-in", said=Said.KEY_RESET, leave=True, clear=True)


async def ask_to_disable(visit: Visit) -> Answer:
    return _with_a_key(visit, Page(template="disable.html"))


async def disable(visit: Visit, form: CodeForm) -> Answer:
    await visit.app.own.disable(visit.caller, form.code)
    return Goto(path=HERE, said=Said.DISABLED)


async def ask_for_codes(visit: Visit) -> Answer:
    return _with_a_key(visit, Page(template="new_recovery_codes.html"))


async def new_codes(visit: Visit, form: CodeForm) -> Answer:
    codes = await visit.app.own.new_recovery_codes(visit.caller, form.code)
    return replace(codes_page(codes, HERE), said=Said.NEW_RECOVERY_CODES)


def _with_a_key(visit: Visit, page: Page) -> Answer:
    """There is nothing to reset, replace or switch off where there is no key."""
    return page if visit.caller.user.state.key is not None else Goto(path=HERE)
