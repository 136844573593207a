"""The aiohttp application: the route table, system routes, and problems for everything that goes wrong."""

from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Final

from aiohttp import web

from services.api import docs, system
from services.api.endpoint import dispatcher, respond
from services.api.problems import Problem
from services.api.routes import ROUTES
from services.api.system import READINESS, Readiness
from services.application.application import Application
from services.application.meters import Meters
from services.web.addresses import ClientAddress
from services.web.bodies import MAX_BODY
from services.web.failures import log_unexpected
from services.web.headers import demand_tls
from services.web.incoming import APPLICATION, CLIENT_ADDRESS, HOSTS, is_served, request_id

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SLUGS: Final = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "payload_too_large",
    415: "unsupported_media_type",
}

_NO_ROUTE: Final = "none"  # as method and route of a request that no route is for


class Requests:
    """Counts requests under their route's method and template, which are looked up once."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters
        self._timers: dict[tuple[web.AbstractRoute, int], Callable[[float], None]] = {}

    def count(self, route: web.AbstractRoute, status: int, seconds: float) -> None:
        timer = self._timers.get((route, status))
        if timer is None:
            timer = self._timer(route, status)
        timer(seconds)

    def _timer(self, route: web.AbstractRoute, status: int) -> Callable[[float], None]:
        if route.resource is None:
            # Made for this request alone; not to be kept.
            return self._meters.requests(_NO_ROUTE, _NO_ROUTE, status)
        timer = self._timers[route, status] = self._meters.requests(route.method, route.resource.canonical, status)
        return timer


REQUESTS: Final = web.AppKey("requests", Requests)


def create_app(
    application: Application,
    readiness: Readiness,
    *,
    hosts: frozenset[str],
    trusted_proxies: Sequence[str] = (),
    behind_tls: bool = False,
) -> web.Application:
    """An app that serves `/v1` and the system routes. `hosts`: names that requests may use; empty means any."""
    app = web.Application(middlewares=[outermost], client_max_size=MAX_BODY + 1)
    app[REQUESTS] = Requests(application.meters)
    app[APPLICATION] = application
    app[CLIENT_ADDRESS] = ClientAddress(trusted_proxies)
    app[READINESS] = readiness
    app[HOSTS] = hosts
    for route in ROUTES:
        app.router.add_route(route.method, route.path, dispatcher(route))
    if behind_tls:
        app.on_response_prepare.append(demand_tls)
    system.add_routes(app)
    docs.add_routes(app)
    return app


@web.middleware
async def outermost(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every answer is ours, and counted: framework errors become problems, what nobody expected is logged once."""
    began, app = perf_counter(), request.app
    answer: web.StreamResponse
    try:
        if is_served(request):
            answer = await handler(request)
        else:
            answer = _problem(request, Problem(code="misdirected_request"))
    except web.HTTPException as error:
        answer = _problem(request, _translated(error))
    except (ConnectionError, TimeoutError):
        raise
    except Exception as error:  # noqa: BLE001 - the outermost loop of HTTP
        log_unexpected(request, error)
        answer = _problem(request, Problem(code="internal_error"))
    app[REQUESTS].count(request.match_info.route, answer.status, perf_counter() - began)
    return answer


def _problem(request: web.Request, found: Problem) -> web.Response:
    known_as = request_id(request)
    return respond(found.status, found.body(known_as), known_as, found.all_headers())


def _translated(error: web.HTTPException) -> Problem:
    if isinstance(error, web.HTTPMethodNotAllowed):
        return Problem(code="method_not_allowed", headers={"Allow": ", ".join(sorted(error.allowed_methods))})
    return Problem(code=_SLUGS.get(error.status, "bad_request" if error.status < 500 else "internal_error"))
