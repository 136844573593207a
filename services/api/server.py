"""The HTTP server below the application: what it refuses by itself is a problem document too, and echoes nothing."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from uuid import UUID

import structlog
from aiohttp import web

from services.api.endpoint import respond
from services.api.problems import Problem
from services.web.incoming import APPLICATION

log = structlog.get_logger()


class Runner(web.AppRunner):
    """Runs an app of ours. aiohttp's own answers quote the request and name its version; these do neither."""

    def __init__(self, app: web.Application, **options: Any) -> None:
        # Packed bodies are refused; unpacking one to find that out would be work for nothing.
        # An access log would hold addresses, user agents and paths.
        super().__init__(app, **{"auto_decompress": False, "access_log": None, **options})

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            try:
                return await made.request_handler(request)
            except web.HTTPException:
                # Raised in front of the middlewares: an expectation that nobody meets.
                return _refused(Problem(code="bad_request"), self._new_id())

        return _Server(self._new_id, handle, request_factory=made.request_factory, loop=made._loop, **made._kwargs)

    def _new_id(self) -> UUID:
        return self.app[APPLICATION].entropy.uuid()


class _Server(web.Server):
    def __init__(self, new_id: Callable[[], UUID], *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.new_id = new_id

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    __slots__ = ("_new_id",)

    def __init__(self, server: _Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._new_id = server.new_id

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Bytes that are no HTTP, or a failure outside of the application; ends the connection."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is on its way already")
        expected = status < HTTPStatus.INTERNAL_SERVER_ERROR
        if not expected:
            log.error("unexpected_error", error=type(exc).__name__)
        answer = _refused(Problem(code="bad_request" if expected else "internal_error"), self._new_id())
        answer.force_close()
        return answer


def _refused(problem: Problem, request_id: UUID) -> web.Response:
    return respond(problem.status, problem.body(str(request_id)), str(request_id), problem.all_headers())
