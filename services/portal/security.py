"""Cookies, form tokens, the origin of a request, and where one may be sent on to."""

import hmac
import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from services.application.tokens import parse_token
from services.web.headers import COMMON, PAGE_POLICY

HEADERS: Final = {**COMMON, "Content-Security-Policy": PAGE_POLICY}

SESSION: Final = "factorlog"  # the token: of a sign-in in progress, then of the session
BROWSER: Final = "factorlog-browser"  # random; what forms are bound to before anybody is known
LANGUAGE: Final = "factorlog-language"
SAID: Final = "factorlog-said"  # the sentence about the act before this page

_YEAR: Final = 365 * 24 * 3600
MAX_AGE: Final = {LANGUAGE: _YEAR, SAID: 60}

_OWN_PATH: Final = re.compile(r"/(?:[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*)?(?:\?[A-Za-z0-9_=&%.:+-]*)?", re.ASCII)


class Cookies:
    """`__Host-` and `Secure` behind TLS; on loopback without TLS a browser would not keep such ones."""

    def __init__(self, *, secure: bool) -> None:
        self.secure = secure

    def name(self, cookie: str) -> str:
        return f"__Host-{cookie}" if self.secure else cookie

    def read(self, request: web.Request, cookie: str) -> str | None:
        return request.cookies.get(self.name(cookie))

    def write(self, response: web.StreamResponse, cookie: str, value: str) -> None:
        response.set_cookie(
            self.name(cookie),
            value,
            max_age=MAX_AGE.get(cookie),
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="Lax",
        )

    def forget(self, response: web.StreamResponse, cookie: str) -> None:
        response.del_cookie(self.name(cookie), path="/", secure=self.secure, httponly=True, samesite="Lax")


class FormTokens:
    """A keyed hash of what a browser holds in a cookie: nobody else can make one for it."""

    def __init__(self, pepper: Callable[[], Awaitable[bytes]]) -> None:
        self._pepper = pepper

    async def make(self, held: str) -> str:
        """Raises KeyUnavailable, Unavailable."""
        key = hmac.digest(await self._pepper(), b"portal forms", "sha256")
        return hmac.digest(key, _bound(held).encode(), "sha256").hex()

    async def fits(self, given: str, *held: str | None) -> bool:
        """Was it made for one of these?"""
        made = [await self.make(one) for one in held if one]
        return any(hmac.compare_digest(given.encode(), one.encode()) for one in made)


def _bound(held: str) -> str:
    """A step-up changes a session's token and keeps its id, and other tabs shall go on working."""
    token = parse_token(held)
    return held if token is None else f"{token.kind}|{token.company_id}|{token.credential_id}"


def is_same_origin(request: web.Request, public_origin: str | None) -> bool:
    """Does this come from a page of ours? What tells nothing is no browser of today: then the form token decides."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is None or origin == (public_origin or f"http://{request.host}")


def safe_path(wanted: str | None) -> str:
    """Where to go on: a path of ours, or the start page."""
    return wanted if wanted and len(wanted) <= 500 and _OWN_PATH.fullmatch(wanted) else "/"
