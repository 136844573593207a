"""Answers that are files: whole, or streamed and visibly broken when something fails on the way."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import structlog
from aiohttp import web

log = structlog.get_logger()

NEVER_CHANGES: Final = "private, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A file. `body` in chunks is streamed: what a use case refuses, it refuses before the first one.

    `caching`: the Cache-Control header, where not `no-store`.
    """

    kind: str
    body: bytes | AsyncIterator[bytes] = field(repr=False)
    filename: str | None = None
    caching: str | None = None

    def headers(self) -> dict[str, str]:
        headers = {"Content-Type": self.kind}
        if self.filename is not None:
            headers["Content-Disposition"] = f'attachment; filename="{self.filename}"'
        if self.caching is not None:
            headers["Cache-Control"] = self.caching
        return headers


async def stream(
    request: web.Request, status: int, headers: dict[str, str], chunks: AsyncIterator[bytes]
) -> web.StreamResponse:
    """Chunk by chunk, as fast as the reader takes them.

    When it fails in the middle the connection is cut before the end of the body, so that no reader takes a part for the
    whole.
    """
    response = web.StreamResponse(status=status, headers=headers)
    await response.prepare(request)
    try:
        async for chunk in chunks:
            await response.write(chunk)
    except ConnectionError:
        raise
    except Exception:
        log.exception("download_broken", path=request.path)
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the download broke") from None
    await response.write_eof()
    return response
