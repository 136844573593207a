"""From a request to a view and back to a page: origin, caller, rights, form, act. One way for every route."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from urllib.parse import urlencode
from uuid import UUID

import structlog
from aiohttp import web

from events.decision import Refusal
from events.store.port import IdempotencyClaim
from services.application.context import Caller, Request
from services.application.errors import Refused, Replayed, Throttled, Unacceptable
from services.portal import forms, messages, security, step_up
from services.portal.forms import Errors, Filled, Malformed
from services.portal.languages import Language, chosen
from services.portal.messages import Said
from services.portal.refusals import (
    TEMPORARY,
    error_page,
    errors_of,
    note,
    too_often,
    unavailable,
    unexpected,
    why_refused,
)
from services.portal.rendering import respond
from services.portal.route import STAGE_PATHS, Allow, Route
from services.portal.site import SITE
from services.portal.visit import Answer, Goto, Page, Visit
from services.web.bodies import BodyOfOtherKind, BodyTooLarge, read_body
from services.web.incoming import APPLICATION, PATIENCE_SECONDS, described

log = structlog.get_logger()


class _Stopped(Exception):
    """The request ends here, with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def dispatcher(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of a route."""

    async def handle(http: web.Request) -> web.StreamResponse:
        request = described(http)
        app = http.app[APPLICATION]
        visit = Visit(
            app=app,
            request=request,
            language=language_of(http, None),
            path=http.path,
            query=dict(http.query),
        )
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                visit, answer = await _serve(route, http, visit)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - the outermost loop of HTTP
            answer = unexpected(http, visit, error)
        if (why := why_refused(answer)) is not None:
            app.meters.refused(why, route.path)
        response = await respond(http, visit, answer)
        log.debug(
            "request",
            request_id=request.id,
            route=route.path,
            method=route.method,
            status=response.status,
            milliseconds=round((app.clock.now() - request.arrived_at).total_seconds() * 1000, 1),
        )
        return response

    return handle


async def _serve(route: Route, http: web.Request, visit: Visit) -> tuple[Visit, Answer]:
    """The visit as far as it got, and the answer."""
    try:
        if route.is_act and not security.is_same_origin(http, http.app[SITE].public_origin):
            return visit, error_page(visit, 403, "foreign")
        visit = await _recognised(route, http, visit)
        if not route.is_act:
            return visit, await _view(route, visit)
        fields = forms.read_fields(await read_body(http, route.max_body, "application/x-www-form-urlencoded"))
        await _demand_form_token(route, http, fields)
    except _Stopped as stopped:
        return visit, stopped.answer
    except Refused:
        return visit, error_page(visit, 404, "not_found")
    except BodyTooLarge:
        return visit, error_page(visit, 413, "too_large")
    except (BodyOfOtherKind, Malformed):
        return visit, error_page(visit, 422, "malformed")
    except _OutOfDate:
        return visit, error_page(visit, 403, "out_of_date", back=route.way_back(visit))
    except TEMPORARY as error:
        return visit, unavailable(visit, error)
    return await _act(route, visit, fields)


class _OutOfDate(Exception):
    """The form was made for somebody else, or for nobody."""


async def _demand_form_token(route: Route, http: web.Request, fields: Mapping[str, list[str]]) -> None:
    site = http.app[SITE]
    held = [site.cookies.read(http, security.SESSION)]
    if route.allow is Allow.ANYONE:
        held.append(site.cookies.read(http, security.BROWSER))
    given = fields.get(forms.TOKEN, [])
    if len(given) != 1 or not await site.form_tokens.fits(given[0], *held):
        raise _OutOfDate


async def _recognised(route: Route, http: web.Request, visit: Visit) -> Visit:
    """The visit with its caller, when that is somebody whom the route serves. Raises _Stopped, Refused."""
    caller = await caller_of(http, visit.request)
    visit = replace(visit, known=caller, language=language_of(http, caller), ids=_ids(http), slug=_slug(http))
    if route.allow is Allow.ANYONE:
        return visit
    if caller is None:
        had_token = http.app[SITE].cookies.read(http, security.SESSION) is not None
        raise _Stopped(_to_sign_in(route, visit, had_token=had_token))
    if caller.is_session:
        if route.allow is Allow.SIGN_IN:
            raise _Stopped(Goto(path="/"))
        return visit
    _demand_stage(route, visit, caller)
    return visit


async def caller_of(http: web.Request, request: Request) -> Caller | None:
    """The person whose token the browser holds."""
    token = http.app[SITE].cookies.read(http, security.SESSION)
    caller = await http.app[APPLICATION].authentication.caller(token, request) if token else None
    return caller if caller is not None and caller.client is None else None


def _to_sign_in(route: Route, visit: Visit, *, had_token: bool) -> Goto:
    """And back to the page that was wanted."""
    wanted = f"{visit.path}?{urlencode(visit.query)}" if visit.query else visit.path
    wanted = route.way_back(visit) if route.is_act else security.safe_path(wanted)
    if route.allow is Allow.SIGN_IN:
        wanted = visit.query.get("next", "/")
    path = "/sign-in" if wanted == "/" else f"/sign-in?{urlencode({'next': wanted})}"
    refused = "unauthenticated" if had_token or route.is_act else None
    return Goto(path=path, said=Said.SESSION_OVER if had_token else None, leave=had_token, refused=refused)


def _demand_stage(route: Route, visit: Visit, caller: Caller) -> None:
    """In the middle of a sign-in: the page of that stage and no other."""
    progress = caller.user.state.sign_in(caller.credential.id)
    if progress is None:
        raise _Stopped(Goto(path="/sign-in", leave=True))
    if route.allow is Allow.SIGN_IN and (not route.stages or progress.stage in route.stages):
        return
    if route.is_act:
        raise _Stopped(error_page(visit, 403, "forbidden"))
    raise _Stopped(Goto(path=STAGE_PATHS[progress.stage]))


async def _view(route: Route, visit: Visit) -> Answer:
    """A page that only shows something."""
    try:
        visit = await _placed(route, visit)
        return _as_seen_there(visit, await route.view(visit))
    except Refused as refused:
        answer = await _stopped_by(route, visit, refused.refusal) or error_page(visit, 409, "refused")
        return replace(answer, refused=refused.refusal)
    except TEMPORARY as error:
        return unavailable(visit, error)


async def _placed(route: Route, visit: Visit) -> Visit:
    """The visit of somebody who may, in the company that the path names. Raises Refused(FORBIDDEN, NOT_FOUND)."""
    if visit.known is None or not visit.known.is_session:
        return visit
    if not all(visit.known.may(*right) for right in route.rights):
        raise Refused(Refusal.FORBIDDEN)
    if route.own_factor and not visit.known.has_own_factor():
        raise Refused(Refusal.FORBIDDEN)
    if not route.elsewhere:
        return visit
    company = await visit.app.companies.find(visit.ids["company_id"])
    return replace(visit, known=replace(visit.known, elsewhere=company))


def _as_seen_there(visit: Visit, answer: Answer) -> Answer:
    """A page says in which company its reader is, and its forms stay there."""
    return replace(answer, values={"visit": visit, **answer.values}) if isinstance(answer, Page) else answer


def _demand_freshness(route: Route, visit: Visit) -> None:
    """Raises Refused(STEP_UP_REQUIRED)."""
    if route.fresh and visit.known is not None and not visit.known.is_fresh(visit.now):
        raise Refused(Refusal.STEP_UP_REQUIRED)


async def _act(route: Route, visit: Visit, fields: dict[str, list[str]]) -> tuple[Visit, Answer]:
    """An act, with the form again when something is wrong with it."""
    token: str | None = None
    if fields.get(forms.STEP_UP):
        typed = step_up.kept(fields)
        try:
            visit, token = await step_up.prove(visit, fields)
        except (Refused, Unacceptable) as error:
            return visit, await _not_stepped_up(route, visit, typed, error)
        except TEMPORARY as error:
            return visit, unavailable(visit, error)
    else:
        typed = {name: given for name, given in fields.items() if name not in (forms.TOKEN, forms.ONCE)}
    visit = replace(visit, filled=Filled(typed=typed))
    answer = await _once(route, _claiming(visit, fields), typed)
    # A proof that was accepted holds, whatever became of the act.
    return visit, replace(answer, token=answer.token or token)


async def _once(route: Route, visit: Visit, typed: forms.Typed) -> Answer:
    try:
        visit = await _placed(route, visit)
        parsed = forms.parse(route.form, typed)
        if isinstance(parsed, dict):
            found = {name: messages.wrong_kind(kind, visit.language) for name, kind in parsed.items()}
            return await _again(route, visit, Errors(found))
        _demand_freshness(route, visit)
        return _as_seen_there(visit, await route.view(visit, parsed))
    except Malformed:
        return error_page(visit, 422, "malformed")
    except Refused as refused:
        if await _was_done(visit):
            return Goto(path=route.way_back(visit), said=Said.DONE_ALREADY)
        answer = await _stopped_by(route, visit, refused.refusal) or await _again(
            route, visit, errors_of(route, visit, refused.refusal)
        )
        return replace(answer, refused=refused.refusal)
    except Unacceptable as error:
        name = error.field if error.field in route.form.model_fields else f"new_{error.field}"
        return await _again(route, visit, Errors({name: messages.wrong_kind(error.problem, visit.language)}))
    except Throttled as error:
        errors, headers = too_often(error, visit.language)
        answer = await _again(route, visit, errors)
        return replace(answer, headers=headers) if isinstance(answer, Page) else answer
    except Replayed:
        return Goto(path=route.way_back(visit), said=Said.DONE_ALREADY)
    except TEMPORARY as error:
        note(error)
        return await _again(route, visit, Errors({"": visit.text(messages.UNAVAILABLE)}, 503))


def _claiming(visit: Visit, fields: Mapping[str, list[str]]) -> Visit:
    """The same form sent twice, as by a double click, is one act."""
    once = fields.get(forms.ONCE, [""])[0]
    if visit.known is None or not 0 < len(once) <= 64:
        return visit
    sent = sha256(repr((visit.path, sorted(fields.items()))).encode()).digest()
    claim = IdempotencyClaim(caller=str(visit.known.user_id), key=f"portal:{once}:{sent.hex()}", digest=sent)
    request = replace(visit.request, idempotency=claim)
    return replace(visit, request=request, known=replace(visit.known, request=request))


async def _was_done(visit: Visit) -> bool:
    """What is refused because this very form, sent before, did it already: the act holds, so nothing is wrong."""
    claim = visit.request.idempotency
    if claim is None or visit.known is None:
        return False
    try:
        return await visit.app.idempotency.was_done(visit.known.at.id, claim)
    except TEMPORARY:
        return False


async def _again(route: Route, visit: Visit, errors: Errors) -> Answer:
    """The form as it was typed, with what is wrong."""
    if route.page is None:
        return error_page(visit, errors.status, "refused", text=errors.of_all)
    fresh = await _as_of_now(visit)
    fresh = replace(fresh, filled=replace(visit.filled, errors=errors))
    try:
        answer = await route.page(fresh)
    except Refused as refused:
        return await _stopped_by(route, visit, refused.refusal) or error_page(visit, 409, "refused")
    except TEMPORARY as error:
        return unavailable(visit, error)
    if not isinstance(answer, Page):
        return answer
    return replace(answer, status=errors.status, values={**answer.values, "visit": fresh, "filled": fresh.filled})


async def _as_of_now(visit: Visit) -> Visit:
    """What was refused may have changed the state all the same."""
    request = replace(visit.request, idempotency=None)
    if visit.known is None:
        return replace(visit, request=request)
    try:
        known = await visit.app.authentication.again(replace(visit.known, request=request))
    except (Refused, *TEMPORARY):
        known = replace(visit.known, request=request)
    return replace(visit, request=request, known=known)


async def _stopped_by(route: Route, visit: Visit, refusal: Refusal) -> Answer | None:
    """Refusals that are about the caller and not about what was typed; None for the others."""
    match refusal:
        case Refusal.SESSION_OVER | Refusal.SIGN_IN_OVER:
            return _over(route, visit)
        case Refusal.STEP_UP_REQUIRED if route.is_act:
            return step_up.page(visit, visit.filled.typed, back=route.way_back(visit))
        case Refusal.STEP_UP_REQUIRED:
            return Goto(path=f"/step-up?{urlencode({'next': security.safe_path(visit.path)})}")
        case Refusal.FORBIDDEN:
            if visit.known is not None:
                await visit.app.record_denial(visit.known, route.operation, visit.ids.get("user_id"))
            return error_page(visit, 403, "forbidden")
        case Refusal.NOT_FOUND:
            return error_page(visit, 404, "not_found")
        case Refusal.CONTACT_ADMINISTRATOR:
            return Page(template="contact_administrator.html", status=403)
        case _:
            return None


def _over(route: Route, visit: Visit) -> Goto:
    """To sign in again. Somebody who is signed in by now, in another tab, is sent on from there."""
    wanted = route.way_back(visit) if route.is_act else security.safe_path(visit.path)
    return Goto(path=f"/sign-in?{urlencode({'next': wanted})}" if wanted != "/" else "/sign-in", said=Said.SESSION_OVER)


async def _not_stepped_up(route: Route, visit: Visit, typed: forms.Typed, error: Refused | Unacceptable) -> Answer:
    refused = error.refusal if isinstance(error, Refused) else "validation_failed"
    if refused in (Refusal.SESSION_OVER, Refusal.SIGN_IN_OVER):
        return replace(_over(route, visit), refused=refused)
    wrong = step_up.wrong_proof(visit, error)
    page = step_up.page(await _as_of_now(visit), typed, wrong, back=route.way_back(visit))
    return replace(page, refused=refused)


def language_of(http: web.Request, caller: Caller | None) -> Language:
    """Whoever is signed in has set one; before that the switch counts, then what the browser prefers."""
    switched = http.app[SITE].cookies.read(http, security.LANGUAGE)
    if caller is not None and (caller.is_session or switched is None):
        switched = caller.user.state.language
    return chosen(switched, http.headers.get("Accept-Language", ""))


def _ids(http: web.Request) -> dict[str, UUID]:
    """The ids in the path; one that is malformed does not exist: the only refusal before the act."""
    ids: dict[str, UUID] = {}
    for name, text in http.match_info.items():
        if name.endswith("_id") and name != "role_id":
            try:
                ids[name] = UUID(text)
            except ValueError as error:
                raise Refused(Refusal.NOT_FOUND) from error
    return ids


def _slug(http: web.Request) -> str:
    """The name in the path; one that nothing can have does not exist."""
    text = http.match_info.get("role_id", "")
    if "role_id" in http.match_info and not forms.SLUG.fullmatch(text):
        raise Refused(Refusal.NOT_FOUND)
    return text
