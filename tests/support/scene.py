"""Two companies and the provider, with one person of every kind, for tests about who may do what."""

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import pytest_asyncio

from events.company.clients import ClientCommand, ClientState, CreateClient
from events.company.commands import CompanyCommand, CreateRole
from events.company.roles import Right
from events.company.scopes import RIGHT_OF, Scope
from events.company.state import CompanyState
from events.credentials import Credential, CredentialKind
from services.adapters.doorbell import SilentDoorbell
from services.application.context import SYSTEM, Request, Tenant, metadata_of
from services.application.execute import Acting
from services.application.sessions import Tokens
from services.application.streams import CLIENT, COMPANY, Streams, Wanted
from tests.support.service import Person, Reply, Service

REASON: Final = {"reason": "lost the phone"}

# name: (company, role, is the factor on)
PEOPLE: Final[dict[str, tuple[str, str, bool]]] = {
    "udo": ("acme", "user", True),
    "ute": ("acme", "user", False),
    "axel": ("acme", "auditor", True),
    "sven": ("acme", "security_officer", True),
    "hedy": ("acme", "helpdesk", True),
    "anna": ("acme", "administrator", True),
    "arno": ("acme", "administrator", True),
    "bea": ("beta", "administrator", True),
    "ben": ("beta", "user", True),
    "otto": ("provider", "operator", True),
    "olga": ("provider", "operator", True),
    "paula": ("provider", "provider_auditor", True),
}
# A role of Acme's own.
HELPDESK: Final = {"users": "view", "two_factor_others": "full", "own_security": "full"}
# Every scope that an administrator may give.
OF_A_COMPANY: Final = tuple(scope for scope in Scope if RIGHT_OF[scope][0] is not Right.COMPANIES)


@dataclass(frozen=True)
class Program:
    """An API client with its token."""

    id: UUID
    token: str = field(repr=False)


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

    async def client(self, maker: str, *scopes: Scope, session: str | None = None, **rest: Any) -> Program:
        """A new API client of that person's company; `rest` goes into the body."""
        body = {"name": "a program", "scopes": list(scopes), **rest}
        made = await self.service.call("POST", "/v1/api-clients", session or await self.fresh(maker), body)
        assert made.status == 201, made
        return Program(UUID(made.json["id"]), made.json["token"])

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
        if role == "helpdesk":
            await make_role(service, companies[company], role, HELPDESK)
        login, email = f"{name}.{company}", f"{name}@{company}.example"
        people[name] = await service.person(companies[company], login, role, email=email)
        if on:
            await service.enrol(people[name])
    return Scene(service, companies, people)


async def make_role(service: Service, company_id: UUID, name: str, rights: dict[str, str]) -> None:
    """A role of the company's own, from nobody in particular."""
    now = service.clock.now()

    async def form(tenant: Tenant, state: CompanyState) -> Wanted[CompanyCommand]:
        return Wanted(command=CreateRole(now=now, name=name, rights=rights), now=now, acting=_nobody(service))

    await _streams(service).run(COMPANY, company_id, company_id, form)


async def make_client(service: Service, company_id: UUID, *scopes: Scope) -> Program:
    """An API client with these scopes, whoever could give them, from nobody in particular."""
    parts, now = service.parts, service.clock.now()
    client_id, issued = parts.entropy.uuid(), Tokens(parts.entropy).issue(CredentialKind.API_CLIENT, company_id)
    row = Credential(id=issued.id, user_id=client_id, kind=CredentialKind.API_CLIENT, secret=issued.digest)

    async def form(tenant: Tenant, state: ClientState) -> Wanted[ClientCommand]:
        wish = CreateClient(now=now, name="a program", scopes=scopes)
        return Wanted(command=wish, now=now, acting=_nobody(service), credentials=(row,))

    await _streams(service).run(CLIENT, company_id, client_id, form)
    return Program(client_id, issued.token)


def _streams(service: Service) -> Streams:
    return Streams(service.parts.store, service.parts.vault, SilentDoorbell())


def _nobody(service: Service) -> Acting:
    request = Request(id=str(service.parts.entropy.uuid()), arrived_at=service.clock.now())
    return Acting(metadata=metadata_of(request, SYSTEM))


@pytest_asyncio.fixture
async def scene(service: Service) -> Scene:
    """All of them: about a second."""
    return await scene_of(service)
