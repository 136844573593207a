"""The same form sent twice, as by a double click: one act, and both lead to where the first one led."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Final, TypeVar

from pydantic import TypeAdapter

from events.decision import Refusal
from events.store.port import IdempotencyClaim
from services.application.errors import Refused, Replayed
from services.application.idempotency import AnswerNotKept
from services.portal import forms
from services.portal.messages import Said
from services.portal.visit import Goto, Visit

T = TypeVar("T")

_DONE: Final = TypeAdapter(Goto)
_SEE_OTHER: Final = 303
_CONFLICT: Final = 409


def claiming(visit: Visit, fields: Mapping[str, list[str]], part: str = "act") -> Visit:
    """The visit with what tells this form from every other that is sent; before the sign-in its token names a browser.

    `part`: a form may hold a proof and an act.
    """
    once = fields.get(forms.ONCE, [""])[0]
    if not 0 < len(once) <= 64:
        return visit
    sent = sha256(repr((visit.path, sorted(fields.items()))).encode()).digest()
    browser = sha256(fields[forms.TOKEN][0].encode()).hexdigest()
    caller = str(visit.known.user_id) if visit.known is not None else browser
    claim = IdempotencyClaim(caller=caller, key=f"portal:{part}:{once}:{sent.hex()}", digest=sent)
    request = replace(visit.request, idempotency=claim)
    known = replace(visit.known, request=request) if visit.known is not None else None
    return replace(visit, request=request, known=known)


async def once(visit: Visit, act: Callable[[], Awaitable[T]]) -> T | Goto:
    """Raises what the act raises, for the second form too; Replayed where the first answer was of another kind."""
    claim = visit.request.idempotency
    if claim is None or visit.known is None:
        return await act()
    async with visit.app.idempotency.one_at_a_time(visit.caller.at.id, claim):
        kept = await _first_answer(visit, claim)
        return kept if kept is not None else await _acted(visit, claim, act)


async def _acted(visit: Visit, claim: IdempotencyClaim, act: Callable[[], Awaitable[T]]) -> T:
    try:
        answer = await act()
    except Refused as refused:
        await _keep(visit, claim, _CONFLICT, refused.refusal.value.encode())
        raise
    # Pages after an act, and tokens, are for one pair of eyes.
    body = _DONE.dump_json(answer) if isinstance(answer, Goto) and answer.token is None else None
    await _keep(visit, claim, _SEE_OTHER, body)
    return answer


async def _keep(visit: Visit, claim: IdempotencyClaim, status: int, body: bytes | None) -> None:
    if claim.recorded:
        await visit.app.idempotency.keep(visit.caller.at.id, claim, status, body)


async def _first_answer(visit: Visit, claim: IdempotencyClaim) -> Goto | None:
    """None when there was none."""
    try:
        found = await visit.app.idempotency.first_answer(visit.caller.at.id, claim)
    except AnswerNotKept as error:
        raise Replayed from error
    if found is None:
        return None
    status, body = found
    if status == _CONFLICT:
        raise Refused(Refusal(body.decode()))
    done = _DONE.validate_json(body)
    # Whoever is out by it is told so, whichever answer arrives.
    return done if done.leave else replace(done, said=Said.DONE_ALREADY)
