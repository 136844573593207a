"""From an HTTP request to a use case and back: caller, rights, target, body, answer. One way for every route."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID, uuid5

import structlog
from aiohttp import web
from pydantic import BaseModel

from events.company.roles import Level, Right
from events.company.scopes import Scope
from events.company.state import CompanyState
from events.credentials import CredentialKind
from events.decision import Refusal
from events.store.port import IdempotencyClaim, StoredUser, Unavailable
from events.user.events import Stage
from services.api.content import Content
from services.api.models import Answer, Receipt, ReceiptOnly
from services.api.parsing import expect_no_body, parse_body, parse_query, read_body
from services.api.problems import ProblemError, code_of, invalid, problem
from services.application import access
from services.application.application import Application
from services.application.context import Caller, Request, Tenant
from services.application.errors import Contended, Refused, Replayed, Throttled, Unacceptable
from services.application.idempotency import AnswerNotKept, KeyReused
from services.application.ports import KeyUnavailable, Overloaded
from services.application.tokens import PREFIX
from services.application.transparency import EvidenceMissing
from services.web.bodies import MAX_BODY
from services.web.downloads import stream
from services.web.headers import COMMON
from services.web.incoming import APPLICATION, PATIENCE_SECONDS, described

log = structlog.get_logger()

HEADERS: Final = {
    **COMMON,
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
}
_PATTERN: Final = re.compile(r":[^}]*\}")
# What a path may hold beside ids, by name; everything else there is an id.
TEXTS: Final = {
    "role_id": re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII),
    "position": re.compile(r"[1-9][0-9]{0,17}", re.ASCII),
    "level": re.compile(r"0|[1-9]|[1-5][0-9]|6[0-3]", re.ASCII),
    "number": re.compile(r"[0-9x/]{3,32}(\.p/[0-9]{1,3})?", re.ASCII),
}


class Allow(Enum):
    """Whom a route serves; nobody else."""

    ANYONE = "anyone"
    SIGN_IN = "sign_in"
    SESSION = "session"  # and an API client, where the route names scopes
    CLIENT = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a handler gets beside its body."""

    app: Application
    request: Request
    _caller: Caller | None = None
    _target: StoredUser | None = None
    query: Any = None
    path: dict[str, UUID] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)  # what the path holds beside ids
    if_match: str | None = None

    @property
    def slug(self) -> str:
        """The name of a role in the path."""
        return self.texts["role_id"]

    @property
    def via(self) -> Caller | None:
        """The program that speaks for somebody who is not signed in yet."""
        return self._caller

    @property
    def caller(self) -> Caller:
        """The authenticated caller; routes for anyone have none."""
        if self._caller is None:
            raise problem("unauthenticated")
        return self._caller

    @property
    def target(self) -> StoredUser:
        """The user that the path names, of the company in which the caller acts."""
        if self._target is None:
            raise problem("not_found")
        return self._target


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of the route table; everything that the dispatcher and the OpenAPI document need to know."""

    method: str
    path: str
    handler: Callable[..., Awaitable[Answer | Content | None]]
    summary: str
    tag: str
    allow: Allow
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    files: tuple[str, ...] = ()  # content types, of a route that answers with a file
    status: int = 200
    rights: tuple[tuple[Right, Level], ...] = ()  # of a person: all of them
    scopes: tuple[Scope, ...] = ()  # of an API client: all of them; none named: closed to clients
    elsewhere: bool = False  # {company_id} names the company in which the caller acts
    makes_company: bool = False  # which is then the place of the act
    many: bool = False  # appends: the idempotency key is claimed before the first
    fresh: bool = False
    own_factor: bool = False
    enrolling: bool = False  # also for a sign-in that has to enrol first
    only_reads: bool = False  # what is recorded is the asking: it changes nothing for the company
    target: bool = False  # {user_id} names a user of the company
    acts: bool = False  # on that user: the rank rule holds
    etag: bool = False
    max_body: int = MAX_BODY
    refusals: tuple[str, ...] = ()

    @property
    def mutates(self) -> bool:
        return self.method != "GET"

    @property
    def template(self) -> str:
        """The path without what its places have to look like."""
        return _PATTERN.sub("}", self.path)

    @property
    def gives_receipts(self) -> bool:
        """An administrator's act: with `?receipt=wait` it answers once its fact is under a signed checkpoint."""
        return self.mutates and self.fresh

    @property
    def operation(self) -> str:
        return self.handler.__name__ + ("_elsewhere" if self.elsewhere and self.tag != "Companies" else "")


def dispatcher(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of a route."""

    async def handle(request: web.Request) -> web.StreamResponse:
        app = request.app[APPLICATION]
        asked = described(request)
        answer = await _answer(route, app, request, asked)
        if answer.refused is not None:
            app.meters.refused(answer.refused, route.template)
        # At debug: a line for each request would cost as much as a look-up does.
        log.debug(
            "request",
            request_id=asked.id,
            route=route.template,
            method=route.method,
            status=answer.status,
            milliseconds=round((app.clock.now() - asked.arrived_at).total_seconds() * 1000, 1),
        )
        if answer.chunks is not None:
            return await stream(request, answer.status, headers_of(asked.id, answer.headers), answer.chunks)
        return respond(answer.status, answer.body, asked.id, answer.headers)

    return handle


def respond(status: int, body: bytes | None, request_id: str, headers: dict[str, str]) -> web.Response:
    """The response with the headers that every one has."""
    kind = "application/problem+json" if status >= HTTPStatus.BAD_REQUEST else "application/json"
    content = {"Content-Type": kind} if body is not None else {}
    return web.Response(status=status, body=body, headers=headers_of(request_id, {**content, **headers}))


def headers_of(request_id: str, headers: dict[str, str]) -> dict[str, str]:
    return {**HEADERS, "X-Request-Id": request_id, **headers}


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer as it goes out; `secret`: it is not kept for a repetition; `refused`: why, for the count."""

    status: int
    body: bytes | None = field(repr=False)
    headers: dict[str, str]
    chunks: AsyncIterator[bytes] | None = field(default=None, repr=False)
    secret: bool = False
    refused: str | None = None


async def _answer(route: Route, app: Application, request: web.Request, incoming: Request) -> Raw:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await _serve(route, app, request, incoming)
    except TimeoutError:
        return _refusal(problem("unavailable", Retry_After="5"), incoming)
    except ProblemError as error:
        return _refusal(error, incoming)


def _refusal(error: ProblemError, incoming: Request) -> Raw:
    found = error.problem
    return Raw(found.status, found.body(incoming.id), found.all_headers(), refused=_why(error))


def _why(error: ProblemError) -> str | None:
    """What a rule said, else what the door did; None when nobody was refused and something failed."""
    if isinstance(error.__cause__, Refused):
        return error.__cause__.refusal
    return error.problem.code if error.problem.status < HTTPStatus.INTERNAL_SERVER_ERROR else None


async def _serve(route: Route, app: Application, request: web.Request, incoming: Request) -> Raw:
    with translated():
        caller = await _caller(route, app, request, incoming)
        await _demand(route, app, caller, request)
        path, texts = _path(request)
        key = request.headers.get("Idempotency-Key") if route.mutates else None
        if caller is not None:
            caller = await _placed(route, app, caller, path, key)
    asked = _Asked(request=incoming, caller=caller, path=path, texts=texts)
    if key is None or caller is None:
        return await _act(route, app, request, asked)
    raw = await read_body(request, route.max_body)
    claim = _claim(key, caller, request, raw)
    claiming = replace(caller.request, idempotency=claim)
    asked = replace(asked, request=claiming, caller=replace(caller, request=claiming), raw=raw)
    return await _once(route, app, request, asked, caller.at.id, claim)


async def _placed(route: Route, app: Application, caller: Caller, path: dict[str, UUID], key: str | None) -> Caller:
    """The caller in the company that the path names, or that the call is about to make."""
    if route.makes_company:
        # The same call again has to find its first answer, so the same key makes the same company.
        made = uuid5(caller.company_id, f"company/{caller.user_id}/{key}") if key is not None else app.entropy.uuid()
        return replace(caller, elsewhere=Tenant(id=made, state=CompanyState(), version=0))
    if route.elsewhere:
        return replace(caller, elsewhere=await app.companies.find(path["company_id"]))
    return caller


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Who asks, once that is known, and for what. `raw`: the body, when it was read already."""

    request: Request
    caller: Caller | None
    path: dict[str, UUID]
    texts: dict[str, str]
    raw: bytes | None = field(default=None, repr=False)


async def _act(route: Route, app: Application, request: web.Request, asked: _Asked) -> Raw:
    with translated():
        target = await _target(route, app, asked.caller, asked.path)
    raw = asked.raw if asked.raw is not None else await read_body(request, route.max_body)
    body = _body(route, raw)
    context = Context(
        app=app,
        request=asked.request,
        _caller=asked.caller,
        _target=target,
        query=parse_query(route.query, request.query) if route.query is not None else None,
        path=asked.path,
        texts=asked.texts,
        if_match=request.headers.get("If-Match"),
    )
    if route.many and asked.caller is not None and asked.request.idempotency is not None:
        await app.idempotency.claim(asked.caller.at.id, asked.request.idempotency, app.clock.now())
    answer = await _call(route, context, body)
    if route.gives_receipts and request.query.get("receipt") == "wait":
        return await _with_receipt(context, answer)
    return answer


async def _with_receipt(context: Context, answer: Raw) -> Raw:
    """What the act answers, and its receipt; null when no checkpoint comes in time, for the act is done."""
    try:
        found = await context.app.transparency.receipt(context.caller.at.id, context.request.id)
    except (Unavailable, TimeoutError):
        found = None
    receipt = Receipt(position=found[0], checkpoint=found[1].note) if found is not None else None
    added = ReceiptOnly(receipt=receipt).model_dump_json().encode()
    if answer.body is None:
        return replace(answer, status=HTTPStatus.OK, body=added)
    return replace(answer, body=answer.body[:-1] + b"," + added[1:])


def _body(route: Route, raw: bytes) -> BaseModel | None:
    if route.body is None:
        expect_no_body(raw)
        return None
    parsed: BaseModel = parse_body(route.body, raw)
    return parsed


async def _caller(route: Route, app: Application, request: web.Request, incoming: Request) -> Caller | None:
    if route.allow is Allow.ANYONE:
        return await _voucher(route, app, request, incoming)
    token = _bearer(request)
    caller = await app.authentication.caller(token, incoming) if token else None
    if caller is None:
        raise problem("unauthenticated")
    if caller.client is not None and route.allow in (Allow.SESSION, Allow.CLIENT):
        return caller
    if route.allow in (Allow.SESSION, Allow.CLIENT) and not caller.is_session:
        raise problem(_for_a_sign_in(caller))
    if route.allow is Allow.SIGN_IN and (caller.is_session or caller.client is not None):
        raise problem("unauthenticated")
    if route.allow is Allow.SIGN_IN and not route.enrolling and _must_enrol(caller):
        raise problem("enrolment_required")
    return caller


async def _voucher(route: Route, app: Application, request: web.Request, incoming: Request) -> Caller | None:
    """On a route for anyone: the program that presents its token there. Other tokens mean nothing on it."""
    token = _bearer(request)
    if not route.scopes or token is None or not token.startswith(PREFIX[CredentialKind.API_CLIENT]):
        return None
    caller = await app.authentication.caller(token, incoming)
    if caller is None:
        raise problem("unauthenticated")
    return caller


def _for_a_sign_in(caller: Caller) -> str:
    """What somebody in the middle of a sign-in is told anywhere else."""
    return "enrolment_required" if _must_enrol(caller) else "unauthenticated"


def _must_enrol(caller: Caller) -> bool:
    progress = caller.user.state.sign_in(caller.credential.id)
    return progress is not None and progress.stage is Stage.ENROLMENT


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
    if not _is_allowed(route, caller):
        await app.record_denial(caller, route.operation, _uuid_or_none(request.match_info.get("user_id")))
        raise problem("forbidden")


def _is_allowed(route: Route, caller: Caller) -> bool:
    may = all(caller.may(*right) for right in route.rights)
    if caller.client is not None:
        return may and bool(route.scopes) and all(caller.client.may(scope) for scope in route.scopes)
    return may and route.allow is not Allow.CLIENT and (not route.own_factor or caller.has_own_factor())


def _path(request: web.Request) -> tuple[dict[str, UUID], dict[str, str]]:
    """(ids, other texts) that the path holds; one that is malformed does not exist."""
    ids: dict[str, UUID] = {}
    texts: dict[str, str] = {}
    for name, text in request.match_info.items():
        pattern = TEXTS.get(name)
        if pattern is not None and pattern.fullmatch(text):
            texts[name] = text
        elif pattern is None and (found := _uuid_or_none(text)) is not None:
            ids[name] = found
        else:
            raise problem("not_found")
    return ids, texts


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
    target = await app.users.find(caller, path["user_id"])
    if route.acts:
        try:
            access.demand_rank(caller, target)
        except Refused:
            await app.record_denial(caller, route.operation, target.user_id)
            raise
    return target


async def _call(route: Route, context: Context, body: BaseModel | None) -> Raw:
    with translated():
        arguments = (context,) if body is None else (context, body)
        handled = await _handled(route, context, arguments)
    if handled is None:
        return Raw(HTTPStatus.NO_CONTENT, None, {})
    if isinstance(handled, Content):
        return _file(route, handled)
    answer = handled.model_dump_json().encode()
    headers = {"ETag": etag(handled)} if route.etag else {}
    return Raw(route.status, answer, headers, secret=handled.CARRIES_SECRET)


def _file(route: Route, content: Content) -> Raw:
    if isinstance(content.body, bytes):
        return Raw(route.status, content.body, content.headers())
    return Raw(route.status, None, content.headers(), content.body)


async def _handled(route: Route, context: Context, arguments: tuple[Any, ...]) -> Answer | Content | None:
    try:
        return await route.handler(*arguments)
    except Refused as refused:
        if refused.refusal is Refusal.FORBIDDEN and context._caller is not None:
            await context.app.record_denial(context._caller, route.operation, context.path.get("user_id"))
        raise


def demand_match(context: Context, current: BaseModel) -> None:
    """The caller's If-Match holds for the object as it is now. Raises Refused(PRECONDITION_FAILED)."""
    wanted = context.if_match
    if wanted is None or wanted.strip() == "*":
        return
    if etag(current) not in [tag.strip() for tag in wanted.split(",")]:
        raise Refused(Refusal.PRECONDITION_FAILED)


def etag(answer: BaseModel) -> str:
    """A tag of what an object looks like; what is shown once is no part of the object."""
    return _tag(answer.model_dump_json(exclude={"generated_password", "token"}).encode())


def _tag(shown: bytes) -> str:
    return f'"{sha256(shown).hexdigest()[:32]}"'


async def _once(
    route: Route, app: Application, request: web.Request, asked: _Asked, company_id: UUID, claim: IdempotencyClaim
) -> Raw:
    """The same key again gives the first answer: kept, or of a call that runs right now, here or elsewhere."""
    idempotency = app.idempotency
    with translated():
        async with idempotency.one_at_a_time(company_id, claim):
            kept = await idempotency.first_answer(company_id, claim)
            if kept is not None:
                return _kept(route, *kept)
            answer = await _claimed(route, app, request, asked)
            if answer is not None and claim.recorded:
                body = None if answer.secret else answer.body or b""
                await idempotency.keep(company_id, claim, answer.status, body)
                return answer
            # Nothing of this call is on record; when the same call is, from elsewhere, its answer counts.
            kept = await idempotency.first_answer(company_id, claim)
            if kept is not None:
                return _kept(route, *kept)
            if answer is None:
                raise AnswerNotKept
            return answer


async def _claimed(route: Route, app: Application, request: web.Request, asked: _Asked) -> Raw | None:
    """None when the key was taken meanwhile."""
    try:
        return await _act(route, app, request, asked)
    except ProblemError as error:
        return _refusal(error, asked.request)
    except Replayed:
        return None


def _kept(route: Route, status: int, answer: bytes) -> Raw:
    headers = {"ETag": _tag(answer)} if route.etag and status < HTTPStatus.BAD_REQUEST else {}
    return Raw(status, answer or None, headers)


def _claim(key: str, caller: Caller, request: web.Request, raw: bytes) -> IdempotencyClaim:
    if not 0 < len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise invalid(["header", "Idempotency-Key"], "has to be 1 to 255 printable ASCII characters", "length")
    digest = sha256(b"\x00".join((request.method.encode(), request.path.encode(), raw))).digest()
    return IdempotencyClaim(caller=str(caller.user_id), key=key, digest=digest)


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
            case KeyUnavailable() | EvidenceMissing():
                log.error("cannot_answer", why=type(error).__name__, detail=str(error))
                raise problem("unavailable", Retry_After="30") from error
            case asyncio.TimeoutError():
                raise problem("unavailable", Retry_After="1") from error
            case _:
                return
