"""Company › Integrations: API clients, what they may, and their tokens, each shown once."""

from typing import Annotated, ClassVar, Final, Literal, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from events.company.clients import ClientState
from events.company.roles import Right
from events.company.scopes import RIGHT_OF, Scope
from events.decision import Refusal
from services.application.clients import NewClient, ShownClient
from services.application.errors import Refused
from services.portal import hindrances, words
from services.portal.forms import Day, Form, Lines, begin_of, lines
from services.portal.languages import zone_of
from services.portal.messages import Said
from services.portal.visit import Answer, Goto, Page, Visit

_Standing: TypeAlias = Literal["active", "expired", "without_token"]


# Nothing answers to them yet.
_LATER: Final = frozenset({Scope.WEBHOOKS_READ, Scope.WEBHOOKS_WRITE})


def _at_least_one(chosen: tuple[Scope, ...]) -> tuple[Scope, ...]:
    if not chosen:
        raise PydanticCustomError("no_scope", "nothing chosen")
    return chosen


class AddForm(Form):
    MANY: ClassVar[frozenset[str]] = frozenset({"scopes"})

    name: Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
    scopes: Annotated[
        tuple[Scope, ...], Field(max_length=len(Scope), validate_default=True), AfterValidator(_at_least_one)
    ] = ()
    expires_at: Day = None
    networks: Lines = ""


async def show(visit: Visit) -> Answer:
    found = await visit.app.clients.known(visit.caller)
    return Page(
        template="integrations/list.html",
        values={
            "rows": [(client, _standing(visit, client)) for client in sorted(found, key=_by_name)],
            "words": words,
            "why_not": hindrances.of_right(visit, Right.INTEGRATIONS, own_factor=True),
        },
    )


def _by_name(client: ShownClient) -> tuple[str, UUID]:
    return client.state.name.lower(), client.id


def _standing(visit: Visit, client: ShownClient) -> _Standing:
    until = client.state.expires_at
    if until is not None and until <= visit.now:
        return "expired"
    return "active" if client.has_token else "without_token"


async def ask_to_add(visit: Visit) -> Answer:
    """The scopes within the reader's own rights."""
    own = [scope for scope in Scope if visit.caller.may(*RIGHT_OF[scope]) and scope not in _LATER]
    scopes = {scope.value: words.SCOPES[scope] for scope in own}
    return Page(template="integrations/add.html", values={"scopes": scopes})


async def add(visit: Visit, form: AddForm) -> Answer:
    made = await visit.app.clients.create(
        visit.caller,
        NewClient(
            name=form.name,
            scopes=tuple(dict.fromkeys(form.scopes)),
            expires_at=begin_of(form.expires_at, zone_of(visit.zone)),
            networks=lines(form.networks),
        ),
    )
    return _token(made, "added")


async def ask_to_rotate(visit: Visit) -> Answer:
    return await _question(visit, "rotate")


async def rotate(visit: Visit, form: Form) -> Answer:
    return _token(await visit.app.clients.rotate(visit.caller, visit.ids["client_id"]), "rotated")


async def ask_to_revoke(visit: Visit) -> Answer:
    return await _question(visit, "revoke")


async def revoke(visit: Visit, form: Form) -> Answer:
    await visit.app.clients.revoke(visit.caller, visit.ids["client_id"])
    return Goto(path="/integrations", said=Said.CLIENT_REVOKED)


async def _question(visit: Visit, kind: str) -> Page:
    return Page(template="integrations/act.html", values={"kind": kind, "client": await _client(visit)})


async def _client(visit: Visit) -> ClientState:
    """Of the client in the path. Raises Refused(NOT_FOUND)."""
    found = await visit.app.clients.known(visit.caller)
    state = next((client.state for client in found if client.id == visit.ids["client_id"]), None)
    if state is None:
        raise Refused(Refusal.NOT_FOUND)
    return state


def _token(client: ShownClient, kind: str) -> Page:
    return Page(template="integrations/secret.html", values={"client": client, "kind": kind})
