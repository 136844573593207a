"""Alive, ready, and measured."""

from typing import Final, Protocol

from aiohttp import web

from services.api import models
from services.api.endpoint import respond
from services.api.problems import Problem
from services.application.application import Application
from services.web.incoming import APPLICATION


class Readiness(Protocol):
    async def problems(self) -> list[str]:
        """What keeps this process from serving; empty when it is ready."""
        ...


class Metrics(Protocol):
    @property
    def content_type(self) -> str: ...

    async def text(self) -> bytes:
        """All metrics of this moment; holds nothing of anybody."""
        ...


READINESS: Final = web.AppKey("readiness", Readiness)
METRICS: Final = web.AppKey("metrics", Metrics)


def add_routes(app: web.Application) -> None:
    app.router.add_get("/healthz", alive, allow_head=False)
    app.router.add_get("/readyz", ready, allow_head=False)


def operations_app(application: Application, readiness: Readiness, metrics: Metrics) -> web.Application:
    """What operators read and nobody else: served on a loopback port of its own."""
    app = web.Application()
    app[APPLICATION] = application
    app[READINESS] = readiness
    app[METRICS] = metrics
    app.router.add_get("/readyz", ready_in_detail)
    app.router.add_get("/metrics", measured)
    return app


async def ready_in_detail(request: web.Request) -> web.Response:
    problems = await request.app[READINESS].problems()
    return web.json_response(
        {"status": "not_ready" if problems else "ready", "problems": problems}, status=503 if problems else 200
    )


async def measured(request: web.Request) -> web.Response:
    metrics = request.app[METRICS]
    return web.Response(body=await metrics.text(), headers={"Content-Type": metrics.content_type})


async def alive(request: web.Request) -> web.Response:
    return respond(200, models.Alive(status="alive").model_dump_json().encode(), _id(request), {})


async def ready(request: web.Request) -> web.Response:
    """Details stand on the operations port only."""
    if await request.app[READINESS].problems():
        found = Problem(code="unavailable", headers={"Retry-After": "5"})
        request_id = _id(request)
        return respond(found.status, found.body(request_id), request_id, found.all_headers())
    return respond(200, models.Ready(status="ready").model_dump_json().encode(), _id(request), {})


def _id(request: web.Request) -> str:
    return str(request.app[APPLICATION].entropy.uuid())
