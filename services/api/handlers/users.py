"""Users of a company."""

from collections.abc import Callable
from uuid import UUID

from events.decision import Refusal
from events.store.port import StoredUser
from services.api import answers, models
from services.api.endpoint import Context, demand_match
from services.api.problems import invalid
from services.application.administration import NewUser, Settings
from services.application.ports import UserFilter


def _answer(context: Context, user: StoredUser) -> models.User:
    return answers.user(user, context.app.administration.two_factor(user), context.app.clock.now())


async def list_users(context: Context) -> models.UserList:
    query: models.UsersQuery = context.query
    wanted = UserFilter(role=query.role, two_factor=query.two_factor, q=query.q)
    after = answers.read_place(query.cursor)
    found = await context.app.administration.page(context.caller, wanted, query.limit + 1, after)
    page = found[: query.limit]
    cursor = None
    if len(found) > query.limit:
        cursor = answers.make_cursor(page[-1].state.login, str(page[-1].user_id))
    return models.UserList(items=[_answer(context, user) for user in page], next_cursor=cursor)


async def create_user(context: Context, body: models.NewUserBody) -> models.User:
    user, generated = await context.app.administration.create(
        context.caller,
        NewUser(
            login=body.login,
            role=body.role,
            password=body.password,
            email=body.email,
            activation_at=body.activation_date,
            expiration_at=body.expiration_date,
            time_zone=body.time_zone,
            language=body.language,
            reason=body.reason,
        ),
    )
    return answers.user_with_password(
        user, context.app.administration.two_factor(user), context.app.clock.now(), generated
    )


async def read_user(context: Context) -> models.User:
    return _answer(context, context.target)


async def change_user(context: Context, body: models.UserChangeBody) -> models.User:
    given = body.model_fields_set
    for name in ("role", "language", "time_zone"):
        if name in given and getattr(body, name) is None:
            raise invalid(["body", name], "must not be null", "null")

    def change(user: StoredUser) -> Settings:
        state = user.state
        return Settings(
            email=body.email if "email" in given else state.email,
            role=body.role or state.role,
            language=body.language or state.language,
            time_zone=body.time_zone or state.time_zone,
            activation_at=body.activation_date if "activation_date" in given else state.activation_at,
            expiration_at=body.expiration_date if "expiration_date" in given else state.expiration_at,
        )

    user = await context.app.administration.change(
        context.caller, context.target.user_id, change, _unchanged(context), body.reason
    )
    return _answer(context, user)


def _unchanged(context: Context) -> Callable[[StoredUser], None]:
    """The caller's If-Match, checked on the very state that the act changes."""

    def check(user: StoredUser) -> None:
        demand_match(context, _answer(context, user))

    return check


async def erase_user(context: Context) -> None:
    _unchanged(context)(context.target)
    await context.app.administration.erase(context.caller, context.target.user_id)


async def deactivate_user(context: Context, body: models.ReasonBody) -> models.User:
    user = await context.app.administration.deactivate(context.caller, context.target.user_id, body.reason)
    return _answer(context, user)


async def reactivate_user(context: Context, body: models.ReasonBody) -> models.User:
    user = await context.app.administration.reactivate(context.caller, context.target.user_id, body.reason)
    return _answer(context, user)


async def reset_user_password(context: Context, body: models.PasswordResetBody) -> models.User:
    user, generated = await context.app.administration.reset_password(
        context.caller, context.target.user_id, body.reason, body.password
    )
    return answers.user_with_password(
        user, context.app.administration.two_factor(user), context.app.clock.now(), generated
    )


async def read_user_two_factor(context: Context) -> models.TwoFactor:
    return answers.two_factor(context.app.administration.two_factor(context.target))


async def order_user_enrolment(context: Context, body: models.ReasonBody) -> models.TwoFactor:
    act = context.app.others_factors.order_enrolment
    return answers.two_factor(await act(context.caller, context.target.user_id, body.reason))


async def reset_user_key(context: Context, body: models.ReasonBody) -> models.TwoFactor:
    act = context.app.others_factors.reset_key
    return answers.two_factor(await act(context.caller, context.target.user_id, body.reason))


async def disable_user_factor(context: Context, body: models.ReasonBody) -> models.TwoFactor:
    act = context.app.others_factors.disable_factor
    return answers.two_factor(await act(context.caller, context.target.user_id, body.reason))


async def unlock_user_factor(context: Context, body: models.ReasonBody) -> models.TwoFactor:
    act = context.app.others_factors.unlock
    return answers.two_factor(await act(context.caller, context.target.user_id, body.reason))


async def override_user_policy(context: Context, body: models.OverrideBody) -> models.TwoFactor:
    act = context.app.others_factors.override
    return answers.two_factor(await act(context.caller, context.target.user_id, body.override, body.until, body.reason))


async def issue_break_glass_code(context: Context, body: models.ReasonBody) -> models.BreakGlassAnswer:
    act = context.app.others_factors.break_glass
    return answers.break_glass(await act(context.caller, context.target.user_id, body.reason))


async def change_user_networks(context: Context, body: models.NetworksBody) -> models.TrustedNetworks:
    act = context.app.administration.change_networks
    user = await act(context.caller, context.target.user_id, tuple(body.networks), body.reason)
    return models.TrustedNetworks(networks=list(user.state.networks))


async def read_user_networks(context: Context) -> models.TrustedNetworks:
    return models.TrustedNetworks(networks=list(context.target.state.networks))


async def act_on_many(context: Context, body: models.BulkBody) -> models.BulkAnswer:
    app, claim = context.app, context.request.idempotency
    results = await app.others_factors.bulk(context.caller, body.act, body.user_ids, body.reason, claim)
    for result in results:
        if result.refusal is Refusal.FORBIDDEN:
            await app.record_denial(context.caller, act_on_many.__name__, result.user_id)
    return answers.bulk(results)


async def list_user_sessions(context: Context) -> models.SessionList:
    rows = await context.app.administration.sessions(context.target)
    current: UUID = context.caller.credential.id
    return models.SessionList(items=[answers.session(row, current) for row in rows])


async def end_user_sessions(context: Context) -> None:
    await context.app.administration.end_sessions(context.caller, context.target.user_id)


async def end_user_session(context: Context) -> None:
    await context.app.administration.end_session(context.caller, context.target.user_id, context.path["session_id"])


async def list_user_activity(context: Context) -> models.EventList:
    query: models.PageQuery = context.query
    before = answers.read_position(query.cursor)
    rows = await context.app.audit.activity(context.caller, context.target.user_id, query.limit + 1, before)
    return answers.event_list(rows, query.limit)
