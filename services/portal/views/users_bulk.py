"""One act on the second factors of many users, chosen in the list: asked once, done for each by itself."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from events.decision import Refusal
from events.store.port import StoredUser
from services.application.errors import Refused
from services.portal import messages
from services.portal.forms import Form, Reason
from services.portal.visit import Answer, Page, Visit

_MOST: Final = 200


def _somebody(chosen: tuple[UUID, ...]) -> tuple[UUID, ...]:
    if not chosen:
        raise PydanticCustomError("nobody", "nobody chosen")
    return chosen


class ChoiceForm(Form):
    MANY: ClassVar[frozenset[str]] = frozenset({"user_id"})

    act: Literal["enable", "reset", "disable"]
    user_id: Annotated[tuple[UUID, ...], Field(max_length=_MOST, validate_default=True), AfterValidator(_somebody)] = ()


class BulkForm(ChoiceForm):
    reason: Reason


async def choose(visit: Visit, form: ChoiceForm) -> Answer:
    """The page in front of the act. Nothing is done yet."""
    return await _question(visit, form.act, form.user_id)


async def ask(visit: Visit) -> Answer:
    """The same page again, with what was wrong."""
    act = visit.filled.value("act")
    chosen = [found for text in visit.filled.values("user_id") if (found := _id(text)) is not None]
    return await _question(visit, act if act in ("reset", "disable") else "enable", chosen)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def _question(visit: Visit, act: str, chosen: Sequence[UUID]) -> Answer:
    users = await _known(visit, chosen)
    return Page(
        template="users/many.html",
        values={"act": act, "users": users, "hours": visit.caller.at.state.policy.order_hours},
    )


async def do(visit: Visit, form: BulkForm) -> Answer:
    app, claim = visit.app, visit.request.idempotency
    if claim is not None:
        await app.idempotency.claim(visit.caller.at.id, claim, visit.now)
    results = await app.others_factors.bulk(visit.caller, form.act, form.user_id, form.reason, claim)
    for result in results:
        if result.refusal is Refusal.FORBIDDEN:
            await app.record_denial(visit.caller, "portal_users_bulk", result.user_id)
    logins = {user.user_id: user.state.login for user in await _known(visit, form.user_id)}
    rows = [
        (result.user_id, logins.get(result.user_id, "–"), _outcome(visit, result.refusal, contended=result.contended))
        for result in results
    ]
    return Page(template="users/many_done.html", values={"act": form.act, "rows": rows})


def _outcome(visit: Visit, refusal: Refusal | None, *, contended: bool) -> str | None:
    """Why not; None: done."""
    if contended:
        return visit.text(messages.UNAVAILABLE)
    return messages.refused(refusal, visit.language) if refusal is not None else None


async def _known(visit: Visit, chosen: Sequence[UUID]) -> list[StoredUser]:
    """Those of the company; others are not there."""
    found = []
    for user_id in dict.fromkeys(chosen):
        try:
            found.append(await visit.app.users.find(visit.caller, user_id))
        except Refused:
            continue
    return found
