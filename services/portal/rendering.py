"""Answers of views as responses: templates, cookies, headers."""

import hmac
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import aiohttp_jinja2
import jinja2
from aiohttp import web

from events.store.port import Unavailable
from services.application.ports import KeyUnavailable
from services.portal import assets, menu, messages, security, time_limits
from services.portal.languages import LANGUAGES
from services.portal.messages import Said
from services.portal.security import HEADERS
from services.portal.site import SITE
from services.portal.visit import Answer, Download, Goto, Page, Visit
from services.web.downloads import counted, stream

TEMPLATES: Final = Path(__file__).with_name("templates")


def set_up(app: web.Application) -> None:
    """Templates of this app: escaped by themselves, with no variable that is missing."""
    aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment = aiohttp_jinja2.get_env(app)
    environment.globals["asset"] = assets.address
    environment.globals["languages"] = tuple(LANGUAGES.values())
    environment.globals["is_current"] = menu.is_current


async def respond(http: web.Request, visit: Visit, answer: Answer) -> web.StreamResponse:
    """With the headers that every answer of the portal has, and the cookies that changed."""
    if isinstance(answer, Download) and not isinstance(answer.body, bytes):
        return await stream(http, 200, {**_of_file(answer), "X-Request-Id": visit.request.id}, answer.body)
    if isinstance(answer, Download):
        response = web.Response(body=answer.body, headers=_of_file(answer))
    elif isinstance(answer, Goto):
        response = web.Response(status=303, headers={**HEADERS, "Location": answer.path})
        _clear(response, answer)
    else:
        if answer.language is not None:
            visit = replace(visit, language=LANGUAGES[answer.language])
        response = await _page(http, visit, answer)
    if answer.language is not None:
        http.app[SITE].cookies.write(response, security.LANGUAGE, answer.language)
    response.headers["X-Request-Id"] = visit.request.id
    await _change_cookies(http, response, answer)
    return response


def _of_file(answer: Download) -> dict[str, str]:
    saved = {"Content-Type": answer.kind, "Content-Disposition": f'attachment; filename="{answer.name}"'}
    return {**HEADERS, **saved, **counted(answer.count)}


def _clear(response: web.Response, answer: Goto) -> None:
    if answer.clear:
        # Pages are not stored anyway; a browser that keeps them for "back" all the same lets go of them.
        response.headers["Clear-Site-Data"] = '"cache", "storage"'


async def _change_cookies(http: web.Request, response: web.Response, answer: Answer) -> None:
    site = http.app[SITE]
    if isinstance(answer, Goto) and answer.leave:
        site.cookies.forget(response, security.SESSION)
    elif answer.token is not None:
        site.cookies.write(response, security.SESSION, answer.token)
    if answer.said is not None:
        try:
            mark = await site.form_tokens.make(answer.said.value)
        except (KeyUnavailable, Unavailable):
            return
        site.cookies.write(response, security.SAID, f"{answer.said.value}.{mark}")


async def _page(http: web.Request, visit: Visit, page: Page) -> web.Response:
    site = http.app[SITE]
    held = page.token or (site.cookies.read(http, security.SESSION) if visit.known is not None else None)
    browser = None if held else site.cookies.read(http, security.BROWSER)
    made = visit.app.entropy.bytes(32).hex() if not held and not browser else None
    said = await _said(http)
    text = aiohttp_jinja2.render_string(
        page.template,
        http,
        {
            "visit": visit,
            "filled": visit.filled,
            "menu": menu.menu(visit),
            "time_limit": time_limits.of_visit(visit),
            "said": messages.said(said, visit.language) if said and page.status < 400 else None,
            "form_token": await _form_token(http, held or browser or made or ""),
            "once": visit.app.entropy.bytes(16).hex(),
            "gettext": visit.language.markup,
            "ngettext": visit.language.markup_count,
            "_": visit.language.markup,
            **page.values,
        },
    )
    response = web.Response(text=text, status=page.status, content_type="text/html", charset="utf-8")
    response.headers.update({**HEADERS, **page.headers})
    if made is not None:
        site.cookies.write(response, security.BROWSER, made)
    if said is not None:
        site.cookies.forget(response, security.SAID)
    return response


async def _form_token(http: web.Request, held: str) -> str:
    """Empty when no key is at hand: a page that says so is shown all the same, and its forms do nothing."""
    try:
        return await http.app[SITE].form_tokens.make(held)
    except (KeyUnavailable, Unavailable):
        return ""


async def _said(http: web.Request) -> Said | None:
    """The sentence that an act left for this page; only we can have left it."""
    site = http.app[SITE]
    what, _, mark = (site.cookies.read(http, security.SAID) or "").partition(".")
    try:
        known = Said(what)
        made: Any = await site.form_tokens.make(known.value)
    except (ValueError, KeyUnavailable, Unavailable):
        return None
    return known if hmac.compare_digest(made.encode(), mark.encode()) else None
