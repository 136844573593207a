"""The company's policy over HTTP: who sets it, what it demands of whom from when on, and that nobody gets around it."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import pytest

from tests.support.answers import anonymous
from tests.support.raw_http import header
from tests.support.scene import REASON, Scene, scene_of
from tests.support.searching import every_get
from tests.support.service import Another, Person, Reply, Service
from workers.projector import Projector

POLICY: Final = "/v1/policy"
DRY_RUN: Final = "/v1/policy/dry-run"
OPTIONAL: Final[dict[str, Any]] = {
    "requirement": "optional",
    "roles": [],
    "from": None,
    "networks": [],
    "grace_days": 0,
    "order_hours": 72,
    "password_max_age_days": None,
}
REQUIRED: Final = {"requirement": "required"}
WITH_GRACE: Final = {"requirement": "required", "grace_days": 14}
OFFICE: Final = {"requirement": "required_outside_trusted_networks", "networks": ["192.0.2.0/24"]}


async def put(service: Service, token: str, body: dict[str, Any], **rest: Any) -> Reply:
    return await service.call("PUT", POLICY, token, body, **rest)


async def in_force(scene: Scene, body: dict[str, Any], by: str = "anna") -> None:
    """Set by an administrator, who is asked nothing."""
    done = await put(scene.service, await scene.fresh(by), body)
    assert done.status == 200, done


async def factor(scene: Scene, name: str) -> dict[str, Any]:
    """The person's effective state, as an administrator sees it."""
    found = await scene.service.call("GET", scene.path(name, "/two-factor"), await scene.fresh("anna"))
    assert found.status == 200, found
    answer: dict[str, Any] = found.json
    return answer


async def demands(scene: Scene, name: str) -> tuple[str, str | None, str]:
    answer = await factor(scene, name)
    return answer["state"], answer["required_by"], answer["next_sign_in"]


def tag(reply: Reply) -> str:
    return header(reply, "ETag") or "none"


def told(at: datetime) -> str:
    """A time as answers spell it."""
    return at.isoformat().replace("+00:00", "Z")


async def changes(service: Service, company: Any) -> int:
    return (await service.event_types(company)).count("PolicyChanged")


# Setting and reading it.


async def test_it_comes_back_as_it_was_set(service: Service) -> None:
    scene = await scene_of(service, "anna", "sven")
    token = await scene.fresh("anna")
    first = await service.call("GET", POLICY, token)
    assert first.json == OPTIONAL
    body = {
        "requirement": "required_for_roles",
        "roles": ["user", "auditor"],
        "from": "2031-05-06T07:08:09+02:00",
        "networks": ["2001:DB8::/32", "192.0.2.7"],
        "grace_days": 14,
        "order_hours": 24,
        "password_max_age_days": 90,
    }
    done = await put(service, token, body)
    assert done.status == 200
    kept = {**body, "from": "2031-05-06T05:08:09Z", "networks": ["192.0.2.7/32", "2001:db8::/32"]}
    assert done.json == kept
    for reader in ("anna", "sven"):
        again = await service.call("GET", POLICY, await scene.fresh(reader))
        assert (again.json, tag(again)) == (kept, tag(done))
    assert tag(done) != tag(first)


async def test_what_is_not_named_is_as_at_the_beginning(service: Service) -> None:
    scene = await scene_of(service, "anna")
    token = await scene.fresh("anna")
    assert (await put(service, token, {**WITH_GRACE, "order_hours": 1})).status == 200
    assert (await put(service, token, REQUIRED)).json == {**OPTIONAL, **REQUIRED}


async def test_the_same_policy_again_is_no_change(service: Service) -> None:
    scene = await scene_of(service, "anna")
    token = await scene.fresh("anna")
    first, second = await put(service, token, WITH_GRACE), await put(service, token, WITH_GRACE)
    assert (first.json, tag(first)) == (second.json, tag(second))
    assert await changes(service, scene.companies["acme"]) == 1


async def test_a_policy_that_changed_since_it_was_read_is_not_overwritten(service: Service) -> None:
    scene = await scene_of(service, "anna", "arno")
    anna, arno = await scene.fresh("anna"), await scene.fresh("arno")
    read = tag(await service.call("GET", POLICY, anna))
    changed = await put(service, arno, WITH_GRACE, headers={"If-Match": read})
    assert changed.status == 200
    stale = await put(service, anna, REQUIRED, headers={"If-Match": read})
    assert (stale.status, stale.code) == (412, "precondition_failed")
    assert (await service.call("GET", POLICY, anna)).json == {**OPTIONAL, **WITH_GRACE}
    for held in (tag(changed), f'"another", {tag(changed)}', "*"):
        assert (await put(service, anna, WITH_GRACE, headers={"If-Match": held})).status == 200
    assert await changes(service, scene.companies["acme"]) == 1


async def test_of_many_who_read_the_same_policy_one_changes_it(service: Service, another: Another) -> None:
    scene = await scene_of(service, "anna")
    other, token = await another(), await scene.fresh("anna")
    for round_number in range(5):
        read = tag(await service.call("GET", POLICY, token))
        answers = await asyncio.gather(
            *(
                put(
                    (service, other)[n % 2],
                    token,
                    {**REQUIRED, "order_hours": 10 * round_number + n + 1},
                    headers={"If-Match": read},
                )
                for n in range(6)
            )
        )
        assert Counter(answer.status for answer in answers) == {200: 1, 412: 5}
    assert await changes(service, scene.companies["acme"]) == 5


async def test_a_repeated_call_gets_the_first_answer(service: Service) -> None:
    """S-09: byte for byte, also when the policy is another by now."""
    scene = await scene_of(service, "anna")
    token, headers = await scene.fresh("anna"), {"Idempotency-Key": "once"}
    first = await put(service, token, WITH_GRACE, headers=headers)
    assert (await put(service, token, REQUIRED)).status == 200
    again = await put(service, token, WITH_GRACE, headers=headers)
    assert anonymous(again) == anonymous(first)
    assert (await service.call("GET", POLICY, token)).json == {**OPTIONAL, **REQUIRED}
    other = await put(service, token, REQUIRED, headers=headers)
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert await changes(service, scene.companies["acme"]) == 2


async def test_parallel_repetitions_are_one_change(service: Service, another: Another) -> None:
    scene = await scene_of(service, "anna")
    both, token = (service, await another()), await scene.fresh("anna")
    answers = await asyncio.gather(
        *(put(both[n % 2], token, WITH_GRACE, headers={"Idempotency-Key": "once"}) for n in range(8))
    )
    assert {answer.status for answer in answers} == {200}
    assert len({answer.raw for answer in answers}) == 1
    assert await changes(service, scene.companies["acme"]) == 1


WRONG: Final[list[dict[str, Any]]] = [
    {},
    {"requirement": "forbidden"},
    {"requirement": None},
    {"requirement": ["required"]},
    {"requirement": "required_for_roles"},
    {"requirement": "required_for_roles", "roles": []},
    {"requirement": "required_for_roles", "roles": ["wizard"]},
    {"requirement": "required_for_roles", "roles": ["operator"]},
    {"requirement": "required_for_roles", "roles": ["User"]},
    {"requirement": "required_for_roles", "roles": "user"},
    {"requirement": "required_for_roles", "roles": [1]},
    {**REQUIRED, "roles": ["user", "wizard"]},
    {**REQUIRED, "roles": None},
    {**REQUIRED, "grace_days": -1},
    {**REQUIRED, "grace_days": 366},
    {**REQUIRED, "grace_days": 1.5},
    {**REQUIRED, "grace_days": "7"},
    {**REQUIRED, "grace_days": True},
    {**REQUIRED, "grace_days": None},
    {**REQUIRED, "order_hours": 0},
    {**REQUIRED, "order_hours": -72},
    {**REQUIRED, "order_hours": 721},
    {**REQUIRED, "order_hours": "72"},
    {**REQUIRED, "password_max_age_days": 0},
    {**REQUIRED, "password_max_age_days": 4_000},
    {**REQUIRED, "password_max_age_days": "90"},
    {**REQUIRED, "from": "tomorrow"},
    {**REQUIRED, "from": "2031-05-06"},
    {**REQUIRED, "from": "2031-05-06T07:08:09"},
    {**REQUIRED, "from": 1_900_000_000},
    {**REQUIRED, "from_at": None},
    {**OFFICE, "networks": ["192.0.2.1/24"]},
    {**OFFICE, "networks": ["2001:db8::1/64"]},
    {**OFFICE, "networks": ["office"]},
    {**OFFICE, "networks": [""]},
    {**OFFICE, "networks": ["fe80::1%a,b"]},
    {**OFFICE, "networks": ["192.0.2.0/24", 7]},
    {**OFFICE, "networks": "192.0.2.0/24"},
    {**OFFICE, "networks": [f"192.0.{n}.0/24" for n in range(51)]},
    {**REQUIRED, "confirm": "yes"},
    {**REQUIRED, "confirm": 1},
    {**REQUIRED, "reason": ""},
    {**REQUIRED, "reason": "x" * 501},
    {**REQUIRED, "id": str(uuid4())},
    {**REQUIRED, "company_id": str(uuid4())},
    {**REQUIRED, "changed_at": "2031-05-06T07:08:09Z"},
    {**REQUIRED, "suspended": False},
]


async def test_what_has_not_the_form_of_a_policy_is_refused_and_changes_nothing(service: Service) -> None:
    scene = await scene_of(service, "anna")
    token = await scene.fresh("anna")
    before = len(await service.events(scene.companies["acme"]))
    taken = []
    for body in WRONG:
        for method, path in (("PUT", POLICY), ("POST", DRY_RUN)):
            answer = await service.call(method, path, token, body)
            if (answer.status, answer.code) != (422, "validation_failed"):
                taken.append((method, body, answer.status, answer.json))
    assert taken == []
    assert len(await service.events(scene.companies["acme"])) == before
    assert (await service.call("GET", POLICY, token)).json == OPTIONAL


async def test_a_wrong_policy_is_not_echoed(service: Service) -> None:
    scene = await scene_of(service, "anna")
    answer = await put(
        service, await scene.fresh("anna"), {**REQUIRED, "roles": ["zaubererin"], "networks": ["mark-7"]}
    )
    assert (answer.status, b"zaubererin" in answer.raw, b"mark-7" in answer.raw) == (422, False, False)


# Who may.


async def test_a_change_needs_a_code_of_the_last_five_minutes(service: Service) -> None:
    """S-03."""
    scene = await scene_of(service, "anna")
    token = await scene.fresh("anna")
    service.clock.advance(minutes=5)
    stale = await put(service, token, REQUIRED)
    assert (stale.status, stale.code) == (401, "step_up_required")
    assert (await service.call("POST", DRY_RUN, token, REQUIRED)).status == 200
    stepped = await service.call("POST", "/v1/me/step-up", token, {"code": service.code(scene["anna"])})
    assert (await put(service, stepped.json["token"], REQUIRED)).status == 200


async def test_a_change_needs_an_own_factor(service: Service) -> None:
    scene = await scene_of(service, "anna")
    adam = await service.person(scene.companies["acme"], "adam.acme", "administrator")
    token = await service.sign_in(adam)
    refused = await put(service, token, REQUIRED)
    assert (refused.status, refused.code) == (403, "forbidden")
    assert (await service.call("GET", POLICY, token)).json == OPTIONAL
    assert (await service.events(scene.companies["acme"]))[-1]["data"]["act"] == "change_policy"


# Of the company's own policy: read, try, set, history.
MAY: Final = {
    "anna": (200, 200, 200, 200),
    "sven": (200, 200, 403, 200),
    "axel": (403, 403, 403, 403),
    "udo": (403, 403, 403, 403),
    "bea": (200, 200, 200, 200),
    "otto": (200, 200, 200, 200),
}


async def test_only_those_with_the_right_see_or_set_it_and_only_their_own(service: Service) -> None:
    scene = await scene_of(service, *MAY)
    await in_force(scene, {**OPTIONAL, "order_hours": 7})
    for name, expected in MAY.items():
        token = await scene.fresh(name)
        calls = (
            await service.call("GET", POLICY, token),
            await service.call("POST", DRY_RUN, token, OPTIONAL),
            await put(service, token, {**OPTIONAL, "order_hours": 8}),
            await service.call("GET", "/v1/policy/history", token),
        )
        assert tuple(call.status for call in calls) == expected, name
        if expected[0] == 200:
            assert calls[0].json["order_hours"] == {"anna": 7, "sven": 8}.get(name, 72)
            assert len(calls[3].json["items"]) == {"anna": 2, "sven": 2}.get(name, 1)
    for name in ("sven", "axel", "udo"):
        acts = [
            event["data"]["act"]
            for event in await service.events(scene.companies["acme"])
            if event["type"] == "AccessDenied" and event["actor"]["id"] == str(scene[name].user_id)
        ]
        everything = ["read_policy", "try_policy", "change_policy", "list_policy_history"]
        assert acts == (["change_policy"] if name == "sven" else everything)


async def test_nobody_who_is_not_signed_in_sees_or_sets_it(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    pending = await service.pending(scene["anna"])
    await in_force(scene, REQUIRED)
    enrolling = await service.pending(scene["ute"])
    for token, expected in ((None, 401), ("nonsense", 401), (pending, 401), (enrolling, 403)):
        for call in (
            await service.call("GET", POLICY, token),
            await service.call("POST", DRY_RUN, token, OPTIONAL),
            await service.call("PUT", POLICY, token, OPTIONAL),
            await service.call("GET", "/v1/policy/history", token),
        ):
            assert call.status == expected, call
    assert await changes(service, scene.companies["acme"]) == 1


async def test_rights_are_asked_before_the_body_is_read(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    udo, anna = await scene.fresh("udo"), await scene.fresh("anna")
    assert (await put(service, udo, {"nonsense": 1})).status == 403
    service.clock.advance(minutes=5)
    assert (await put(service, anna, {"nonsense": 1})).code == "step_up_required"


async def test_a_program_needs_the_scope_and_no_code(service: Service) -> None:
    scene = await scene_of(service, "anna")
    anna = await scene.fresh("anna")
    tokens = {}
    for scopes in (["policy.read"], ["policy.read", "policy.write"], ["users.write"]):
        made = await service.call("POST", "/v1/api-clients", anna, {"name": "hr", "scopes": scopes})
        tokens[scopes[-1]] = (made.json["token"], made.json["id"])
    service.clock.advance(hours=1)
    reading, writing, other = (tokens[scope] for scope in ("policy.read", "policy.write", "users.write"))
    assert (await service.call("GET", POLICY, reading[0])).status == 200
    assert (await service.call("POST", DRY_RUN, reading[0], REQUIRED)).json["caller_forced"] is False
    assert (await put(service, reading[0], REQUIRED)).code == "forbidden"
    assert (await service.call("GET", POLICY, other[0])).code == "forbidden"
    assert (await put(service, writing[0], REQUIRED)).status == 200
    history = await service.call("GET", "/v1/policy/history", writing[0])
    assert history.json["items"][0]["actor"] == {"kind": "client", "id": writing[1], "label": None}


async def test_the_provider_sets_it_visibly_and_with_a_reason(service: Service) -> None:
    """T-06."""
    scene = await scene_of(service, "anna", "otto", "bea")
    otto, acme = await scene.fresh("otto"), scene.companies["acme"]
    path = f"/v1/companies/{acme}/policy"
    done = await service.call("PUT", path, otto, {**REQUIRED, "reason": "contract of May"})
    assert (done.status, done.json["requirement"]) == (200, "required")
    assert (await service.call("GET", POLICY, await scene.fresh("anna"))).json == done.json
    assert (await service.call("GET", POLICY, await scene.fresh("bea"))).json == OPTIONAL
    assert (await service.call("PUT", path, await scene.fresh("bea"), OPTIONAL)).status == 403
    await Projector(service.parts.pool, service.parts.wrapper).project()
    trail = await service.call("GET", "/v1/events?type=PolicyChanged", await scene.fresh("anna"))
    (event,) = trail.json["items"]
    assert (event["actor"]["kind"], event["actor"]["id"]) == ("provider", str(scene["otto"].user_id))
    assert event["reason"] == "contract of May"


# The dry run.


async def test_a_dry_run_saves_nothing(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute", "udo", "axel")
    token = await scene.fresh("anna")
    before = await service.events(scene.companies["acme"])
    first = await service.call("POST", DRY_RUN, token, REQUIRED)
    second = await service.call("POST", DRY_RUN, token, {**REQUIRED, "confirm": True})
    assert first.json == second.json
    assert first.json == {
        "forced_now": [str(scene["ute"].user_id)],
        "locked_out": [],
        "caller_forced": False,
        "caller_locked_out": False,
    }
    assert await service.events(scene.companies["acme"]) == before
    assert (await service.call("GET", POLICY, token)).json == OPTIONAL
    assert (await service.start(scene["ute"])).json["status"] == "signed_in"


async def test_a_dry_run_says_that_it_is_you(service: Service) -> None:
    scene = await scene_of(service, "ute")
    adam = await service.person(scene.companies["acme"], "adam.acme", "administrator")
    token = await service.sign_in(adam)
    told = await service.call("POST", DRY_RUN, token, REQUIRED)
    assert (told.json["caller_forced"], told.json["caller_locked_out"]) == (True, False)
    assert set(told.json["forced_now"]) == {str(adam.user_id), str(scene["ute"].user_id)}
    spared = await service.call("POST", DRY_RUN, token, {"requirement": "required_for_roles", "roles": ["user"]})
    assert (spared.json["caller_forced"], spared.json["forced_now"]) == (False, [str(scene["ute"].user_id)])


async def test_a_dry_run_says_that_you_would_be_locked_out(service: Service) -> None:
    """The window of an earlier policy went by unused: the same policy again closes the door at once."""
    scene = await scene_of(service, "anna")
    adam = await service.person(scene.companies["acme"], "adam.acme", "administrator")
    await in_force(scene, REQUIRED)
    assert (await service.start(adam)).json["status"] == "enrolment_required"
    await in_force(scene, OPTIONAL)
    service.clock.advance(hours=72)
    token = await service.sign_in(adam)
    told = await service.call("POST", DRY_RUN, token, REQUIRED)
    assert (told.json["caller_forced"], told.json["caller_locked_out"]) == (False, True)
    assert told.json["locked_out"] == [str(adam.user_id)]
    await in_force(scene, REQUIRED)
    assert (await service.start(adam)).code == "contact_administrator"


@pytest.mark.parametrize("body", [REQUIRED, {**OFFICE, "networks": []}, {**REQUIRED, "order_hours": 1}])
async def test_defect_9_no_policy_locks_out_the_administrator_who_sets_it(
    service: Service, body: dict[str, Any]
) -> None:
    """Whoever may set one has a factor that is on, so it can force nothing on them."""
    scene = await scene_of(service, "anna")
    await in_force(scene, body)
    token = await scene.fresh("anna")
    assert (await service.call("GET", "/v1/me/two-factor", token)).json["next_sign_in"] == "code"
    assert (await put(service, token, OPTIONAL)).status == 200


async def test_a_dry_run_tells_of_the_own_company_only(service: Service) -> None:
    """T-03."""
    scene = await scene_of(service, "anna", "ute", "bea", "otto")
    await service.person(scene.companies["beta"], "bert.beta")
    by_bea = await service.call("POST", DRY_RUN, await scene.fresh("bea"), REQUIRED)
    assert len(by_bea.json["forced_now"]) == 1
    path = f"/v1/companies/{scene.companies['acme']}/policy/dry-run"
    by_otto = await service.call("POST", path, await scene.fresh("otto"), REQUIRED)
    assert by_otto.json["forced_now"] == [str(scene["ute"].user_id)]
    assert by_otto.json["caller_forced"] is False


# History.


async def test_the_history_is_newest_first_with_who_set_it(service: Service) -> None:
    scene = await scene_of(service, "anna", "arno", "otto")
    times = []
    for name, hours in (("anna", 1), ("arno", 2), ("anna", 3)):
        await in_force(scene, {**REQUIRED, "order_hours": hours}, by=name)
        times.append(service.clock.now())
    otto = await scene.fresh("otto")
    path = f"/v1/companies/{scene.companies['acme']}/policy"
    assert (await service.call("PUT", path, otto, {**REQUIRED, "order_hours": 4})).status == 200
    times.append(service.clock.now())

    history = (await service.call("GET", "/v1/policy/history", await scene.fresh("anna"))).json["items"]

    assert [item["policy"]["order_hours"] for item in history] == [4, 3, 2, 1]
    assert [item["changed_at"] for item in history] == [told(at) for at in reversed(times)]
    names = ["otto", "anna", "arno", "anna"]
    assert [item["actor"]["id"] for item in history] == [str(scene[name].user_id) for name in names]
    assert [item["actor"]["kind"] for item in history] == ["provider", "user", "user", "user"]
    newest = await service.call("GET", "/v1/policy/history?limit=2", await scene.fresh("anna"))
    assert newest.json["items"] == history[:2]
    for limit in (0, 201, "many"):
        refused = await service.call("GET", f"/v1/policy/history?limit={limit}", await scene.fresh("anna"))
        assert refused.status == 422


# A date, and a grace.


async def test_a_policy_for_later_demands_nothing_before_its_date(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    begins = service.clock.now() + timedelta(days=2)
    await in_force(scene, {**REQUIRED, "from": begins.isoformat()})
    assert await demands(scene, "ute") == ("off", None, "password")
    session = await service.sign_in(scene["ute"])
    assert (await service.call("GET", "/v1/me", session)).status == 200
    service.clock.advance(seconds=(begins - service.clock.now()).total_seconds())
    assert (await service.start(scene["ute"])).json["status"] == "enrolment_required"
    assert await demands(scene, "ute") == ("enrolment_required", "company", "enrolment")


async def test_in_the_grace_the_password_is_enough_and_afterwards_it_is_not(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    await in_force(scene, WITH_GRACE)
    ends = service.clock.now() + timedelta(days=14)
    answer = await factor(scene, "ute")
    assert (answer["state"], answer["required_by"], answer["next_sign_in"]) == ("off", "company", "password")
    assert (answer["grace_until"], answer["order_expires_at"]) == (told(ends), None)
    session = await service.sign_in(scene["ute"])
    assert (await service.call("GET", "/v1/me/two-factor", session)).json["grace_until"] == told(ends)
    listed = await service.call("GET", "/v1/users?two_factor=off", await scene.fresh("anna"))
    assert [user["login"] for user in listed.json["items"]] == [scene["ute"].login]

    # A holiday: the window opens when somebody comes back, not when the grace ends.
    service.clock.advance(days=60)
    assert await demands(scene, "ute") == ("enrolment_required", "company", "enrolment")
    assert (await factor(scene, "ute"))["order_expires_at"] is None
    back = service.clock.now()
    assert (await service.start(scene["ute"])).json["status"] == "enrolment_required"
    assert (await factor(scene, "ute"))["order_expires_at"] == told(back + timedelta(hours=72))
    service.clock.advance(seconds=(back + timedelta(hours=72) - service.clock.now()).total_seconds() - 1)
    assert (await service.start(scene["ute"])).json["status"] == "enrolment_required"
    service.clock.advance(seconds=1)
    closed = await service.start(scene["ute"])
    assert (closed.status, closed.code) == (403, "contact_administrator")
    assert await demands(scene, "ute") == ("enrolment_required", "company", "contact_administrator")
    assert (await scene.act(await scene.fresh("anna"), "ute", "enable")).status == 200
    assert (await service.start(scene["ute"])).json["status"] == "enrolment_required"


@pytest.mark.parametrize(
    "between", ["off and on", "role", "exemption", "reset", "order and withdrawal", "deactivation"]
)
async def test_nothing_renews_a_grace(service: Service, between: str) -> None:
    scene = await scene_of(service, "anna", "ute", "udo")
    await in_force(scene, WITH_GRACE)
    began = service.clock.now()
    service.clock.advance(days=5)
    anna, path = await scene.fresh("anna"), scene.path("ute")
    calls: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
        "off and on": [("PUT", POLICY, OPTIONAL), ("PUT", POLICY, WITH_GRACE)],
        "role": [("PATCH", path, {"role": "auditor"}), ("PATCH", path, {"role": "user"})],
        "exemption": [
            ("PUT", f"{path}/two-factor/override", {"override": kind, **REASON}) for kind in ("exempt", "inherit")
        ],
        "reset": [("POST", scene.path("udo", "/two-factor/reset"), REASON)],
        "order and withdrawal": [("POST", f"{path}/two-factor/{act}", REASON) for act in ("enable", "disable")],
        "deactivation": [("POST", f"{path}/{act}", REASON) for act in ("deactivate", "reactivate")],
    }
    for method, where, body in calls[between]:
        done = await service.call(method, where, anna, body)
        assert done.status == 200, done
        service.clock.advance(seconds=100)
    if between == "reset":
        # The reset itself demands an enrolment at once; without it, the grace is what it was.
        withdrawn = await service.call("POST", scene.path("udo", "/two-factor/disable"), anna, REASON)
        assert withdrawn.status == 200
    name = "udo" if between == "reset" else "ute"
    assert (await factor(scene, name))["grace_until"] == told(began + timedelta(days=14))
    service.clock.advance(seconds=(began + timedelta(days=14) - service.clock.now()).total_seconds())
    assert (await service.start(scene[name])).json["status"] == "enrolment_required"


async def test_whoever_is_hired_later_has_a_grace_of_their_own(service: Service) -> None:
    scene = await scene_of(service, "anna")
    await in_force(scene, WITH_GRACE)
    service.clock.advance(days=30)
    made = await service.call(
        "POST",
        "/v1/users",
        await scene.fresh("anna"),
        {"login": "neu", "role": "user", "password": "Kennwort 4711 lang"},
    )
    hired = service.clock.now()
    neu = Person("neu", made.json["id"], scene.companies["acme"], password="Kennwort 4711 lang")
    scene.people["neu"] = neu
    assert (await factor(scene, "neu"))["grace_until"] == told(hired + timedelta(days=14))
    assert (await service.start(neu)).json["status"] == "signed_in"


async def test_hired_while_the_policy_is_off_the_grace_begins_with_the_policy(service: Service) -> None:
    scene = await scene_of(service, "anna")
    await in_force(scene, WITH_GRACE)
    await in_force(scene, OPTIONAL)
    scene.people["neu"] = await service.person(scene.companies["acme"], "neu")
    service.clock.advance(days=30)
    await in_force(scene, WITH_GRACE)
    began = service.clock.now()
    assert (await factor(scene, "neu"))["grace_until"] == told(began + timedelta(days=14))
    assert (await service.start(scene["neu"])).json["status"] == "signed_in"


async def test_a_persons_order_does_not_wait_for_the_grace(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    await in_force(scene, WITH_GRACE)
    assert (await scene.act(await scene.fresh("anna"), "ute", "enable")).json["required_by"] == "user"
    assert (await service.start(scene["ute"])).json["status"] == "enrolment_required"
    dry = await service.call("POST", DRY_RUN, await scene.fresh("anna"), WITH_GRACE)
    assert dry.json["forced_now"] == []


# From where.


async def test_outside_the_networks_a_factor_is_demanded(two_proxied: tuple[Service, Service]) -> None:
    service, other = two_proxied
    scene = await scene_of(service, "anna", "ute", "udo")
    await in_force(scene, {**OFFICE, "networks": ["192.0.2.0/24", "2001:db8:1::/48"]})
    assert await demands(scene, "ute") == ("enrolment_required", "network", "enrolment")
    for inside in ("192.0.2.7", "::ffff:192.0.2.7", "2001:db8:1::5"):
        begun = await other.at(inside).start(scene["ute"])
        assert begun.json["status"] == "signed_in", inside
        session = begun.json["token"]
        assert (await service.at(inside).call("GET", "/v1/me", session)).status == 200
        for one in (service, other):
            outside = await one.at("198.51.100.7").call("GET", "/v1/me", session)
            assert (outside.status, outside.code) == (401, "unauthenticated")
        # It was not ended, it is closed where it must not be used.
        assert (await service.at(inside).call("GET", "/v1/me", session)).status == 200
    for outside_address in ("198.51.100.7", "2001:db8:2::5"):
        assert (await other.at(outside_address).start(scene["ute"])).json["status"] == "enrolment_required"
    # With a factor the place does not matter.
    service.clock.advance(seconds=60)
    session = await service.at("192.0.2.7").sign_in(scene["udo"])
    assert (await other.at("198.51.100.7").call("GET", "/v1/me", session)).status == 200


async def test_nothing_that_was_begun_inside_gets_somebody_in_outside(
    two_proxied: tuple[Service, Service],
) -> None:
    """Not the step to a new password either."""
    service, _ = two_proxied
    scene = await scene_of(service, "anna", "ute")
    await in_force(scene, {**OFFICE, "password_max_age_days": 1})
    service.clock.advance(days=2)
    begun = await service.at("192.0.2.7").start(scene["ute"])
    assert begun.json["status"] == "password_expired"
    new = {"new_password": "Ein anderes Kennwort, 8 Wörter"}
    path = "/v1/sign-ins/current/password"
    outside = await service.at("198.51.100.7").call("POST", path, begun.json["token"], new)
    assert (outside.status, outside.code) == (401, "unauthenticated")
    inside = await service.at("192.0.2.7").call("POST", path, begun.json["token"], new)
    assert inside.json["status"] == "signed_in"


async def test_a_session_outside_ends_to_be_useful_when_the_demand_comes(
    two_proxied: tuple[Service, Service],
) -> None:
    """Whoever is exempt, or has a grace, goes on."""
    service, other = two_proxied
    scene = await scene_of(service, "anna", "ute")
    outside = service.at("198.51.100.7")
    session = await outside.sign_in(scene["ute"])
    await in_force(scene, {**OFFICE, "grace_days": 1})
    assert (await other.at("198.51.100.7").call("GET", "/v1/me", session)).status == 200
    await in_force(scene, OFFICE)
    assert (await other.at("198.51.100.7").call("GET", "/v1/me", session)).status == 401
    body = {"override": "exempt", **REASON}
    path = scene.path("ute", "/two-factor/override")
    assert (await service.call("PUT", path, await scene.fresh("anna"), body)).status == 200
    assert (await other.at("198.51.100.7").call("GET", "/v1/me", session)).status == 200
    assert (await outside.start(scene["ute"])).json["status"] == "signed_in"


# Exceptions.


async def excepted(scene: Scene, name: str, override: str, until: datetime | None = None) -> Reply:
    body = {"override": override, **REASON, **({"until": until.isoformat()} if until else {})}
    path = scene.path(name, "/two-factor/override")
    return await scene.service.call("PUT", path, await scene.fresh("anna"), body)


async def test_an_exemption_holds_until_its_end(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    await in_force(scene, REQUIRED)
    until = service.clock.now() + timedelta(hours=8)
    done = await excepted(scene, "ute", "exempt", until)
    assert (done.status, done.json["state"], done.json["required_by"]) == (200, "off", None)
    assert (await service.start(scene["ute"])).json["status"] == "signed_in"
    service.clock.advance(seconds=(until - service.clock.now()).total_seconds() - 1)
    assert (await service.start(scene["ute"])).json["status"] == "signed_in"
    service.clock.advance(seconds=1)
    assert (await service.start(scene["ute"])).json["status"] == "enrolment_required"
    assert await demands(scene, "ute") == ("enrolment_required", "company", "enrolment")


async def test_a_demand_by_name_holds_until_its_end(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute", "udo")
    until = service.clock.now() + timedelta(hours=8)
    for name in ("ute", "udo"):
        assert (await excepted(scene, name, "required", until)).json["required_by"] == "user"
    assert (await service.start(scene["ute"])).json["status"] == "enrolment_required"
    session = await scene.fresh("udo")
    service.clock.advance(seconds=30)
    code = {"code": service.code(scene["udo"])}
    refused = await service.call("POST", "/v1/me/two-factor/disable", session, code)
    assert (refused.status, refused.code) == (409, "policy_requires_two_factor")
    service.clock.advance(seconds=(until - service.clock.now()).total_seconds())
    assert (await service.start(scene["ute"])).json["status"] == "signed_in"
    assert await demands(scene, "udo") == ("on", None, "code")


async def test_an_exception_ends_by_inheriting_again(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    await in_force(scene, REQUIRED)
    assert (await excepted(scene, "ute", "exempt")).json["next_sign_in"] == "password"
    pending = await service.start(scene["ute"])
    assert pending.json["status"] == "signed_in"
    assert (await excepted(scene, "ute", "inherit")).json["next_sign_in"] == "enrolment"


async def test_an_exception_has_a_reason_and_an_end_ahead(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    token, path = await scene.fresh("anna"), scene.path("ute", "/two-factor/override")
    before = await scene.state("ute")
    for body in (
        {"override": "exempt"},
        {"override": "exempt", "reason": "  "},
        {"override": "maybe", **REASON},
        {**REASON},
        {"override": "exempt", **REASON, "until": "soon"},
        {"override": "exempt", **REASON, "until": told(service.clock.now())},
        {"override": "exempt", **REASON, "until": "2001-01-01T00:00:00Z"},
        {"override": "exempt", **REASON, "since": "2001-01-01T00:00:00Z"},
    ):
        assert (await service.call("PUT", path, token, body)).status == 422, body
    assert await scene.state("ute") == before


async def test_an_exception_is_an_act_on_a_factor_like_any_other(service: Service) -> None:
    """Right, rank, own factor, code; nobody excepts oneself."""
    scene = await scene_of(service, "anna", "sven", "axel", "ute", "ben")
    body = {"override": "exempt", **REASON}

    async def tried(by: str, whom: str) -> int:
        path = scene.path(whom, "/two-factor/override")
        return (await service.call("PUT", path, await scene.fresh(by), body)).status

    assert await tried("anna", "anna") == 403
    assert await tried("sven", "anna") == 403
    assert await tried("axel", "ute") == 403
    assert await tried("anna", "ben") == 404
    assert await tried("sven", "ute") == 200
    adam = await service.person(scene.companies["acme"], "adam.acme", "administrator")
    token, path = await service.sign_in(adam), scene.path("ute", "/two-factor/override")
    assert (await service.call("PUT", path, token, body)).status == 403
    anna = await scene.fresh("anna")
    service.clock.advance(minutes=5)
    assert (await service.call("PUT", path, anna, body)).code == "step_up_required"


async def test_the_reason_of_an_exception_is_kept_for_those_who_may_read_it(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    assert (await excepted(scene, "ute", "exempt")).status == 200
    await Projector(service.parts.pool, service.parts.wrapper).project()
    trail = await service.call("GET", "/v1/events?type=TwoFactorOverridden", await scene.fresh("anna"))
    (event,) = trail.json["items"]
    assert (event["reason"], event["subject"]["id"]) == (REASON["reason"], str(scene["ute"].user_id))
    clear = [e for e in await service.events(scene.companies["acme"]) if e["type"] == "TwoFactorOverridden"]
    assert REASON["reason"] not in str(clear)


async def test_nobody_comes_back_from_an_exemption_to_a_closed_door(service: Service) -> None:
    """The window that the policy had opened before it does not count."""
    scene = await scene_of(service, "anna", "ute")
    await in_force(scene, REQUIRED)
    assert (await service.start(scene["ute"])).json["status"] == "enrolment_required"
    until = service.clock.now() + timedelta(days=7)
    assert (await excepted(scene, "ute", "exempt", until)).json["next_sign_in"] == "password"
    service.clock.advance(days=8)
    assert (await service.start(scene["ute"])).json["status"] == "enrolment_required"
    opened = service.clock.now()
    assert (await factor(scene, "ute"))["order_expires_at"] == told(opened + timedelta(hours=72))


# Defect 9: what is demanded stays demanded.


async def test_defect_9_after_an_administrators_reset_or_disable_the_policy_still_applies(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "sven")
    await in_force(scene, REQUIRED)
    anna = await scene.fresh("anna")
    reset = await scene.act(anna, "udo", "reset")
    assert (reset.json["state"], reset.json["required_by"]) == ("enrolment_required", "company")
    assert (await service.start(scene["udo"])).json["status"] == "enrolment_required"
    disabled = await scene.act(anna, "sven", "disable")
    assert (disabled.json["state"], disabled.json["next_sign_in"]) == ("enrolment_required", "enrolment")
    assert (await service.start(scene["sven"])).json["status"] == "enrolment_required"


@pytest.mark.parametrize(
    "body",
    [
        REQUIRED,
        {"requirement": "required_for_roles", "roles": ["user"]},
        {**OFFICE, "networks": ["127.0.0.0/8", "::1/128"]},
        WITH_GRACE,
    ],
)
async def test_defect_9_what_is_demanded_is_not_switched_off_and_the_code_stays_good(
    service: Service, body: dict[str, Any]
) -> None:
    """S-02."""
    scene = await scene_of(service, "anna", "udo")
    await in_force(scene, body)
    session = await scene.fresh("udo")
    service.clock.advance(seconds=30)
    code = service.code(scene["udo"])
    before = await scene.state("udo")
    refused = await service.call("POST", "/v1/me/two-factor/disable", session, {"code": code})
    assert (refused.status, refused.code) == (409, "policy_requires_two_factor")
    assert await scene.state("udo") == before
    assert (await service.call("POST", "/v1/me/step-up", session, {"code": code})).status == 200


async def test_defect_9_a_policy_that_does_not_concern_somebody_lets_them_switch_off(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    await in_force(scene, {"requirement": "required_for_roles", "roles": ["auditor"]})
    session = await scene.fresh("udo")
    service.clock.advance(seconds=30)
    code = {"code": service.code(scene["udo"])}
    assert (await service.call("POST", "/v1/me/two-factor/disable", session, code)).status == 204


async def test_an_own_reset_under_a_policy_leads_back_to_enrolment(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    await in_force(scene, WITH_GRACE)
    session = await scene.fresh("udo")
    service.clock.advance(seconds=30)
    code = {"code": service.code(scene["udo"])}
    assert (await service.call("POST", "/v1/me/two-factor/reset", session, code)).status == 204
    # Also in a grace: a reset is a demand of its own.
    assert (await service.start(scene["udo"])).json["status"] == "enrolment_required"


# Defect 5: one answer, wherever it is asked.


@pytest.mark.parametrize(
    "body", [OPTIONAL, REQUIRED, WITH_GRACE, {"requirement": "required_for_roles", "roles": ["user"]}]
)
async def test_defect_5_every_place_gives_the_same_answer(service: Service, body: dict[str, Any]) -> None:
    scene = await scene_of(service, "anna", "ute", "udo", "axel")
    sessions = {name: await scene.fresh(name) for name in ("ute", "udo", "axel")}
    await in_force(scene, body)
    anna = await scene.fresh("anna")
    for name, session in sessions.items():
        by_admin = (await service.call("GET", scene.path(name, "/two-factor"), anna)).json
        assert (await service.call("GET", "/v1/me/two-factor", session)).json == by_admin
        user = (await service.call("GET", scene.path(name), anna)).json
        assert user["two_factor"] == by_admin["state"]
        for state in ("off", "enrolment_required", "on"):
            listed = await service.call("GET", f"/v1/users?two_factor={state}", anna)
            assert (user["id"] in [one["id"] for one in listed.json["items"]]) is (state == by_admin["state"])
        begun = await service.start(scene[name])
        after = {"password": "signed_in", "code": "code_required", "enrolment": "enrolment_required"}
        assert begun.json["status"] == after[by_admin["next_sign_in"]]


# The age of passwords.


async def test_an_old_password_has_to_be_renewed_after_the_second_factor(service: Service) -> None:
    """Defect 6."""
    scene = await scene_of(service, "anna", "ute", "udo")
    await in_force(scene, {**OPTIONAL, "password_max_age_days": 30})
    assert (await service.start(scene["ute"])).json["status"] == "signed_in"
    service.clock.advance(days=30)
    new = "Ein anderes Kennwort, 8 Wörter"
    begun = await service.start(scene["ute"])
    assert begun.json["status"] == "password_expired"
    coded = await service.give(await service.pending(scene["udo"]), service.code(scene["udo"]))
    assert coded.json["status"] == "password_expired"
    for token in (begun.json["token"], coded.json["token"]):
        assert (await service.call("GET", "/v1/me", token)).status == 401
        done = await service.call("POST", "/v1/sign-ins/current/password", token, {"new_password": new})
        assert done.json["status"] == "signed_in"
    scene["ute"].password = scene["udo"].password = new
    assert (await service.start(scene["ute"])).json["status"] == "signed_in"
    assert (await service.start(scene["udo"])).json["status"] == "code_required"


async def test_an_old_password_does_not_get_anybody_around_an_enrolment(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    await in_force(scene, {**REQUIRED, "password_max_age_days": 30})
    service.clock.advance(days=31)
    begun = await service.start(scene["ute"])
    assert begun.json["status"] == "enrolment_required"
    token = begun.json["token"]
    scene["ute"].key = (await service.call("POST", "/v1/sign-ins/current/enrolment", token)).json["key"]
    path = "/v1/sign-ins/current/enrolment/confirmation"
    confirmed = await service.call("POST", path, token, {"code": service.code(scene["ute"])})
    assert confirmed.json["status"] == "password_expired"


async def test_a_demand_that_came_meanwhile_is_not_passed_by_a_new_password(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute", "otto")
    await in_force(scene, {**OPTIONAL, "password_max_age_days": 1})
    service.clock.advance(days=2)
    otto = await scene.fresh("otto")
    begun = await service.start(scene["ute"])
    path = f"/v1/companies/{scene.companies['acme']}/policy"
    assert (await service.call("PUT", path, otto, {**REQUIRED, "password_max_age_days": 1})).status == 200
    new = {"new_password": "Ein anderes Kennwort, 8 Wörter"}
    done = await service.call("POST", "/v1/sign-ins/current/password", begun.json["token"], new)
    assert (done.status, done.code) == (401, "unauthenticated")
    assert (await service.start(scene["ute"])).json["status"] == "enrolment_required"


async def test_every_reader_of_a_company_with_a_policy_gets_an_answer(service: Service) -> None:
    """No GET fails on any of it."""
    scene = await scene_of(service, "anna", "ute")
    await in_force(scene, {**OFFICE, "grace_days": 3})
    assert (await excepted(scene, "ute", "exempt", service.clock.now() + timedelta(days=1))).status == 200
    replies = await every_get(service, await scene.fresh("anna"), scene["ute"].user_id)
    assert not {path: reply.status for path, reply in replies.items() if reply.status >= 500}
