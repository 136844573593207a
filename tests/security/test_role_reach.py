"""A company's own roles: within the rights of whoever manages them, and in force at the commit."""

import asyncio
from typing import Any, Final

import pytest

from events.company.roles import BUILT_IN
from tests.support.scene import REASON, Scene, make_role, scene_of
from tests.support.service import Another, Person, Reply, Service
from tests.support.sizes import sized

ROLES: Final = "/v1/roles"
CHIEF: Final = {"users": "full", "policy": "full", "two_factor_others": "view", "own_security": "full"}
NOTHING: Final = dict.fromkeys(
    (
        "users",
        "two_factor_others",
        "sessions_others",
        "policy",
        "audit",
        "reports",
        "integrations",
        "companies",
        "own_security",
    ),
    "none",
)


async def chief_of(scene: Scene) -> tuple[Person, str]:
    """Somebody who manages roles and has not every right, with a fresh session."""
    company = scene.companies["acme"]
    await make_role(scene.service, company, "chief", CHIEF)
    carl = await scene.service.person(company, "carl.acme", "chief", on=True)
    return carl, await scene.service.sign_in(carl)


async def post(service: Service, token: str, name: str, **rights: str) -> Reply:
    return await service.call("POST", ROLES, token, {"name": name, "rights": rights})


async def patch(service: Service, token: str, name: str, **rights: str) -> Reply:
    return await service.call("PATCH", f"{ROLES}/{name}", token, {"rights": rights})


async def test_a_role_is_made_listed_changed_given_and_deleted(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("anna")
    made = await post(service, token, "helpdesk", users="view", own_security="full")
    assert made.status == 201
    wanted = {**NOTHING, "users": "view", "own_security": "full"}
    assert made.json == {"id": "helpdesk", "name": "helpdesk", "built_in": False, "rights": wanted}
    listed = {role["id"]: role for role in (await service.call("GET", ROLES, token)).json["items"]}
    assert set(listed) == {"administrator", "security_officer", "auditor", "user", "helpdesk"}
    assert listed["helpdesk"] == made.json
    changed = await patch(service, token, "helpdesk", two_factor_others="full")
    assert changed.json["rights"] == {**wanted, "two_factor_others": "full"}
    given = await service.call("PATCH", scene.path("udo"), token, {"role": "helpdesk"})
    assert given.json["role"] == "helpdesk"
    me = await service.call("GET", "/v1/me", await service.fresh_sign_in(scene["udo"]))
    assert (me.json["role"], me.json["rights"]) == ("helpdesk", {**wanted, "two_factor_others": "full"})

    in_use = await service.call("DELETE", f"{ROLES}/helpdesk", token)
    assert (in_use.status, in_use.code) == (409, "conflict")
    assert (await service.call("PATCH", scene.path("udo"), token, {"role": "user"})).status == 200
    assert (await service.call("DELETE", f"{ROLES}/helpdesk", token)).status == 204
    assert (await service.call("DELETE", f"{ROLES}/helpdesk", token)).status == 404
    types = [name for name in await service.event_types(scene.companies["acme"]) if name.startswith("Role")]
    assert types == ["RoleCreated", "RoleChanged", "RoleDeleted"]


@pytest.mark.parametrize(
    ("right", "level"),
    [("two_factor_others", "full"), ("sessions_others", "view"), ("audit", "view"), ("integrations", "full")],
)
async def test_nobody_gives_or_takes_a_right_above_the_own_ones(service: Service, right: str, level: str) -> None:
    scene = await scene_of(service, "udo")
    company = scene.companies["acme"]
    _, token = await chief_of(scene)
    await make_role(service, company, "strong", {"own_security": "full", right: level})
    assert (await post(service, token, "weak", users="view", own_security="full")).status == 201
    at = len(await service.events(company))

    refused = [
        await post(service, token, "new", **{right: level}),
        await patch(service, token, "weak", **{right: level}),
        await patch(service, token, "strong", users="view"),
        await patch(service, token, "strong", **{right: "none"}),
        await service.call("DELETE", f"{ROLES}/strong", token),
        await service.call("PATCH", scene.path("udo"), token, {"role": "strong"}),
        await service.call("POST", "/v1/users", token, {"login": "new.acme", "role": "strong"}),
    ]

    assert {(answer.status, answer.code) for answer in refused} == {(403, "forbidden")}
    assert (await service.event_types(company))[at:] == ["AccessDenied"] * len(refused)
    assert (await service.call("PATCH", scene.path("udo"), token, {"role": "weak"})).status == 200


@pytest.mark.parametrize("name", [*BUILT_IN, "nobodys", "No Slug", "%2e%2e", "x" * 65])
async def test_what_is_built_in_stays_and_what_is_not_there_is_not_found(service: Service, name: str) -> None:
    scene = await scene_of(service, "anna")
    token = await scene.fresh("anna")
    is_ours = name in BUILT_IN and name not in ("operator", "provider_auditor")
    for answer in (
        await patch(service, token, name, reports="none"),
        await service.call("DELETE", f"{ROLES}/{name}", token),
    ):
        assert (answer.status, answer.code) == ((409, "conflict") if is_ours else (404, "not_found"))
    if name in BUILT_IN:
        made = await post(service, token, name, users="view")
        assert (made.status, made.code) == (409, "conflict")


async def test_a_role_that_the_policy_names_stays(service: Service) -> None:
    scene = await scene_of(service, "anna")
    token = await scene.fresh("anna")
    assert (await post(service, token, "clerk", own_security="full")).status == 201
    policy: dict[str, Any] = {"requirement": "required_for_roles", "roles": ["clerk"]}
    assert (await service.call("PUT", "/v1/policy", token, policy)).status == 200
    refused = await service.call("DELETE", f"{ROLES}/clerk", token)
    assert (refused.status, refused.code) == (409, "conflict")
    gone = await service.call("PUT", "/v1/policy", token, {**policy, "roles": ["nobodys"]})
    assert (gone.status, gone.code) == (422, "validation_failed")


async def test_another_right_is_in_force_at_once_everywhere(service: Service, another: Another) -> None:
    scene = await scene_of(service, "anna", "hedy", "udo")
    other = await another()
    hedy, pending = await scene.fresh("hedy"), await service.pending(scene["hedy"])
    assert (await other.call("GET", scene.path("udo"), hedy)).status == 200
    anna = await scene.fresh("anna")
    assert (await patch(service, anna, "helpdesk", users="none")).status == 200
    assert (await other.call("GET", scene.path("udo"), hedy)).status == 401
    assert (await other.give(pending, service.code(scene["hedy"]))).code == "unauthenticated"
    again = await other.sign_in(scene["hedy"])
    assert (await other.call("GET", scene.path("udo"), again)).code == "forbidden"
    assert (await other.call("GET", "/v1/me", anna)).status == 200


async def test_who_changes_the_own_role_stays_signed_in_here_and_nowhere_else(service: Service) -> None:
    scene = await scene_of(service)
    carl, elsewhere = await chief_of(scene)
    token = await service.fresh_sign_in(carl)
    assert (await patch(service, token, "chief", two_factor_others="none")).status == 200
    assert (await service.call("GET", "/v1/me", token)).json["rights"]["two_factor_others"] == "none"
    assert (await service.call("GET", "/v1/me", elsewhere)).status == 401


async def test_the_same_name_means_something_else_in_another_company(service: Service) -> None:
    scene = await scene_of(service, "hedy", "bea", "ben", "udo")
    bea = await scene.fresh("bea")
    assert (await post(service, bea, "helpdesk", own_security="full")).status == 201
    assert (await service.call("PATCH", scene.path("ben"), bea, {"role": "helpdesk"})).status == 200
    hedy, ben = await scene.fresh("hedy"), await service.sign_in(scene["ben"])
    assert (await service.call("GET", "/v1/users", ben)).code == "forbidden"
    assert (await patch(service, bea, "helpdesk", users="view")).status == 200
    assert (await service.call("GET", "/v1/users", hedy)).status == 200
    assert (await service.call("DELETE", f"{ROLES}/helpdesk", bea)).code == "conflict"


async def test_no_act_stands_in_the_log_behind_the_loss_of_the_roles_right(service: Service, another: Another) -> None:
    scene = await scene_of(service, "anna", "hedy", "ute")
    company, other = scene.companies["acme"], await another()
    for number in range(sized(4, 40)):
        anna = await scene.fresh("anna")
        hedy = await service.sign_in(scene["hedy"])
        path = scene.path("ute", "/two-factor/override")
        acts = [
            process.call("PUT", path, hedy, {"override": kind, **REASON})
            for process, kind in zip((service, other) * 3, ("required", "inherit") * 3, strict=True)
        ]
        loss = patch(other if number % 2 else service, anna, "helpdesk", two_factor_others="none")
        answers = await asyncio.gather(*acts[:3], loss, *acts[3:])
        assert answers[3].status == 200, answers[3]
        assert {answer.status for answer in answers} <= {200, 401, 403}
        events = await service.events(company)
        lost_at = max(event["position"] for event in events if event["type"] == "RoleChanged")
        acted = [
            event["position"]
            for event in events
            if event["actor"]["id"] == str(scene["hedy"].user_id) and event["type"] == "TwoFactorOverridden"
        ]
        assert max(acted, default=0) < lost_at
        assert (await patch(service, anna, "helpdesk", two_factor_others="full")).status == 200


async def test_nobody_ends_up_with_a_role_that_was_deleted_at_the_same_time(service: Service, another: Another) -> None:
    scene = await scene_of(service, "anna", "ute")
    other = await another()
    outcomes = set()
    for number in range(sized(6, 60)):
        token = await scene.fresh("anna")
        assert (await post(service, token, f"clerk{number}", own_security="full")).status == 201
        given, deleted = await asyncio.gather(
            other.call("PATCH", scene.path("ute"), token, {"role": f"clerk{number}"}),
            service.call("DELETE", f"{ROLES}/clerk{number}", token),
        )
        outcomes.add((given.status, deleted.status))
        role = (await service.call("GET", scene.path("ute"), token)).json["role"]
        known = {item["id"] for item in (await service.call("GET", ROLES, token)).json["items"]}
        assert role in known
        assert (await service.call("PATCH", scene.path("ute"), token, {"role": "user"})).status == 200
    assert outcomes <= {(200, 409), (422, 204)}
