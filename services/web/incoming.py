"""A request as every surface sees it: from where, for which host, under which id."""

from typing import Final

from aiohttp import web

from services.application.application import Application
from services.application.context import Request
from services.web.addresses import ClientAddress

APPLICATION: Final = web.AppKey("application", Application)
CLIENT_ADDRESS: Final = web.AppKey("client_address", ClientAddress)
HOSTS: Final = web.AppKey("hosts", frozenset)
REQUEST_ID: Final = web.RequestKey("request_id", str)

# For all that a request waits for: a database that stands still must not make requests pile up.
PATIENCE_SECONDS: Final = 12.0
_MAX_USER_AGENT: Final = 400


def described(request: web.Request) -> Request:
    """The request as the use cases see it; its id is noted for whoever answers."""
    app = request.app[APPLICATION]
    made = Request(
        id=str(app.entropy.uuid()),
        arrived_at=app.clock.now(),
        ip=request.app[CLIENT_ADDRESS].of(request),
        user_agent=_user_agent(request),
    )
    request[REQUEST_ID] = made.id
    return made


def request_id(request: web.Request) -> str:
    """The id of a request; a new one when nobody has given it one yet."""
    return request.get(REQUEST_ID) or str(request.app[APPLICATION].entropy.uuid())


def is_served(request: web.Request) -> bool:
    """Is this a host of ours? Asked before anything else."""
    hosts = request.app[HOSTS]
    return not hosts or request.path == "/healthz" or _host_name(request.host) in hosts


def template(request: web.Request) -> str | None:
    """The route's template, never the path itself."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else None


def _host_name(host: str) -> str:
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower()


def _user_agent(request: web.Request) -> str | None:
    given = request.headers.get("User-Agent")
    if given is None:
        return None
    return printable(given[:_MAX_USER_AGENT])


def printable(text: str) -> str:
    """What people can read of it. Surrogates, what bytes that are no UTF-8 become, are not printable either."""
    return text if text.isprintable() else "".join(c for c in text if c.isprintable())
