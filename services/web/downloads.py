"""Files that go out chunk by chunk, and are visibly broken when something fails on the way."""

from collections.abc import AsyncIterator

import structlog
from aiohttp import web

log = structlog.get_logger()


def counted(count: int | None) -> dict[str, str]:
    """The header that says how many rows the whole file has."""
    return {"X-Row-Count": str(count)} if count is not None else {}


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
