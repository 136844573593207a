"""Bare floors over HTTP: what the same work costs without everything that makes it safe.

`bare`: aiohttp and asyncpg alone. `dispatched`: the service's own dispatcher and middleware around next to nothing.
"""

import asyncio
import hmac
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any, Final, TypeAlias
from uuid import UUID

import uvloop
from aiohttp import web

from services.api.app import create_app
from services.api.endpoint import Allow, Context, Route, dispatcher
from services.api.models import Answer
from services.bootstrap import open_pool, runtime
from services.cli import logs
from services.cli.places import settings_for
from services.settings import Settings

Pool: TypeAlias = Any

SCHEMA: Final = """
CREATE TABLE floor_account (id uuid PRIMARY KEY, key bytea NOT NULL, state text NOT NULL, codes_left integer NOT NULL,
    enrolled_at timestamptz NOT NULL, last_step bigint NOT NULL) WITH (fillfactor = 70);
CREATE TABLE floor_event (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id uuid NOT NULL,
    type text NOT NULL, at timestamptz NOT NULL, entry bytea NOT NULL);
GRANT SELECT, INSERT, UPDATE ON floor_account, floor_event TO factorlog_app;
"""
INSERT_EVENT: Final = "INSERT INTO floor_event (account_id, type, at, entry) VALUES ($1, $2, now(), $3)"
_FOR_UPDATE: Final = "SELECT key, last_step FROM floor_account WHERE id = $1 FOR UPDATE"
_SPEND: Final = "UPDATE floor_account SET last_step = $2 WHERE id = $1"
_SELECT: Final = "SELECT state, codes_left, enrolled_at FROM floor_account WHERE id = $1"

_POOL: Final = web.AppKey("pool", object)
_PERIOD: Final = 30
_ENTRY: Final = b"x" * 900  # about what a fact of a sign-in takes


class Shown(Answer):
    """What the floors answer to a look-up."""

    state: str
    codes_left: int
    enrolled_at: str | None


def _hotp(key: bytes, step: int) -> str:
    digest = hmac.digest(key, struct.pack(">Q", step), "sha1")
    at = digest[-1] & 15
    return f"{(struct.unpack_from('>I', digest, at)[0] & 0x7FFFFFFF) % 1_000_000:06}"


async def check_code(request: web.Request) -> web.Response:
    """One transaction: read for update, three HMACs, update, one insert."""
    account_id = UUID(request.headers["Authorization"][7:])
    code = (await request.json())["code"]
    pool: Pool = request.app[_POOL]
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_FOR_UPDATE, account_id)
        now = int(time.time()) // _PERIOD
        right = [s for s in (now - 1, now, now + 1) if hmac.compare_digest(_hotp(row["key"], s), code)]
        if not right:
            return web.json_response({"status": "invalid_code"}, status=422)
        await connection.execute(_SPEND, account_id, right[-1])
        await connection.execute(INSERT_EVENT, account_id, "SignedIn", _ENTRY)
    return web.json_response({"status": "signed_in", "token": str(account_id)})


async def look_up(request: web.Request) -> web.Response:
    pool: Pool = request.app[_POOL]
    row = await pool.fetchrow(_SELECT, UUID(request.match_info["account_id"]))
    state, codes_left, enrolled_at = row
    return web.json_response({"state": state, "codes_left": codes_left, "enrolled_at": enrolled_at.isoformat()})


def bare(pool: Pool) -> web.Application:
    app = web.Application()
    app[_POOL] = pool
    app.router.add_post("/code", check_code)
    app.router.add_get("/select/{account_id}", look_up)
    return app


def dispatched(parts: Any) -> web.Application:
    """The service's application with two routes more."""
    pool = parts.pool

    async def select(context: Context) -> Shown:
        state, codes_left, enrolled_at = await pool.fetchrow(_SELECT, context.path["account_id"])
        return Shown(state=state, codes_left=codes_left, enrolled_at=enrolled_at.isoformat())

    async def nothing(context: Context) -> Shown:
        return Shown(state=context.caller.user.state.role, codes_left=0, enrolled_at=None)

    app = create_app(parts.application, parts.readiness, hosts=frozenset({"127.0.0.1", "localhost"}))
    for path, handler, allow in (
        ("/floor/select/{account_id}", select, Allow.ANYONE),
        ("/floor/nothing", nothing, Allow.SESSION),
    ):
        route = Route(method="GET", path=path, handler=handler, summary="", tag="", allow=allow, answer=Shown)
        app.router.add_get(path, dispatcher(route))
    return app


async def serve(kind: str, settings: Settings) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if kind == "dispatched":
        async with runtime(settings) as parts:
            await _listen(dispatched(parts), settings, stop)
        return
    pool = await open_pool(settings)
    await _listen(bare(pool), settings, stop)
    await pool.close()


async def _listen(app: web.Application, settings: Settings, stop: asyncio.Event) -> None:
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=75)
    await runner.setup()
    await web.TCPSite(runner, settings.host, settings.port, backlog=1024).start()
    print(f"ready http://{settings.listen}", flush=True)
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    logs.configure("info")  # as `serve` does
    uvloop.run(serve(sys.argv[1], settings_for(Path(sys.argv[2]), listen=f"127.0.0.1:{sys.argv[3]}")))
