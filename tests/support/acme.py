"""Acme GmbH in the browser: its people signed in, and acts through the pages in front of them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import pytest_asyncio

from tests.support.service import Person, Service
from tests.support.visitor import Shown, Visitor, visitor_of

XSS: Final = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"

SignedIn = Callable[..., Awaitable[Visitor]]


@dataclass
class Acme:
    """A company with an administrator, who has a factor, and a user."""

    service: Service
    anna: Person
    uta: Person

    def path(self, rest: str, person: Person | None = None) -> str:
        return f"/users/{(person or self.uta).user_id}/{rest}"


@pytest_asyncio.fixture
async def acme(service: Service) -> Acme:
    company = await service.company()
    anna = await service.person(company, "anna.admin", "administrator", on=True)
    uta = await service.person(company, "uta.user", on=True, email="uta@acme.example")
    return Acme(service, anna, uta)


@pytest_asyncio.fixture
async def signed_in(service: Service) -> AsyncIterator[SignedIn]:
    """Browsers of people who signed in so long ago that acts on others ask for a code."""
    made: list[Visitor] = []

    async def make(person: Person) -> Visitor:
        visitor = visitor_of(service)
        made.append(visitor)
        await visitor.sign_in(person)
        service.clock.advance(minutes=6)
        return visitor

    yield make
    for visitor in made:
        await visitor.http.close()


async def act(visitor: Visitor, path: str, **typed: str) -> Shown:
    """Through the page that asks, and the step-up if one is asked for."""
    page = await visitor.get(path)
    assert page.status == 200, page.text
    return await visitor.fill(page, path, **typed)


async def proven(visitor: Visitor, asked: Shown, path: str, person: Person) -> Shown:
    """After the question whether it is really that person."""
    assert (asked.status, 'name="step_up"' in asked.text) == (401, True), asked.text
    return await visitor.fill(asked, path, code=visitor.service.code(person))
