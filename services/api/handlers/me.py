"""The caller's own account."""

from events.store.port import StoredUser
from services.api import answers, models
from services.api.endpoint import Context
from services.api.problems import problem
from services.application.own_security import Settings


async def read_me(context: Context) -> models.Me:
    return answers.me(context.caller)


async def read_two_factor(context: Context) -> models.TwoFactor:
    return answers.two_factor(context.app.own.two_factor(context.caller))


async def start_enrolment(context: Context, body: models.EnrolmentBody) -> models.EnrolmentAnswer:
    shown, expires_at = await context.app.own.start_enrolment(context.caller, password=body.password, code=body.code)
    return answers.enrolment(shown, expires_at)


async def confirm_enrolment(context: Context, body: models.CodeBody) -> models.ConfirmedAnswer:
    effective, codes = await context.app.own.confirm(context.caller, body.code)
    return models.ConfirmedAnswer(two_factor=answers.two_factor(effective), recovery_codes=list(codes))


async def cancel_enrolment(context: Context) -> None:
    await context.app.own.cancel_enrolment(context.caller)


async def reset_own_key(context: Context, body: models.ResetBody) -> None:
    await context.app.own.reset(context.caller, code=body.code, recovery_code=body.recovery_code)


async def disable_own_factor(context: Context, body: models.CodeBody) -> None:
    await context.app.own.disable(context.caller, body.code)


async def issue_recovery_codes(context: Context, body: models.CodeBody) -> models.RecoveryCodesAnswer:
    return models.RecoveryCodesAnswer(
        recovery_codes=list(await context.app.own.new_recovery_codes(context.caller, body.code))
    )


async def step_up(context: Context, body: models.StepUpBody) -> models.StepUpAnswer:
    fresh = await context.app.own.step_up(context.caller, code=body.code, password=body.password)
    return models.StepUpAnswer(token=fresh.token, expires_at=fresh.expires_at)


async def list_own_sessions(context: Context) -> models.SessionList:
    rows = await context.app.own.sessions(context.caller)
    current = context.caller.credential.id
    return models.SessionList(items=[answers.session(row, current) for row in rows])


async def end_own_session(context: Context) -> None:
    await context.app.own.end_session(context.caller, context.path["session_id"])


async def end_other_sessions(context: Context) -> None:
    await context.app.own.end_other_sessions(context.caller)


async def change_password(context: Context, body: models.PasswordChangeBody) -> None:
    await context.app.own.change_password(context.caller, body.old_password, body.new_password)


async def change_settings(context: Context, body: models.OwnSettingsBody) -> models.Me:
    for name in ("language", "time_zone"):
        if name in body.model_fields_set and getattr(body, name) is None:
            raise problem("validation_failed")

    def change(user: StoredUser) -> Settings:
        given = body.model_fields_set
        state = user.state
        return Settings(
            language=body.language or state.language,
            time_zone=body.time_zone or state.time_zone,
            email=body.email if "email" in given else state.email,
        )

    changed = await context.app.own.change_settings(context.caller, change)
    return answers.me_of(changed, context.caller.rights())


async def list_own_activity(context: Context) -> models.EventList:
    query: models.PageQuery = context.query
    before = answers.read_position(query.cursor)
    caller = context.caller
    rows = await context.app.audit.activity(caller, caller.user_id, query.limit + 1, before)
    return answers.event_list(rows, query.limit)


async def export_own_data(context: Context) -> models.PersonalData:
    own = await context.app.own_data.export(context.caller)
    return answers.personal_data(own, context.caller.credential.id)


async def sign_out(context: Context) -> None:
    await context.app.own.sign_out(context.caller)
