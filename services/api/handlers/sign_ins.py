"""Signing in."""

from dataclasses import replace

from services.api import answers, models
from services.api.endpoint import Context
from services.api.problems import invalid
from services.application.context import Request
from services.web.incoming import printable


async def start_sign_in(context: Context, body: models.PasswordSignIn) -> models.SignInAnswer:
    request = _vouched(context, body)
    return answers.sign_in(await context.app.sign_in.start(body.login, body.password, request, context.via))


def _vouched(context: Context, body: models.PasswordSignIn) -> Request:
    """The request as the user's own, where a program says from where the user comes."""
    said = {"client_ip": body.client_ip, "client_user_agent": body.client_user_agent}
    for name, value in said.items():
        if value is not None and context.via is None:
            raise invalid(["body", name], "this field is not known here", "extra_forbidden")
    if body.client_ip is None:
        return context.request
    agent = printable(body.client_user_agent) if body.client_user_agent is not None else None
    return replace(context.request, ip=body.client_ip, user_agent=agent, vouched=True)


async def give_code(context: Context, body: models.CodeBody) -> models.SignInAnswer:
    return answers.sign_in(await context.app.sign_in.code(context.caller, body.code))


async def give_recovery_code(context: Context, body: models.RecoveryCodeBody) -> models.SignInAnswer:
    return answers.sign_in(await context.app.sign_in.recovery_code(context.caller, body.recovery_code))


async def start_demanded_enrolment(context: Context) -> models.EnrolmentAnswer:
    shown, expires_at = await context.app.sign_in.start_enrolment(context.caller)
    return answers.enrolment(shown, expires_at)


async def confirm_demanded_enrolment(context: Context, body: models.CodeBody) -> models.SignInWithCodesAnswer:
    return answers.sign_in_with_codes(await context.app.sign_in.confirm_enrolment(context.caller, body.code))


async def set_expired_password(context: Context, body: models.NewPasswordBody) -> models.SignInAnswer:
    return answers.sign_in(await context.app.sign_in.set_password(context.caller, body.new_password))


async def cancel_sign_in(context: Context) -> None:
    await context.app.sign_in.cancel(context.caller)
