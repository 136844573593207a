"""Style sheets, scripts and pictures: under names that change with their content, so that they may be kept for long."""

import gzip
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from aiohttp import web

from services.portal.security import HEADERS

_STATIC: Final = Path(__file__).with_name("static")
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOR_LONG: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _Asset:
    name: str
    content_type: str
    plain: bytes = field(repr=False)
    packed: bytes = field(repr=False)


def _load(path: Path) -> _Asset:
    plain = path.read_bytes()
    name = f"{path.stem}.{sha256(plain).hexdigest()[:16]}{path.suffix}"
    return _Asset(name, _TYPES[path.suffix], plain, gzip.compress(plain, 9, mtime=0))


_ASSETS: Final = {path.name: _load(path) for path in sorted(_STATIC.iterdir()) if path.suffix in _TYPES}
_BY_NAME: Final = {asset.name: asset for asset in _ASSETS.values()}


def address(name: str) -> str:
    """Where a page finds an asset."""
    return f"/static/{_ASSETS[name].name}"


async def serve(request: web.Request) -> web.Response:
    asset = _BY_NAME.get(request.match_info["name"])
    if asset is None:
        raise web.HTTPNotFound
    headers = {
        **HEADERS,
        "Cache-Control": _FOR_LONG,
        "Content-Type": asset.content_type,
        "Vary": "Accept-Encoding",
    }
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=asset.packed, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=asset.plain, headers=headers)
