"""The transparency log: checkpoint, key, tiles, entries and proofs."""

from services.api import models
from services.api.content import NEVER_CHANGES, Content
from services.api.endpoint import Context

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"


async def read_checkpoint(context: Context) -> Content:
    signed = await context.app.transparency.newest(context.caller)
    return Content(kind=TEXT, body=signed.note.encode())


async def read_log_key(context: Context) -> models.LogKey:
    return models.LogKey(vkey=str(await context.app.transparency.key(context.caller)))


async def read_tile(context: Context) -> Content:
    level, number = int(context.texts["level"]), context.texts["number"]
    tile = await context.app.transparency.tile(context.caller, level, number)
    return Content(kind=BYTES, body=tile, caching=NEVER_CHANGES)


async def read_entries(context: Context) -> Content:
    bundle = await context.app.transparency.bundle(context.caller, context.texts["number"])
    return Content(kind=BYTES, body=bundle, caching=NEVER_CHANGES)


async def read_proof(context: Context) -> Content:
    position = int(context.texts["position"])
    proof = await context.app.transparency.proof(context.caller, position)
    return Content(kind=TEXT, body=str(proof).encode(), filename=f"event-{position}.tlog-proof")
