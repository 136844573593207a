"""The portal beside the API, in one aiohttp application."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import structlog
from aiohttp import web

from services.portal import assets, rendering
from services.portal.dispatch import caller_of, dispatcher, language_of
from services.portal.refusals import TEMPORARY, error_page
from services.portal.rendering import respond
from services.portal.routes import ROUTES
from services.portal.site import SITE, Site
from services.portal.visit import Visit
from services.web.incoming import APPLICATION, described

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_KINDS: Final = {404: "not_found", 405: "not_found"}


def mount(app: web.Application, site: Site) -> None:
    """Add the portal's routes at `/` to an application that serves the API."""
    app[SITE] = site
    rendering.set_up(app)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, dispatcher(route))
    app.router.add_route("GET", "/static/{name}", assets.serve)
    app.middlewares.append(for_people)


@web.middleware
async def for_people(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Where a browser asks for a page that is not there, people get one that says so; programs get a problem."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status not in _KINDS or not _wants_page(request):
            raise
        visit = await _visit(request)
        return await respond(request, visit, error_page(visit, error.status, _KINDS[error.status]))


async def _visit(http: web.Request) -> Visit:
    """In the reader's language, as far as that can be found out now."""
    request = described(http)
    caller = None
    with suppress(*TEMPORARY):
        caller = await caller_of(http, request)
    return Visit(app=http.app[APPLICATION], request=request, language=language_of(http, caller), path=http.path)


def _wants_page(request: web.Request) -> bool:
    return "text/html" in request.headers.get("Accept", "") and not request.path.startswith("/v1/")
