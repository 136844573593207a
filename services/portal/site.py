"""What the portal's requests share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from services.portal.security import Cookies, FormTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """`public_origin`: None on loopback, where the host of the request is the origin."""

    cookies: Cookies
    form_tokens: FormTokens
    public_origin: str | None


SITE: Final = web.AppKey("site", Site)


def make_site(pepper: Callable[[], Awaitable[bytes]], *, behind_tls: bool, public_url: str | None) -> Site:
    """`pepper`: the installation's key for keyed hashes."""
    return Site(
        cookies=Cookies(secure=behind_tls),
        form_tokens=FormTokens(pepper),
        public_origin="/".join(public_url.split("/")[:3]) if public_url else None,
    )
