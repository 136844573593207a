"""Headers that every answer has, whatever it is."""

from typing import Final

from aiohttp import web

COMMON: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "Factorlog",
    "X-Content-Type-Options": "nosniff",
}
# Pages of our own: scripts and styles from here only, none of them inline.
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


async def demand_tls(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
