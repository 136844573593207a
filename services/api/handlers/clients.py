"""API clients, and what only they may ask."""

from services.api import answers, models
from services.api.endpoint import Context
from services.application.clients import NewClient


async def list_api_clients(context: Context) -> models.ApiClientList:
    found = await context.app.clients.known(context.caller)
    return models.ApiClientList(items=[answers.api_client(client) for client in found])


async def create_api_client(context: Context, body: models.NewClientBody) -> models.ApiClientWithToken:
    wanted = NewClient(
        name=body.name,
        scopes=tuple(dict.fromkeys(body.scopes)),
        expires_at=body.expires_at,
        networks=tuple(body.networks),
    )
    return answers.api_client_with_token(await context.app.clients.create(context.caller, wanted))


async def rotate_api_client(context: Context) -> models.ApiClientWithToken:
    return answers.api_client_with_token(await context.app.clients.rotate(context.caller, context.path["client_id"]))


async def revoke_api_client(context: Context) -> None:
    await context.app.clients.revoke(context.caller, context.path["client_id"])


async def introspect_session(context: Context, body: models.IntrospectBody) -> models.Introspection:
    return answers.introspection(await context.app.introspection.look(context.caller, body.token))
