"""A provider takes in a customer: company, administrator, policy, a program, a lost phone, a suspension."""

from typing import Any, Final
from uuid import UUID

from tests.support.service import PASSWORD, Person, Reply, Service

WHY: Final = {"reason": "contract 4711"}


async def answered(service: Service, method: str, path: str, token: str | None, json: Any = None) -> Any:
    reply: Reply = await service.call(method, path, token, json)
    assert reply.status < 300, (method, path, reply)
    return reply.json


async def enrol_at_sign_in(service: Service, person: Person) -> str:
    """The way of somebody of whom a factor is demanded; the session's token."""
    started = await service.start(person)
    assert started.json["status"] == "enrolment_required", started
    token = started.json["token"]
    shown = await answered(service, "POST", "/v1/sign-ins/current/enrolment", token)
    person.key = shown["key"]
    confirmed = await answered(
        service, "POST", "/v1/sign-ins/current/enrolment/confirmation", token, {"code": service.code(person)}
    )
    person.recovery_codes = confirmed["recovery_codes"]
    service.clock.advance(seconds=60)
    return str(confirmed["token"])


async def test_a_provider_takes_in_a_customer(service: Service) -> None:
    provider = await service.company("Anbieter", provider=True)
    otto = await service.person(provider, "otto", "operator", on=True)
    operator = await service.fresh_sign_in(otto)

    # A company and its first administrator, who is asked for a second factor from the first sign-in on.
    company = await answered(service, "POST", "/v1/companies", operator, {"name": "Gamma KG"})
    place = f"/v1/companies/{company['id']}"
    made = await answered(
        service, "POST", f"{place}/users", operator, {"login": "gerda", "role": "administrator", **WHY}
    )
    gerda = Person("gerda", UUID(made["id"]), UUID(company["id"]), made["generated_password"])
    await answered(service, "POST", f"{place}/users/{gerda.user_id}/two-factor/enable", operator, WHY)
    admin = await enrol_at_sign_in(service, gerda)

    # She makes a user and a program, looks at what a policy would do, and sets it.
    gustav = Person("gustav", UUID(int=0), gerda.company_id, PASSWORD)
    user = await answered(
        service, "POST", "/v1/users", admin, {"login": "gustav", "password": PASSWORD, "role": "user"}
    )
    gustav.user_id = UUID(user["id"])
    client = await answered(
        service, "POST", "/v1/api-clients", admin, {"name": "portal", "scopes": ["sign_ins.write", "two_factor.write"]}
    )
    wanted = {"requirement": "required", "grace_days": 7}
    assert (await answered(service, "POST", "/v1/policy/dry-run", admin, wanted))["forced_now"] == []
    dry = await answered(service, "POST", "/v1/policy/dry-run", admin, {"requirement": "required"})
    assert dry == {
        "forced_now": [user["id"]],
        "locked_out": [],
        "caller_forced": False,
        "caller_locked_out": False,
    }
    await answered(service, "PUT", "/v1/policy", admin, wanted)

    # Seven days of grace, then nobody comes in without.
    factor = await answered(service, "GET", f"/v1/users/{gustav.user_id}/two-factor", admin)
    assert (factor["state"], factor["required_by"], factor["next_sign_in"]) == ("off", "company", "password")
    assert (await service.start(gustav)).json["status"] == "signed_in"
    service.clock.advance(days=7, seconds=1)
    session = await enrol_at_sign_in(service, gustav)

    # The phone is lost: the program helps, then the provider's break-glass code the administrator.
    reset = await service.call("POST", f"/v1/users/{gustav.user_id}/two-factor/reset", client["token"], WHY)
    assert reset.status == 200, reset
    assert (await service.call("GET", "/v1/me", session)).status == 401
    operator = await service.fresh_sign_in(otto)
    code = await answered(service, "POST", f"{place}/users/{gerda.user_id}/two-factor/break-glass", operator, WHY)
    pending = await service.pending(gerda)
    given = await answered(
        service,
        "POST",
        "/v1/sign-ins/current/recovery-code",
        pending,
        {"recovery_code": code["break_glass_code"].lower()},
    )
    assert given["status"] == "enrolment_required"
    shown = await answered(service, "POST", "/v1/sign-ins/current/enrolment", given["token"])
    gerda.key = shown["key"]
    confirmed = await answered(
        service, "POST", "/v1/sign-ins/current/enrolment/confirmation", given["token"], {"code": service.code(gerda)}
    )

    # Suspended, everything of theirs is over; resumed, they come in again.
    await answered(service, "POST", f"{place}/suspend", operator, WHY)
    for token in (confirmed["token"], client["token"]):
        assert (await service.call("GET", "/v1/users", token)).status == 401
    assert (await service.start(gerda)).code == "invalid_credentials"
    await answered(service, "POST", f"{place}/resume", operator, WHY)
    assert (await service.call("GET", "/v1/me", confirmed["token"])).status == 401
    assert await service.fresh_sign_in(gerda)

    types = await service.event_types(gerda.company_id)
    assert {"CompanyCreated", "PolicyChanged", "ApiClientCreated", "BreakGlassCodeUsed", "CompanySuspended"} <= set(
        types
    )
    provider_acts = [e for e in await service.events(gerda.company_id) if e["actor"]["kind"] == "provider"]
    assert {e["type"] for e in provider_acts} >= {"UserCreated", "TwoFactorOrdered", "CompanyResumed"}
