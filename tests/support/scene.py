"""Two companies and the provider, with one person of every kind, for tests about who may do what."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import pytest_asyncio

from tests.support.service import Person, Reply, Service

REASON: Final = {"reason": "lost the phone"}

# name: (company, role, is the factor on)
PEOPLE: Final[dict[str, tuple[str, str, bool]]] = {
    "udo": ("acme", "user", True),
    "ute": ("acme", "user", False),
    "axel": ("acme", "auditor", True),
    "sven": ("acme", "security_officer", True),
    "anna": ("acme", "administrator", True),
    "arno": ("acme", "administrator", True),
    "bea": ("beta", "administrator", True),
    "ben": ("beta", "user", True),
    "otto": ("provider", "operator", True),
    "olga": ("provider", "operator", True),
}


@dataclass
class Scene:
    """Everybody by a short name."""

    service: Service
    companies: dict[str, UUID]
    people: dict[str, Person]

    def __getitem__(self, name: str) -> Person:
        return self.people[name]

    def path(self, name: str, rest: str = "") -> str:
        """`/v1/users/{id}…` of that person."""
        return f"/v1/users/{self[name].user_id}{rest}"

    async def fresh(self, name: str) -> str:
        """A new session of that person, fresh, with no spent code around."""
        return await self.service.fresh_sign_in(self[name])

    async def act(self, token: str, name: str, act: str, body: dict[str, Any] | None = None, **rest: Any) -> Reply:
        """One act on that person's second factor."""
        path = self.path(name, f"/two-factor/{act}")
        return await self.service.call("POST", path, token, body or REASON, **rest)

    async def state(self, name: str) -> dict[str, Any]:
        """The person's folded state as it is stored, with its version."""
        person = self[name]
        found = await self.service.parts.store.user(person.company_id, person.user_id)
        assert found is not None
        return {"version": found.version, "state": found.state}


async def scene_of(service: Service, *names: str) -> Scene:
    """The three companies with these people, or with all."""
    companies = {
        "acme": await service.company("Acme GmbH"),
        "beta": await service.company("Beta AG"),
        "provider": await service.company("Anbieter", provider=True),
    }
    people = {}
    for name in names or PEOPLE:
        company, role, on = PEOPLE[name]
        login, email = f"{name}.{company}", f"{name}@{company}.example"
        people[name] = await service.person(companies[company], login, role, email=email)
        if on:
            await service.enrol(people[name])
    return Scene(service, companies, people)


@pytest_asyncio.fixture
async def scene(service: Service) -> Scene:
    """All of them: about a second."""
    return await scene_of(service)
