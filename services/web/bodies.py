"""Bodies within bounds, of the one kind that is expected."""

from typing import Final

from aiohttp import web

MAX_BODY: Final = 64 * 1024
MAX_SIGN_IN_BODY: Final = 8 * 1024


class BodyTooLarge(Exception):
    """More bytes than are taken here."""


class BodyOfOtherKind(Exception):
    """Packed, or of another media type."""


async def read_body(request: web.Request, limit: int, media_type: str) -> bytes:
    """The body's bytes. Raises BodyTooLarge, BodyOfOtherKind."""
    if request.headers.get("Content-Encoding"):
        raise BodyOfOtherKind
    if request.content_length is not None and request.content_length > limit:
        raise BodyTooLarge
    if not request.can_read_body:
        return b""
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise BodyTooLarge from error
    if len(raw) > limit:
        raise BodyTooLarge
    if raw and request.content_type != media_type:
        raise BodyOfOtherKind
    return raw
