"""A company's own roles: made within the own rights, in force at once everywhere, never pulled from under anybody."""

import asyncio
from collections import Counter
from typing import Any, Final

import pytest

from events.company.roles import BUILT_IN, MOST_OWN_ROLES, Right
from tests.support.answers import anonymous
from tests.support.raw_http import header
from tests.support.scene import REASON, Scene, scene_of
from tests.support.service import PASSWORD, Another, Reply, Service
from tests.support.sizes import sized
from tests.support.soundness import unsound
from tests.workers.support import Worker
from workers.projector import Projector

ROLES: Final = "/v1/roles"
NOTHING: Final = {right.value: "none" for right in Right}
# May manage roles, and sees neither the trail nor reports.
MANAGER: Final = {"users": "full", "policy": "full", "two_factor_others": "full", "own_security": "full"}
HELPDESK: Final = {"users": "view", "two_factor_others": "full", "own_security": "full"}


async def made(service: Service, token: str, name: str, rights: dict[str, str], **rest: Any) -> Reply:
    return await service.call("POST", ROLES, token, {"name": name, "rights": rights}, **rest)


async def changed(service: Service, token: str, name: str, rights: dict[str, str], **rest: Any) -> Reply:
    body = {"rights": rights, **rest.pop("body", {})}
    return await service.call("PATCH", f"{ROLES}/{name}", token, body, **rest)


async def deleted(service: Service, token: str, name: str, **rest: Any) -> Reply:
    return await service.call("DELETE", f"{ROLES}/{name}", token, **rest)


async def roles_of(service: Service, token: str) -> dict[str, dict[str, str]]:
    """Those that the company's users may have: name -> rights."""
    listed = await service.call("GET", ROLES, token)
    assert listed.status == 200, listed
    return {role["id"]: role["rights"] for role in listed.json["items"]}


async def facts(scene: Scene, *kinds: str) -> list[dict[str, Any]]:
    return [event for event in await scene.service.events(scene.companies["acme"]) if event["type"] in kinds]


async def with_role(scene: Scene, name: str, rights: dict[str, str], *holders: str) -> None:
    """The role, and the people who are given it."""
    anna = await scene.fresh("anna")
    assert (await made(scene.service, anna, name, rights)).status == 201
    for holder in holders:
        given = await scene.service.call("PATCH", scene.path(holder), anna, {"role": name})
        assert given.status == 200, given


# Making.


async def test_a_role_is_made_with_the_rights_that_are_named(service: Service) -> None:
    scene = await scene_of(service, "anna", "otto", "bea")
    anna = await scene.fresh("anna")
    done = await made(service, anna, "helpers", {"users": "view", "two_factor_others": "full"})
    assert done.status == 201
    rights = {**NOTHING, "users": "view", "two_factor_others": "full"}
    assert done.json == {"id": "helpers", "name": "helpers", "built_in": False, "rights": rights}
    assert (await roles_of(service, anna))["helpers"] == rights
    # It is nobody else's.
    for name in ("bea", "otto"):
        assert "helpers" not in await roles_of(service, await scene.fresh(name))
    new = {"login": "new.beta", "role": "helpers"}
    assert (await service.call("POST", "/v1/users", await scene.fresh("bea"), new)).status == 422


async def test_built_in_roles_are_those_of_the_specification(service: Service) -> None:
    scene = await scene_of(service, "anna", "otto")
    listed = (await service.call("GET", ROLES, await scene.fresh("anna"))).json["items"]
    company = {"administrator", "security_officer", "auditor", "user"}
    assert {role["name"] for role in listed if role["built_in"]} == company
    assert set(await roles_of(service, await scene.fresh("otto"))) >= company | {"operator", "provider_auditor"}


WRONG: Final[list[dict[str, Any]]] = [
    {},
    {"name": "helpers"},
    {"rights": {}},
    {"name": None, "rights": {}},
    {"name": "", "rights": {}},
    {"name": "Helpers", "rights": {}},
    {"name": "help desk", "rights": {}},
    {"name": "hélpers", "rights": {}},
    {"name": "1st", "rights": {}},
    {"name": "_x", "rights": {}},
    {"name": "x" * 65, "rights": {}},
    {"name": "helpers\n", "rights": {}},
    {"name": "helpers", "rights": None},
    {"name": "helpers", "rights": []},
    {"name": "helpers", "rights": {"users": "some"}},
    {"name": "helpers", "rights": {"users": 2}},
    {"name": "helpers", "rights": {"users": None}},
    {"name": "helpers", "rights": {"Users": "view"}},
    {"name": "helpers", "rights": {"telephony": "view"}},
    {"name": "helpers", "rights": {}, "built_in": True},
    {"name": "helpers", "rights": {}, "company_id": "x"},
    {"name": "helpers", "rights": {}, "confirm": True},
]


async def test_what_has_not_the_form_of_a_role_is_refused(service: Service) -> None:
    scene = await scene_of(service, "anna")
    anna = await scene.fresh("anna")
    taken = [body for body in WRONG if (await service.call("POST", ROLES, anna, body)).status != 422]
    assert taken == []
    assert await facts(scene, "RoleCreated") == []


@pytest.mark.parametrize("name", [*BUILT_IN, "helpers"])
async def test_a_name_is_taken_once(service: Service, name: str) -> None:
    """Also one that only the provider uses: a role of a customer never passes for it."""
    scene = await scene_of(service, "anna")
    anna = await scene.fresh("anna")
    assert (await made(service, anna, "helpers", {})).status == 201
    again = await made(service, anna, name, {"users": "view"})
    assert (again.status, again.code) == (409, "conflict")
    assert (await roles_of(service, anna))["helpers"] == NOTHING


async def test_there_are_fifty_at_most(service: Service, another: Another) -> None:
    both = (service, await another())
    scene = await scene_of(service, "anna")
    anna = await scene.fresh("anna")
    names = [f"role_{n}" for n in range(MOST_OWN_ROLES + 6)]
    for name in names[: MOST_OWN_ROLES - 4]:
        assert (await made(service, anna, name, {})).status == 201
    last = await asyncio.gather(
        *(made(both[n % 2], anna, name, {}) for n, name in enumerate(names[MOST_OWN_ROLES - 4 :]))
    )
    assert Counter(answer.status for answer in last) == {201: 4, 409: 6}
    assert len(await roles_of(service, anna)) == 4 + MOST_OWN_ROLES
    assert (await deleted(service, anna, "role_0")).status == 204
    assert (await made(service, anna, "another", {})).status == 201


async def test_a_repeated_call_gets_the_first_answer(service: Service) -> None:
    """S-09."""
    scene = await scene_of(service, "anna")
    anna, headers = await scene.fresh("anna"), {"Idempotency-Key": "once"}
    first = await made(service, anna, "helpers", HELPDESK, headers=headers)
    assert anonymous(await made(service, anna, "helpers", HELPDESK, headers=headers)) == anonymous(first)
    assert (await made(service, anna, "helpers", {}, headers=headers)).code == "idempotency_key_reused"
    assert len(await facts(scene, "RoleCreated")) == 1


# Who may, and how far.


async def test_roles_are_managed_with_both_rights_and_a_code(service: Service) -> None:
    scene = await scene_of(service, "anna", "sven", "axel", "udo", "bea")
    assert (await made(service, await scene.fresh("anna"), "helpers", {})).status == 201

    async def statuses(token: str, name: str = "helpers") -> set[int]:
        return {
            (await made(service, token, "others", {})).status,
            (await changed(service, token, name, {"users": "view"})).status,
            (await deleted(service, token, name)).status,
        }

    for name in ("sven", "axel", "udo"):
        assert await statuses(await scene.fresh(name)) == {403}
    adam = await service.person(scene.companies["acme"], "adam.acme", "administrator")
    assert await statuses(await service.sign_in(adam)) == {403}
    anna = await scene.fresh("anna")
    service.clock.advance(minutes=5)
    assert await statuses(anna) == {401}
    # Another company's administrator does not find it.
    bea = await scene.fresh("bea")
    assert (await changed(service, bea, "helpers", {"users": "view"})).status == 404
    assert (await deleted(service, bea, "helpers")).status == 404
    assert (await roles_of(service, await scene.fresh("anna")))["helpers"] == NOTHING
    assert len(await facts(scene, "AccessDenied")) == 12


async def test_no_program_manages_roles(service: Service) -> None:
    """Whatever its scopes are; K-03."""
    scene = await scene_of(service, "anna", "otto")
    scopes = ["users.read", "users.write", "policy.read", "policy.write", "two_factor.write"]
    body = {"name": "hr", "scopes": scopes}
    token = (await service.call("POST", "/v1/api-clients", await scene.fresh("anna"), body)).json["token"]
    assert (await service.call("GET", ROLES, token)).status == 403
    assert (await made(service, token, "others", {})).status == 403
    assert (await changed(service, token, "user", {})).status == 403
    assert (await deleted(service, token, "user")).status == 403


@pytest.mark.parametrize("right", ["companies"])
async def test_nobody_gives_what_they_do_not_have(service: Service, right: str) -> None:
    """S-05: the rights of a provider are no company's to give."""
    scene = await scene_of(service, "anna")
    anna = await scene.fresh("anna")
    for level in ("view", "full"):
        refused = await made(service, anna, "others", {right: level})
        assert (refused.status, refused.code) == (403, "forbidden")
    assert (await made(service, anna, "others", {"audit": "full"})).status == 403  # an administrator views it
    assert (await made(service, anna, "others", {"audit": "view"})).status == 201
    assert (await changed(service, anna, "others", {right: "view"})).status == 403
    assert (await changed(service, anna, "others", {"audit": "full"})).status == 403
    assert (await roles_of(service, anna))["others"] == {**NOTHING, "audit": "view"}


async def test_whoever_manages_roles_reaches_only_those_below(service: Service) -> None:
    """Neither gives more than the own rights, nor takes from a role what they do not have themselves."""
    scene = await scene_of(service, "anna", "arno", "udo")
    await with_role(scene, "manager", MANAGER, "arno")
    anna = await scene.fresh("anna")
    assert (await made(service, anna, "watchers", {"audit": "view", "own_security": "full"})).status == 201
    arno = await scene.fresh("arno")
    assert (await made(service, arno, "others", {"audit": "view"})).status == 403
    assert (await made(service, arno, "others", {"users": "view"})).status == 201
    assert (await changed(service, arno, "others", {"reports": "view"})).status == 403
    assert (await changed(service, arno, "watchers", {"audit": "none"})).status == 403
    assert (await deleted(service, arno, "watchers")).status == 403
    assert (await changed(service, arno, "others", {"users": "none"})).status == 200
    for role, status in (("watchers", 403), ("administrator", 403), ("others", 200), ("manager", 200)):
        given = await service.call("PATCH", scene.path("udo"), arno, {"role": role})
        assert given.status == status, role
        if given.status == 200:
            assert (await service.call("PATCH", scene.path("udo"), anna, {"role": "user"})).status == 200


async def test_a_custom_role_acts_on_those_below_it_only(service: Service) -> None:
    scene = await scene_of(service, "anna", "arno", "sven", "udo", "axel")
    await with_role(scene, "helpers", HELPDESK, "arno")
    arno = await scene.fresh("arno")
    assert (await scene.act(arno, "udo", "unlock")).status == 200
    for name in ("anna", "sven", "axel"):  # an auditor reads what a helper may not
        assert (await scene.act(arno, name, "unlock")).status == 403
    assert (await service.call("PATCH", scene.path("udo"), arno, {"language": "en"})).status == 403
    assert (await service.call("GET", "/v1/users", arno)).status == 200
    for path in ("/v1/policy", "/v1/events", "/v1/api-clients", "/v1/companies"):
        assert (await service.call("GET", path, arno)).status == 403


async def test_own_security_view_sees_and_starts_nothing(service: Service) -> None:
    """But an enrolment that is demanded goes on all the same."""
    scene = await scene_of(service, "anna", "ute", "udo")
    await with_role(scene, "guests", {"own_security": "view"}, "ute", "udo")
    ute, udo = await scene.fresh("ute"), await scene.fresh("udo")
    service.clock.advance(seconds=30)
    assert (await service.call("GET", "/v1/me/two-factor", ute)).status == 200
    password = {"password": scene["ute"].password}
    assert (await service.call("POST", "/v1/me/two-factor/enrolment", ute, password)).code == "forbidden"
    code = {"code": service.code(scene["udo"])}
    for path in ("enrolment", "reset", "disable", "recovery-codes"):
        assert (await service.call("POST", f"/v1/me/two-factor/{path}", udo, code)).code == "forbidden"
    assert (await service.call("POST", "/v1/me/step-up", udo, code)).status == 200
    assert (await scene.act(await scene.fresh("anna"), "ute", "enable")).status == 200
    begun = await service.start(scene["ute"])
    shown = await service.call("POST", "/v1/sign-ins/current/enrolment", begun.json["token"])
    scene["ute"].key = shown.json["key"]
    path = "/v1/sign-ins/current/enrolment/confirmation"
    confirmed = await service.call("POST", path, begun.json["token"], {"code": service.code(scene["ute"])})
    assert confirmed.json["status"] == "signed_in"


# Changing.


async def test_rights_that_are_not_named_stay(service: Service) -> None:
    scene = await scene_of(service, "anna")
    anna = await scene.fresh("anna")
    first = await made(service, anna, "helpers", HELPDESK)
    done = await changed(service, anna, "helpers", {"two_factor_others": "view", "audit": "view"})
    assert done.status == 200
    assert done.json["rights"] == {**NOTHING, **HELPDESK, "two_factor_others": "view", "audit": "view"}
    assert header(done, "ETag") != header(first, "ETag")
    assert (await changed(service, anna, "helpers", {})).json == done.json
    assert len(await facts(scene, "RoleChanged")) == 1


async def test_a_role_that_changed_since_it_was_read_is_not_overwritten(service: Service) -> None:
    scene = await scene_of(service, "anna", "arno")
    anna, arno = await scene.fresh("anna"), await scene.fresh("arno")
    first = await made(service, anna, "helpers", HELPDESK)
    read = {"If-Match": header(first, "ETag") or ""}
    second = await changed(service, arno, "helpers", {"audit": "view"}, headers=read)
    assert second.status == 200
    for stale in (
        await changed(service, anna, "helpers", {"audit": "none"}, headers=read),
        await deleted(service, anna, "helpers", headers=read),
    ):
        assert (stale.status, stale.code) == (412, "precondition_failed")
    newest = {"If-Match": header(second, "ETag") or ""}
    assert (await deleted(service, anna, "helpers", headers=newest)).status == 204


@pytest.mark.parametrize("name", BUILT_IN)
async def test_a_built_in_role_stays_as_it_is(service: Service, name: str) -> None:
    scene = await scene_of(service, "otto")
    otto = await scene.fresh("otto")
    for refused in (await changed(service, otto, name, {"audit": "none"}), await deleted(service, otto, name)):
        assert (refused.status, refused.code) == (409, "conflict")


@pytest.mark.parametrize("name", ["wizard", "operator", "provider_auditor", "Helpers", "a/b", "..", "%00", "x" * 65])
async def test_a_role_that_is_not_there_is_not_there(service: Service, name: str) -> None:
    """For a customer the provider's roles are not either."""
    scene = await scene_of(service, "anna")
    anna = await scene.fresh("anna")
    assert (await changed(service, anna, name, {"users": "view"})).status == 404
    assert (await deleted(service, anna, name)).status == 404


async def test_a_change_holds_at_once_everywhere_and_ends_what_its_users_began(
    service: Service, another: Another
) -> None:
    """S-06."""
    other = await another()
    scene = await scene_of(service, "anna", "arno", "udo", "sven")
    await with_role(scene, "helpers", HELPDESK, "arno", "udo")
    arno, udo, sven, anna = [await scene.fresh(name) for name in ("arno", "udo", "sven", "anna")]
    pending = await service.pending(scene["arno"])
    service.clock.advance(seconds=30)

    assert (await changed(service, anna, "helpers", {"two_factor_others": "none"})).status == 200

    for one in (service, other):
        for token in (arno, udo):
            assert (await one.call("GET", "/v1/me", token)).code == "unauthenticated"
        assert (await one.give(pending, one.code(scene["arno"]))).code == "unauthenticated"
        for token in (sven, anna):
            assert (await one.call("GET", "/v1/me", token)).status == 200
    again = await other.fresh_sign_in(scene["arno"])
    rights = (await other.call("GET", "/v1/me", again)).json["rights"]
    assert (rights["users"], rights["two_factor_others"]) == ("view", "none")
    refused = await other.call("POST", scene.path("udo", "/two-factor/unlock"), again, REASON)
    assert refused.status == 403
    assert await unsound(service) == []


async def test_each_history_is_told_afterwards(service: Service) -> None:
    worker = Worker(service.parts, service.parts.settings.data_dir)
    scene = await scene_of(service, "anna", "arno", "udo")
    await with_role(scene, "helpers", HELPDESK, "arno")
    await scene.fresh("arno")
    udo = await scene.fresh("udo")
    assert (await changed(service, await scene.fresh("anna"), "helpers", {"audit": "view"})).status == 200
    assert await unsound(service) == []
    new = await scene.fresh("arno")
    while await worker.drain():
        pass
    await worker.project()
    ended = await facts(scene, "SessionsEnded")
    assert {event["stream_id"] for event in ended} == {str(scene["arno"].user_id)}
    for token in (new, udo):
        assert (await service.call("GET", "/v1/me", token)).status == 200
    assert await unsound(service) == []


async def test_whoever_changes_the_own_role_stays_signed_in(service: Service, another: Another) -> None:
    """And has the new rights at once; the others of that role have to come again."""
    other = await another()
    scene = await scene_of(service, "anna", "arno", "sven")
    await with_role(scene, "manager", {**MANAGER, "audit": "view"}, "arno", "sven")
    arno, elsewhere, sven = await scene.fresh("arno"), await scene.fresh("arno"), await scene.fresh("sven")
    assert (await changed(service, elsewhere, "manager", {"audit": "none"})).status == 200
    assert (await other.call("GET", "/v1/me", elsewhere)).json["rights"]["audit"] == "none"
    assert (await other.call("GET", "/v1/events", elsewhere)).status == 403
    for token in (arno, sven):
        assert (await other.call("GET", "/v1/me", token)).status == 401
    assert await unsound(service) == []


async def test_whoever_takes_roles_from_oneself_is_asked_first(service: Service) -> None:
    """Defect 9: told, and asked."""
    scene = await scene_of(service, "anna", "arno")
    await with_role(scene, "manager", MANAGER, "arno")
    for lost in ({"users": "view"}, {"policy": "none"}):
        arno = await scene.fresh("arno")
        asked = await changed(service, arno, "manager", lost)
        assert (asked.status, asked.code) == (409, "confirmation_required")
        unsure = await changed(service, arno, "manager", lost, body={"confirm": False})
        assert unsure.code == "confirmation_required"
    assert (await roles_of(service, await scene.fresh("anna")))["manager"] == {**NOTHING, **MANAGER}
    assert await facts(scene, "RoleChanged") == []
    arno = await scene.fresh("arno")
    # What can be taken back is not asked; nor is somebody else's role.
    assert (await changed(service, arno, "manager", {"two_factor_others": "view"})).status == 200
    assert (await changed(service, arno, "manager", {"policy": "none"}, body={"confirm": True})).status == 200
    assert (await service.call("GET", "/v1/me", arno)).status == 200
    assert (await changed(service, arno, "manager", {"policy": "full"})).status == 403
    assert (await changed(service, await scene.fresh("anna"), "manager", {"users": "none"})).status == 200


async def test_of_two_changes_at_once_both_hold(service: Service, another: Another) -> None:
    """Each names one right; neither takes back what the other gave."""
    both = (service, await another())
    scene = await scene_of(service, "anna", "arno")
    await with_role(scene, "helpers", {})
    names = [right.value for right in Right if right not in (Right.COMPANIES, Right.AUDIT)]
    lost = []
    for _ in range(sized(6, 60)):
        tokens = [await scene.fresh(name) for name in ("anna", "arno")]
        empty = await changed(service, tokens[1], "helpers", dict.fromkeys(names, "none"))
        assert empty.status == 200
        answers = await asyncio.gather(
            *(changed(both[n % 2], tokens[n % 2], "helpers", {name: "view"}) for n, name in enumerate(names))
        )
        assert {answer.status for answer in answers} == {200}
        rights = (await roles_of(service, tokens[1]))["helpers"]
        lost += [name for name in names if rights[name] != "view"]
    assert lost == []


# Deleting.


async def test_a_role_that_somebody_has_is_not_deleted(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute", "udo")
    await with_role(scene, "helpers", HELPDESK, "ute")
    anna = await scene.fresh("anna")
    for act in (None, "deactivate"):
        if act is not None:
            assert (await service.call("POST", scene.path("ute", f"/{act}"), anna, REASON)).status == 200
        refused = await deleted(service, anna, "helpers")
        assert (refused.status, refused.code) == (409, "conflict")
    assert (await service.call("DELETE", scene.path("ute"), anna)).status == 204
    assert (await deleted(service, anna, "helpers")).status == 204
    assert "helpers" not in await roles_of(service, anna)
    assert (await deleted(service, anna, "helpers")).status == 404
    for body in ({"role": "helpers"}, {"role": "wizard"}):
        assert (await service.call("PATCH", scene.path("udo"), anna, body)).status == 422
        assert (await service.call("POST", "/v1/users", anna, {"login": "new", **body})).status == 422


async def test_a_role_that_the_policy_names_is_not_deleted(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    await with_role(scene, "helpers", HELPDESK)
    anna = await scene.fresh("anna")
    policy = {"requirement": "required_for_roles", "roles": ["helpers"]}
    assert (await service.call("PUT", "/v1/policy", anna, policy)).status == 200
    assert (await deleted(service, anna, "helpers")).code == "conflict"
    # And it demands what it says.
    assert (await service.call("PATCH", scene.path("ute"), anna, {"role": "helpers"})).status == 200
    begun = await service.start(scene["ute"])
    assert begun.json["status"] == "enrolment_required"
    listed = await service.call("GET", "/v1/users?role=helpers&two_factor=enrolment_required", anna)
    assert [user["login"] for user in listed.json["items"]] == [scene["ute"].login]
    assert (await service.call("PATCH", scene.path("ute"), anna, {"role": "user"})).status == 200
    assert (await service.call("PUT", "/v1/policy", anna, {"requirement": "optional"})).status == 200
    assert (await deleted(service, anna, "helpers")).status == 204
    assert (await service.call("PUT", "/v1/policy", anna, policy)).status == 422


async def test_a_refused_deletion_can_be_repeated_with_its_key(service: Service) -> None:
    """A refusal that recorded nothing is not kept."""
    scene = await scene_of(service, "anna", "ute")
    await with_role(scene, "helpers", HELPDESK, "ute")
    anna, headers = await scene.fresh("anna"), {"Idempotency-Key": "once"}
    assert (await deleted(service, anna, "helpers", headers=headers)).status == 409
    assert (await service.call("PATCH", scene.path("ute"), anna, {"role": "user"})).status == 200
    assert (await deleted(service, anna, "helpers", headers=headers)).status == 204
    assert (await deleted(service, anna, "helpers", headers=headers)).status == 204
    assert len(await facts(scene, "RoleDeleted")) == 1


@pytest.mark.parametrize("rival", ["create", "give", "policy"])
async def test_a_role_is_never_pulled_from_under_somebody_who_gets_it_just_now(
    service: Service, another: Another, rival: str
) -> None:
    """Either it is gone and was not given, or it was given and stays."""
    both = (service, await another())
    scene = await scene_of(service, "anna", "arno", "ute")
    outcomes: Counter[tuple[int, int]] = Counter()
    for n in range(sized(10, 150)):
        name = f"role_{n}"
        anna, arno = await scene.fresh("anna"), await scene.fresh("arno")
        assert (await made(service, anna, name, {"own_security": "full"})).status == 201
        calls = {
            "create": ("POST", "/v1/users", {"login": f"new{n}", "password": PASSWORD, "role": name}),
            "give": ("PATCH", scene.path("ute"), {"role": name}),
            "policy": ("PUT", "/v1/policy", {"requirement": "required_for_roles", "roles": [name]}),
        }
        method, path, body = calls[rival]
        gone, given = await asyncio.gather(
            deleted(both[n % 2], anna, name), both[(n + 1) % 2].call(method, path, arno, body)
        )
        outcomes[gone.status, given.status] += 1
        exists = name in await roles_of(service, arno)
        assert exists is (gone.status == 409)
        assert (given.status in (200, 201)) is exists, (gone.status, given.status)
        users = (await service.call("GET", "/v1/users?limit=200", arno)).json["items"]
        policy = (await service.call("GET", "/v1/policy", arno)).json
        known = await roles_of(service, arno)
        assert {user["role"] for user in users} <= set(known)
        assert set(policy["roles"]) <= set(known)
        await service.call("PUT", "/v1/policy", arno, {"requirement": "optional"})
        await service.call("PATCH", scene.path("ute"), arno, {"role": "user"})
        if given.status == 201:
            await service.call("DELETE", f"/v1/users/{given.json['id']}", arno)
        assert (await deleted(service, arno, name)).status in (204, 404)
    assert set(outcomes) <= {(204, 422), (409, 200), (409, 201)}
    assert await unsound(service) == []


async def test_no_act_stands_behind_the_loss_of_the_right_to_it(service: Service, another: Another) -> None:
    """S-05: by a change of the role, as by a change of the user."""
    other = await another()
    scene = await scene_of(service, "anna", "arno", "udo")
    await with_role(scene, "helpers", HELPDESK, "arno")
    for n in range(sized(5, 60)):
        arno, anna = await scene.fresh("arno"), await scene.fresh("anna")
        acts = [
            (service, other)[m % 2].call("POST", scene.path("udo", "/two-factor/disable"), arno, REASON)
            for m in range(2)
        ]
        acts += [other.call("POST", scene.path("udo", "/two-factor/enable"), arno, REASON) for _ in range(2)]
        taken = changed(service, anna, "helpers", {"two_factor_others": "none"})
        await asyncio.gather(*acts[:2], taken, *acts[2:])
        lost_at = max(event["position"] for event in await facts(scene, "RoleChanged"))
        by_arno = [
            event["position"]
            for event in await service.events(scene.companies["acme"])
            if event["actor"]["id"] == str(scene["arno"].user_id) and event["stream_id"] == str(scene["udo"].user_id)
        ]
        assert max(by_arno, default=0) < lost_at, n
        assert (await changed(service, anna, "helpers", {"two_factor_others": "full"})).status == 200


# On record.


async def test_what_was_made_changed_and_deleted_is_on_record(service: Service) -> None:
    scene = await scene_of(service, "anna")
    anna = await scene.fresh("anna")
    assert (await made(service, anna, "helpers", HELPDESK)).status == 201
    assert (await changed(service, anna, "helpers", {"audit": "view"})).status == 200
    assert (await deleted(service, anna, "helpers")).status == 204
    await Projector(service.parts.pool, service.parts.wrapper).project()
    trail = (await service.call("GET", "/v1/events?limit=200", anna)).json["items"]
    acts = [item for item in trail if item["type"].startswith("Role")]
    assert [item["type"] for item in acts] == ["RoleDeleted", "RoleChanged", "RoleCreated"]
    assert {item["actor"]["id"] for item in acts} == {str(scene["anna"].user_id)}
    assert {item["details"]["name"] for item in acts} == {"helpers"}
    assert acts[1]["details"]["rights"] == {**NOTHING, **HELPDESK, "audit": "view"}
