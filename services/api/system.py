"""Alive and ready."""

from typing import Final, Protocol

from aiohttp import web

from services.api import models
from services.api.endpoint import APPLICATION, respond
from services.api.problems import Problem


class Readiness(Protocol):
    async def problems(self) -> list[str]:
        """What keeps this process from serving; empty when it is ready."""
        ...


READINESS: Final = web.AppKey("readiness", Readiness)
HOSTS: Final = web.AppKey("hosts", frozenset)


def add_routes(app: web.Application) -> None:
    app.router.add_get("/healthz", alive, allow_head=False)
    app.router.add_get("/readyz", ready, allow_head=False)


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
