"""From an HTTP request to a use case and back: caller, rights, target, body, answer. One way for every route."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import structlog
from aiohttp import web
from pydantic import BaseModel

from events.company.roles import Level, Right
from events.store.port import IdempotencyClaim, StoredUser, Unavailable
from events.user.events import Stage
from services.api.addresses import ClientAddress
from services.api.parsing import MAX_BODY, expect_no_body, parse_body, parse_query, read_body
from services.api.problems import ProblemError, code_of, invalid, problem
from services.application.application import Application
from services.application.context import Caller, Request
from services.application.errors import Contended, Refused, Replayed, Throttled, Unacceptable
from services.application.idempotency import AnswerNotKept, KeyReused
from services.application.ports import KeyUnavailable, Overloaded

log = structlog.get_logger()


APPLICATION: Final = web.AppKey("application", Application)
CLIENT_ADDRESS: Final = web.AppKey("client_address", ClientAddress)
REQUEST_ID: Final = web.RequestKey("request_id", str)

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "Factorlog",
    "X-Content-Type-Options": "nosniff",
}
_MAX_USER_AGENT: Final = 400


class Allow(Enum):
    """Whom a route serves; nobody else."""

    ANYONE = "anyone"
    SIGN_IN = "sign_in"
    SESSION = "session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a handler gets beside its body."""

    app: Application
    request: Request
    _caller: Caller | None = None
    _target: StoredUser | None = None
    query: Any = None
    path: dict[str, UUID] = field(default_factory=dict)
    if_match: str | None = None

    @property
    def caller(self) -> Caller:
        """The authenticated caller; routes for anyone have none."""
        if self._caller is None:
            raise problem("unauthenticated")
        return self._caller

    @property
    def target(self) -> StoredUser:
        """The user that the path names, of the caller's company."""
        if self._target is None:
            raise problem("not_found")
        return self._target


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of the route table; everything that the dispatcher and the OpenAPI document need to know."""

    method: str
    path: str
    handler: Callable[..., Awaitable[BaseModel | None]]
    summary: str
    tag: str
    allow: Allow
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    right: tuple[Right, Level] | None = None
    fresh: bool = False
    own_factor: bool = False
    target: bool = False  # {user_id} names a user of the caller's company
    acts: bool = False  # on that user: the rank rule holds
    secret: bool = False  # the answer carries one: it is not kept for a repetition
    etag: bool = False
    max_body: int = MAX_BODY
    refusals: tuple[str, ...] = ()

    @property
    def mutates(self) -> bool:
        return self.method != "GET"

    @property
    def operation(self) -> str:
        return self.handler.__name__


def dispatcher(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of a route."""

    async def handle(request: web.Request) -> web.StreamResponse:
        app = request.app[APPLICATION]
        incoming = Request(
            id=str(app.entropy.uuid()),
            arrived_at=app.clock.now(),
            ip=request.app[CLIENT_ADDRESS].of(request),
            user_agent=_user_agent(request),
        )
        request[REQUEST_ID] = incoming.id
        status, body, headers = await _answer(route, app, request, incoming)
        return respond(status, body, incoming.id, headers)

    return handle


def respond(status: int, body: bytes | None, request_id: str, headers: dict[str, str]) -> web.Response:
    """The response with the headers that every one has."""
    kind = "application/problem+json" if status >= HTTPStatus.BAD_REQUEST else "application/json"
    content = {"Content-Type": kind} if body is not None else {}
    return web.Response(status=status, body=body, headers={**HEADERS, "X-Request-Id": request_id, **content, **headers})


Raw = tuple[int, bytes | None, dict[str, str]]


async def _answer(route: Route, app: Application, request: web.Request, incoming: Request) -> Raw:
    try:
        return await _serve(route, app, request, incoming)
    except ProblemError as error:
        found = error.problem
    return found.status, found.body(incoming.id), found.all_headers()


async def _serve(route: Route, app: Application, request: web.Request, incoming: Request) -> Raw:
    with translated():
        caller = await _caller(route, app, request, incoming)
        await _demand(route, app, caller, request)
        path = _path(request)
        target = await _target(route, app, caller, path)
        raw = await read_body(request, route.max_body)
        body = _body(route, raw)
        query = parse_query(route.query, request.query) if route.query is not None else None
    context = Context(
        app=app,
        request=incoming,
        _caller=caller,
        _target=target,
        query=query,
        path=path,
        if_match=request.headers.get("If-Match"),
    )
    key = request.headers.get("Idempotency-Key") if route.mutates else None
    if key is None or caller is None:
        return await _call(route, context, body)
    return await _call_once(route, context, body, _claim(key, caller, request, raw))


def _body(route: Route, raw: bytes) -> BaseModel | None:
    if route.body is None:
        expect_no_body(raw)
        return None
    parsed: BaseModel = parse_body(route.body, raw)
    return parsed


async def _caller(route: Route, app: Application, request: web.Request, incoming: Request) -> Caller | None:
    if route.allow is Allow.ANYONE:
        return None
    token = _bearer(request)
    caller = await app.authentication.caller(token, incoming) if token else None
    if caller is None:
        raise problem("unauthenticated")
    if route.allow is Allow.SESSION and not caller.is_session:
        raise problem(_for_a_sign_in(caller))
    if route.allow is Allow.SIGN_IN and caller.is_session:
        raise problem("unauthenticated")
    return caller


def _for_a_sign_in(caller: Caller) -> str:
    """What somebody in the middle of a sign-in is told anywhere else."""
    progress = caller.user.state.sign_in(caller.credential.id)
    enrols = progress is not None and progress.stage is Stage.ENROLMENT
    return "enrolment_required" if enrols else "unauthenticated"


def _bearer(request: web.Request) -> str | None:
    given = request.headers.getall("Authorization", [])
    if len(given) != 1:
        return None
    scheme, _, token = given[0].partition(" ")
    return token if scheme.lower() == "bearer" else None


async def _demand(route: Route, app: Application, caller: Caller | None, request: web.Request) -> None:
    """Freshness (401), then right and own factor (403); a denied act is on record."""
    if caller is None:
        return
    if route.fresh and not caller.is_fresh(app.clock.now()):
        raise problem("step_up_required")
    denied = route.right is not None and not caller.may(*route.right)
    denied = denied or (route.own_factor and caller.user.state.key is None)
    if denied:
        await app.record_denial(caller, route.operation, _uuid_or_none(request.match_info.get("user_id")))
        raise problem("forbidden")


def _path(request: web.Request) -> dict[str, UUID]:
    values = {name: _uuid_or_none(text) for name, text in request.match_info.items()}
    if None in values.values():
        raise problem("not_found")
    return {name: value for name, value in values.items() if value is not None}


def _uuid_or_none(text: str | None) -> UUID | None:
    if text is None or len(text) != 36:
        return None
    try:
        return UUID(text)
    except ValueError:
        return None


async def _target(route: Route, app: Application, caller: Caller | None, path: dict[str, UUID]) -> StoredUser | None:
    if not route.target or caller is None:
        return None
    target = await app.administration.find(caller, path["user_id"])
    if route.acts:
        try:
            app.administration.demand_act(caller, target)
        except Refused:
            await app.record_denial(caller, route.operation, target.user_id)
            raise
    return target


async def _call(route: Route, context: Context, body: BaseModel | None) -> Raw:
    with translated():
        arguments = (context,) if body is None else (context, body)
        handled: BaseModel | None = await route.handler(*arguments)
    if handled is None:
        return HTTPStatus.NO_CONTENT, None, {}
    answer = handled.model_dump_json().encode()
    return route.status, answer, {"ETag": etag(handled)} if route.etag else {}


def etag(answer: BaseModel) -> str:
    """A tag of what an object looks like; what is shown once is no part of the object."""
    return f'"{sha256(answer.model_dump_json(exclude={"generated_password"}).encode()).hexdigest()[:32]}"'


async def _call_once(route: Route, context: Context, body: BaseModel | None, claim: IdempotencyClaim) -> Raw:
    """The same key again gives the first answer: kept, or of a call that runs right now."""
    idempotency, company_id = context.app.idempotency, context.caller.company_id
    with translated():
        async with idempotency.one_at_a_time(company_id, claim):
            kept = await idempotency.first_answer(company_id, claim)
            if kept is not None:
                return kept[0], kept[1] or None, {}
            try:
                status, answer, headers = await _claimed(route, context, body, claim)
            except Replayed:
                status, answer = await idempotency.wait_for_answer(company_id, claim)
                return status, answer or None, {}
            keeps = not (route.secret and status < HTTPStatus.BAD_REQUEST)
            await idempotency.keep(company_id, claim, status, (answer or b"") if keeps else None)
            return status, answer, headers


async def _claimed(route: Route, context: Context, body: BaseModel | None, claim: IdempotencyClaim) -> Raw:
    caller = context.caller
    request = Request(
        id=context.request.id,
        arrived_at=context.request.arrived_at,
        ip=context.request.ip,
        user_agent=context.request.user_agent,
        idempotency=claim,
    )
    claiming = Context(
        app=context.app,
        request=request,
        _caller=Caller(held=caller.held, request=request),
        _target=context._target,
        query=context.query,
        path=context.path,
        if_match=context.if_match,
    )
    try:
        return await _call(route, claiming, body)
    except ProblemError as error:
        found = error.problem
        return found.status, found.body(request.id), found.all_headers()


def _claim(key: str, caller: Caller, request: web.Request, raw: bytes) -> IdempotencyClaim:
    if not 0 < len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise invalid(["header", "Idempotency-Key"], "has to be 1 to 255 printable ASCII characters", "length")
    digest = sha256(b"\x00".join((request.method.encode(), request.path.encode(), raw))).digest()
    return IdempotencyClaim(caller=str(caller.user_id), key=key, digest=digest)


def _user_agent(request: web.Request) -> str | None:
    given = request.headers.get("User-Agent")
    if given is None:
        return None
    return "".join(c for c in given[:_MAX_USER_AGENT] if c.isprintable() and c.encode("utf-8", "ignore"))


class translated:
    """Use-case errors to problems: the only place."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        match error:
            case None | ProblemError() | Replayed():
                return
            case Refused():
                raise problem(code_of(error.refusal)) from error
            case Throttled():
                seconds = max(1, round(error.wait.total_seconds() + 0.5))
                raise problem("too_many_requests", Retry_After=str(seconds)) from error
            case Unacceptable():
                raise invalid(["body", error.field], error.message, error.problem) from error
            case KeyReused():
                raise problem("idempotency_key_reused") from error
            case AnswerNotKept():
                raise problem("conflict") from error
            case Contended() | Overloaded() | Unavailable():
                raise problem("unavailable", Retry_After="1") from error
            case KeyUnavailable():
                log.error("key_unavailable")
                raise problem("unavailable", Retry_After="30") from error
            case asyncio.TimeoutError():
                raise problem("unavailable", Retry_After="1") from error
            case _:
                return
