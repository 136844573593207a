"""The OpenAPI document and a page that shows it, from vendored files."""

from pathlib import Path
from typing import Final

from aiohttp import web

from services.api.endpoint import HEADERS
from services.web.headers import PAGE_POLICY

_STATIC: Final = Path(__file__).with_name("static")
_DOCUMENT: Final = Path(__file__).with_name("openapi.json")
_FILES: Final = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "docs.js": "text/javascript",
}
# Swagger UI fetches the document.
_POLICY: Final = PAGE_POLICY.replace("form-action", "connect-src 'self'; form-action")


def add_routes(app: web.Application) -> None:
    app.router.add_get("/openapi.json", openapi, allow_head=False)
    app.router.add_get("/docs", page, allow_head=False)
    app.router.add_get("/docs/{name}", asset, allow_head=False)


async def openapi(request: web.Request) -> web.Response:
    return _respond(_DOCUMENT.read_bytes(), "application/json")


async def page(request: web.Request) -> web.Response:
    return _respond((_STATIC / "docs.html").read_bytes(), "text/html; charset=utf-8")


async def asset(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in _FILES:
        raise web.HTTPNotFound
    return _respond((_STATIC / name).read_bytes(), _FILES[name])


def _respond(body: bytes, content_type: str) -> web.Response:
    headers = {**HEADERS, "Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
    return web.Response(body=body, headers={**headers, "Content-Type": content_type})
