"""Every page of a company and of the provider, one after the other: for those who judge all of them."""

from collections.abc import AsyncIterator
from uuid import UUID

from events.company.policy import Policy
from events.company.scopes import Scope
from tests.browser.tour import Tour
from tests.support.scene import HELPDESK, make_client, make_role
from tests.workers.support import Worker
from workers.projector import Projector

_USER_PAGES = (
    *("settings", "security", "sessions", "activity", "password", "deactivate", "erase", "enable", "disable", "reset"),
    *("unlock", "break-glass", "exception", "networks", "sessions/end"),
)


async def pages_of_a_company(tour: Tour) -> AsyncIterator[str]:
    """As an administrator's; the name of each page, while it is open."""
    user = tour.reader.person
    await _sign_in(tour, "administrator")
    for path in ("/", "/users", "/users?q=nobody", "/users/add", "/policy", "/policy/history", "/audit"):
        await tour.open(path)
        yield f"administrator: {path}"
    await tour.service.parts.console.change_policy(user.company_id, Policy(grace_days=3, order_hours=48))
    await tour.open("/policy/history")
    yield "administrator: /policy/history, changed"
    await make_role(tour.service, user.company_id, "helpdesk", HELPDESK)
    for path in ("/roles", "/roles/add", "/roles/user", "/roles/helpdesk", "/roles/helpdesk/delete"):
        await tour.open(path)
        yield f"administrator: {path}"
    await tour.open("/roles/add")
    await tour.send(name="Help Desk")
    yield "administrator: /roles/add, refused"
    await tour.open("/integrations")
    yield "administrator: /integrations, none"
    client = await make_client(tour.service, user.company_id, Scope.USERS_READ, Scope.AUDIT_READ)
    for path in ("", "/add", f"/{client.id}/rotate", f"/{client.id}/revoke"):
        await tour.open(f"/integrations{path}")
        yield f"administrator: /integrations{path.replace(str(client.id), '…')}"
    await tour.open("/integrations/add")
    await tour.send(name="x")
    yield "administrator: /integrations/add, refused"
    await tour.open(f"/integrations/{client.id}/rotate")
    await tour.send()
    yield "administrator: API client's token"
    for path in _USER_PAGES:
        await tour.open(f"/users/{user.user_id}/{path}")
        yield f"administrator: /users/…/{path}"
    await tour.open(f"/users/{tour.admin.user_id}/security")
    yield "administrator: /users/…/security, the own"
    await tour.open("/reports")
    yield "administrator: /reports"
    await tour.send(first="2026-01-01")
    yield "administrator: /reports, refused"
    await tour.send(first="")
    yield "administrator: /reports/…, being built"
    await Worker(tour.service.parts, tour.service.parts.settings.data_dir).build()
    await tour.page.reload()
    yield "administrator: /reports/…, ready"
    await tour.open("/policy")
    await tour.page.select_option("#requirement", "required")
    await tour.send()
    yield "administrator: /policy, tried"
    await tour.send(networks="192.0.2.1/24")
    yield "administrator: /policy, refused"
    await tour.open("/audit")
    await tour.page.locator(".happenings summary").first.click()
    yield "administrator: /audit, details"
    await tour.open("/users")
    for box in await tour.page.locator("[name=user_id]").all():
        await box.check()
    async with tour.page.expect_navigation():
        await tour.page.locator("button[value=enable]").click()
    yield "administrator: several users"
    await tour.send(reason="<b>all of them</b>")
    yield "administrator: several users, done"
    await tour.open(f"/users/{user.user_id}/break-glass")
    await tour.send(reason="phone at home")
    yield "administrator: break-glass code"


async def pages_of_the_provider(tour: Tour) -> AsyncIterator[str]:
    company = tour.reader.person.company_id
    await _sign_in(tour, "operator")
    for path in ("/companies", "/companies/add", *_elsewhere(company, tour.reader.person.user_id)):
        await tour.open(path)
        name = path.replace(str(company), "…").replace(str(tour.reader.person.user_id), "…")
        yield f"provider: {name}"


def _elsewhere(company: UUID, user: UUID) -> list[str]:
    rest = (
        "/reports",
        "",
        "/users",
        "/roles",
        "/roles/user",
        "/policy",
        "/audit",
        "/suspend",
        f"/users/{user}/security",
        f"/users/{user}/reset",
    )
    return [f"/companies/{company}{one}" for one in rest]


async def _sign_in(tour: Tour, role: str) -> None:
    """Somebody of that role, in the language of the walk, so that the next act asks for no code."""
    service, reader = tour.service, tour.reader
    language = (await service.parts.store.user(reader.person.company_id, reader.person.user_id)).state.language  # type: ignore[union-attr]
    provider = await service.company("Nordlicht Telekom", provider=True) if role == "operator" else None
    person = await service.person(provider or reader.person.company_id, f"some.{role}", role, on=True)
    await service.call("PATCH", "/v1/me", await service.sign_in(person), {"language": language})
    await Projector(service.parts.pool, service.parts.wrapper).project()
    service.clock.advance(seconds=60)
    await tour.open("/sign-in")
    await tour.send(login=person.login, password=person.password)
    await tour.send(code=service.code(person))
