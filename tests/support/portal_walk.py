"""Every act of the portal as somebody sends it who may: for tests that walk the route table, new routes included."""

from dataclasses import dataclass
from typing import Any, Final, get_args
from uuid import UUID, uuid4

import pytest_asyncio

from events.company.policy import Policy
from events.user.events import Stage
from services.portal.route import Allow, Route
from services.portal.routes import ROUTES
from tests.support.acme import Acme, SignedIn
from tests.support.scene import REASON
from tests.support.service import PASSWORD, Person
from tests.support.visitor import Visitor

ACTS: Final = [route for route in ROUTES if route.is_act]

NOBODY: Final = "00000000-0000-4000-8000-000000000000"
_TYPED: Final = {
    "activation": "",
    "confirm": "on",
    "email": "new@acme.example",
    "expiration": "",
    "from_day": "",
    "grace_days": "3",
    "language": "en",
    "login": "nina.new",
    "name": "neue_firma",
    "networks": "0.0.0.0/0\n::/0",
    "order_hours": "24",
    "override": "required",
    "password_max_age_days": "",
    "reason": "because",
    "role": "user",
    "time_zone": "Europe/Lisbon",
    "until": "2099-12-31",
}
_SECRETS: Final = {
    "password": PASSWORD,
    "old_password": PASSWORD,
    "new_password": "ganz neu und lang 7",
    "new_password_again": "ganz neu und lang 7",
}


@dataclass
class Walk:
    """Who sends what. `anna`, `olga`: administrator and operator, each in the own browser, fresh from signing in."""

    acme: Acme
    anna: Visitor
    olga: Visitor
    operator: Person
    session_id: str

    @property
    def companies(self) -> tuple[UUID, UUID]:
        return self.acme.uta.company_id, self.operator.company_id

    def path(self, route: Route) -> str:
        """On uta, in Acme."""
        uta = self.acme.uta
        ids = {"company_id": uta.company_id, "user_id": uta.user_id, "session_id": self.session_id}
        ids |= {"role_id": "administrator", "client_id": NOBODY}
        parts = [part[1:-1] if part.startswith("{") else "" for part in route.path.split("/")]
        return "/".join(
            str(ids.get(name, NOBODY)) if name else part
            for name, part in zip(parts, route.path.split("/"), strict=True)
        )

    def whose(self, route: Route) -> tuple[Visitor, Person]:
        return (self.olga, self.operator) if route.path.startswith("/companies") else (self.anna, self.acme.anna)

    def typed(self, route: Route, person: Person) -> dict[str, str]:
        """Something good for each field of the form; what may be left out, and is unknown here, is."""
        known = {**_TYPED, **_SECRETS, **self._of(person)}
        fields = route.form.model_fields.items()
        return {
            name: known[name] if name in known else _some(field)
            for name, field in fields
            if name in known or field.is_required()
        }

    def _of(self, person: Person) -> dict[str, str]:
        user_id = str(self.acme.uta.user_id)
        return {
            "code": self.acme.service.code(person),
            "recovery_code": person.recovery_codes[0],
            "user_id": user_id,
            "user_ids": user_id,
            "scopes": "users.read",
        }

    async def log(self) -> list[list[str]]:
        """What happened in both companies."""
        return [await self.acme.service.event_types(company) for company in self.companies]


def _some(field: Any) -> str:
    """The first of those that may be chosen."""
    return next((one for one in get_args(field.annotation) if isinstance(one, str)), "x")


@pytest_asyncio.fixture
async def walk(acme: Acme, signed_in: SignedIn) -> Walk:
    service = acme.service
    provider = await service.company("Nordlicht Telekom", provider=True)
    olga = await service.person(provider, "olga.operator", "operator", on=True)
    await service.fresh_sign_in(acme.uta)
    sessions = (await service.call("GET", "/v1/me/sessions", await service.fresh_sign_in(acme.uta))).json
    made = Walk(acme, await signed_in(acme.anna), await signed_in(olga), olga, str(uuid4()))
    made.session_id = str(sessions["items"][0]["id"])
    return made


async def at_stage(walk: Walk, visitor: Visitor, stage: Stage) -> Person:
    """Somebody in the middle of a sign-in, at that stage, in this browser."""
    service, company = walk.acme.service, walk.acme.uta.company_id
    person = await service.person(company, f"{stage.value}.user", on=stage is Stage.CODE)
    if stage is Stage.ENROLMENT:
        admin = await service.fresh_sign_in(walk.acme.anna)
        path = f"/v1/users/{person.user_id}/two-factor/enable"
        assert (await service.call("POST", path, admin, REASON)).status == 200
    if stage is Stage.PASSWORD:
        await service.parts.console.change_policy(company, Policy(password_max_age_days=1))
        service.clock.advance(days=2)
    page = await visitor.get("/sign-in")
    answer = await visitor.fill(page, "/sign-in", login=person.login, password=person.password)
    assert answer.status in (200, 303), answer.text
    return person


def of_a_stage(stage: Stage) -> list[Route]:
    """Acts of a sign-in in progress that are served there."""
    return [route for route in ACTS if route.allow is Allow.SIGN_IN and (not route.stages or stage in route.stages)]
