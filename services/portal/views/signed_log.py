"""The signed log beside the audit log: the newest checkpoint, a look at the entries shown, and what outsiders need."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from events.decision import Refusal
from events.integrity.checkpoint import unverified
from services.application.errors import Refused
from services.application.transparency import Looked
from services.portal.visit import Answer, Download, Visit

NOW: Final = "now"
_TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Shown:
    """The newest checkpoint in words. `looked`: what a look at the entries found, when it was asked for."""

    origin: str
    size: int
    root: str
    at: datetime
    looked: Looked | None


async def newest(visit: Visit, positions: Sequence[int]) -> Shown | None:
    """None before the first one."""
    try:
        signed = await visit.app.transparency.newest(visit.caller)
    except Refused as refused:
        if refused.refusal is Refusal.NOT_FOUND:
            return None
        raise
    wanted = visit.query.get("verify") == NOW
    looked = await visit.app.transparency.look(visit.caller, positions) if wanted else None
    checkpoint = unverified(signed.note)
    return Shown(checkpoint.origin, checkpoint.size, b64encode(checkpoint.root).decode(), signed.at, looked)


async def checkpoint(visit: Visit) -> Answer:
    signed = await visit.app.transparency.newest(visit.caller)
    return Download(name="checkpoint", kind=_TEXT, body=signed.note.encode())


async def key(visit: Visit) -> Answer:
    found = await visit.app.transparency.key(visit.caller)
    return Download(name="vkey", kind=_TEXT, body=f"{found}\n".encode())
