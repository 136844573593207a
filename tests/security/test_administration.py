"""Acts on others: rights, rank, freshness, what they end, and that doing them twice is harmless."""

import asyncio
from collections import Counter
from typing import Any, Final
from uuid import UUID

import pytest

from events.company.policy import Policy
from tests.support.raw_http import header
from tests.support.scene import REASON, Scene, scene_of
from tests.support.service import Another, Person, Reply, Service
from tests.support.sizes import sized

FACTOR_ACTS: Final = ("enable", "reset", "disable", "unlock")
REVOKE, USER, ADMINISTRATORS = "revoke_sessions", "notify_user", "notify_administrators"
FORGET = "forget_person"

# Every mutating call on a user: name -> method, rest of the path, body.
ACTS: Final[dict[str, tuple[str, str, dict[str, Any] | None]]] = {
    "enable": ("POST", "/two-factor/enable", REASON),
    "reset": ("POST", "/two-factor/reset", REASON),
    "disable": ("POST", "/two-factor/disable", REASON),
    "unlock": ("POST", "/two-factor/unlock", REASON),
    "end_sessions": ("DELETE", "/sessions", None),
    "change": ("PATCH", "", {"language": "en"}),
    "password": ("POST", "/password", REASON),
    "deactivate": ("POST", "/deactivate", REASON),
    "reactivate": ("POST", "/reactivate", REASON),
    "erase": ("DELETE", "", None),
}
GROUPS: Final = {
    "F": ("enable", "reset", "disable", "unlock"),
    "S": ("end_sessions",),
    "A": ("change", "password", "deactivate", "reactivate", "erase"),
}


async def do(scene: Scene, token: str, act: str, target: str, **rest: Any) -> Reply:
    method, path, body = ACTS[act]
    return await scene.service.call(method, scene.path(target, path), token, body, **rest)


async def types_since(service: Service, company: UUID, position: int) -> list[str]:
    return (await service.event_types(company))[position:]


async def effects_since(service: Service, company: UUID, position: int) -> list[str]:
    rows = await service.parts.pool.fetch(
        "SELECT kind FROM effect WHERE company_id = $1 AND position > $2 ORDER BY kind", company, position
    )
    return [row["kind"] for row in rows]


# S-03: right, own factor, freshness.


@pytest.mark.parametrize("act", [act for act in ACTS if act != "reactivate"])
async def test_s03_an_act_on_another_user_needs_a_session_that_is_fresh(service: Service, act: str) -> None:
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("anna")
    service.clock.advance(seconds=301)
    before = await scene.state("udo")

    refused = await do(scene, token, act, "udo")

    assert (refused.status, refused.code) == (401, "step_up_required")
    assert await scene.state("udo") == before
    stepped = await service.call("POST", "/v1/me/step-up", token, {"code": service.code(scene["anna"])})
    assert (await do(scene, token, act, "udo")).status == 401  # the old token is dead
    done = await do(scene, stepped.json["token"], act, "udo")
    assert done.status in (200, 204, 409), done
    assert done.code in (None, "conflict")


async def test_s03_the_code_of_a_step_up_is_spent_by_it(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("anna")
    service.clock.advance(seconds=301)
    code = service.code(scene["anna"])
    stepped = await service.call("POST", "/v1/me/step-up", token, {"code": code})
    assert stepped.status == 200

    again = await service.call("POST", "/v1/me/step-up", stepped.json["token"], {"code": code})
    at_the_door = await service.give(await service.pending(scene["anna"]), code)

    assert (again.status, again.code) == (401, "invalid_code")
    assert (at_the_door.status, at_the_door.code) == (401, "invalid_code")


async def test_s03_freshness_ends_after_five_minutes(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("anna")
    service.clock.advance(seconds=299)
    assert (await scene.act(token, "udo", "unlock")).status == 200
    service.clock.advance(seconds=1)
    assert (await scene.act(token, "udo", "unlock")).code == "step_up_required"


@pytest.mark.parametrize("act", FACTOR_ACTS)
async def test_s03_an_administrator_without_a_factor_may_not_act_on_factors(service: Service, act: str) -> None:
    scene = await scene_of(service, "udo")
    adam = await service.person(scene.companies["acme"], "adam.acme", "administrator")
    token = await service.sign_in(adam)
    before = await scene.state("udo")

    refused = await scene.act(token, "udo", act)

    assert (refused.status, refused.code) == (403, "forbidden")
    assert await scene.state("udo") == before
    assert (await service.event_types(adam.company_id))[-1] == "AccessDenied"


async def test_s03_a_session_that_a_recovery_code_opened_is_not_fresh(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    pending = await service.pending(scene["anna"])
    opened = await service.call(
        "POST",
        "/v1/sign-ins/current/recovery-code",
        pending,
        {"recovery_code": scene["anna"].recovery_codes[0]},
    )
    assert (await scene.act(opened.json["token"], "udo", "reset")).code == "step_up_required"


async def test_s03_a_recovery_code_is_no_step_up(service: Service) -> None:
    scene = await scene_of(service, "anna")
    token = await scene.fresh("anna")
    for body in (
        {"recovery_code": scene["anna"].recovery_codes[0]},
        {"code": scene["anna"].recovery_codes[0]},
    ):
        assert (await service.call("POST", "/v1/me/step-up", token, body)).status == 422
    by_password = await service.call("POST", "/v1/me/step-up", token, {"password": scene["anna"].password})
    assert (by_password.status, by_password.code) == (401, "step_up_required")


async def test_s03_a_denied_act_is_on_record_with_its_target(service: Service) -> None:
    scene = await scene_of(service, "axel", "udo")
    await scene.act(await scene.fresh("axel"), "udo", "reset")
    event = (await service.events(scene.companies["acme"]))[-1]
    assert event["type"] == "AccessDenied"
    assert event["data"]["target_id"] == str(scene["udo"].user_id)
    assert event["actor"]["id"] == str(scene["axel"].user_id)


# S-04: what a reset and a disable end.


@pytest.mark.parametrize("act", ["reset", "disable"])
async def test_s04_resetting_or_disabling_ends_everything_of_the_target_at_once(
    service: Service, another: Another, act: str
) -> None:
    scene = await scene_of(service, "anna", "udo")
    other, udo = await another(), scene["udo"]
    sessions = [await scene.fresh("udo") for _ in range(5)]
    pending = await service.pending(udo)
    replacing = await service.fresh_sign_in(udo)
    service.clock.advance(seconds=30)
    started = await service.call("POST", "/v1/me/two-factor/enrolment", replacing, {"code": service.code(udo)})
    assert started.status == 201

    done = await scene.act(await scene.fresh("anna"), "udo", act)

    assert done.status == 200
    assert done.json["state"] == {"reset": "enrolment_required", "disable": "off"}[act]
    for number, token in enumerate([*sessions, replacing]):
        process = other if number % 2 else service
        assert (await process.call("GET", "/v1/me", token)).status == 401
    code = service.code(udo, 1)
    assert (await other.give(pending, code)).code == "unauthenticated"
    begun = await other.start(udo)
    assert begun.json["status"] == {"reset": "enrolment_required", "disable": "signed_in"}[act]
    if act == "reset":
        token = begun.json["token"]
        old_code = await other.give(token, code)
        assert (old_code.status, old_code.code) == (403, "enrolment_required")
        old_recovery = await other.call(
            "POST", "/v1/sign-ins/current/recovery-code", token, {"recovery_code": udo.recovery_codes[0]}
        )
        assert old_recovery.status == 403
    kinds = await service.parts.pool.fetch(
        "SELECT DISTINCT kind FROM credential WHERE company_id = $1 AND user_id = $2",
        udo.company_id,
        udo.user_id,
    )
    left = {row["kind"] for row in kinds}
    assert left == {"password", {"reset": "sign_in", "disable": "session"}[act]}


async def test_s04_old_recovery_codes_are_dead_after_a_reset_and_a_new_enrolment(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    old = scene["udo"].recovery_codes
    assert (await scene.act(await scene.fresh("anna"), "udo", "disable")).status == 200
    await service.enrol(scene["udo"])
    pending = await service.pending(scene["udo"])
    given = await service.call("POST", "/v1/sign-ins/current/recovery-code", pending, {"recovery_code": old[0]})
    assert (given.status, given.code) == (401, "invalid_code")


# S-05: who reaches whom.

# (actor, target): for acts on factors, on sessions, on accounts; "+" may, "-" is forbidden, "0" is not there.
REACH: Final[dict[tuple[str, str], str]] = {
    ("udo", "ute"): "---",
    ("udo", "anna"): "---",
    ("udo", "sven"): "---",
    ("udo", "udo"): "---",
    ("udo", "ben"): "---",
    ("udo", "otto"): "---",
    ("axel", "ute"): "---",
    ("axel", "anna"): "---",
    ("axel", "sven"): "---",
    ("axel", "axel"): "---",
    ("axel", "ben"): "---",
    ("axel", "otto"): "---",
    ("sven", "ute"): "++-",
    ("sven", "anna"): "---",
    ("sven", "axel"): "++-",
    ("sven", "sven"): "---",
    ("sven", "ben"): "00-",
    ("sven", "otto"): "00-",
    ("anna", "ute"): "+++",
    ("anna", "arno"): "+++",
    ("anna", "sven"): "+++",
    ("anna", "anna"): "---",
    ("anna", "ben"): "000",
    ("anna", "otto"): "000",
    ("bea", "ute"): "000",
    ("bea", "anna"): "000",
    ("bea", "sven"): "000",
    ("bea", "bea"): "---",
    ("bea", "ben"): "+++",
    ("bea", "otto"): "000",
    # The provider reaches other companies under its own path only, which names the company.
    ("otto", "ute"): "000",
    ("otto", "anna"): "000",
    ("otto", "sven"): "000",
    ("otto", "otto"): "---",
    ("otto", "ben"): "000",
    ("otto", "olga"): "+++",
}
STATUSES: Final = {"+": {200, 204, 409}, "-": {403}, "0": {404}}


async def test_s05_nobody_reaches_upward_sideways_or_oneself(scene: Scene) -> None:
    # Actors that are targets of others act first; what is allowed is done last.
    denied = [(pair, letters) for pair, letters in REACH.items() if "+" not in letters]
    allowed = [(pair, letters) for pair, letters in REACH.items() if "+" in letters]
    order = {name: number for number, name in enumerate(("udo", "axel", "sven", "bea", "otto", "anna"))}
    allowed.sort(key=lambda entry: order[entry[0][0]])
    tokens: dict[str, str] = {}
    wrong = []
    for (actor, target), letters in [*denied, *allowed]:
        if actor not in tokens:
            tokens[actor] = await scene.fresh(actor)
        for group, letter in zip(GROUPS, letters, strict=True):
            for act in GROUPS[group]:
                before = await scene.state(target)
                done = await do(scene, tokens[actor], act, target)
                if done.status == 401:  # the clock moved on
                    tokens[actor] = await scene.fresh(actor)
                    done = await do(scene, tokens[actor], act, target)
                touched = await scene.state(target) != before
                own_denial = actor == target
                if done.status not in STATUSES[letter] or (touched and letter != "+" and not own_denial):
                    wrong.append((actor, act, target, letter, done.status, done.code, touched))
    assert wrong == []


async def test_s05_an_administrator_gives_no_role_above_the_own_rights(service: Service) -> None:
    provider = await service.company("Anbieter", provider=True)
    adam = await service.person(provider, "adam.provider", "administrator", on=True)
    paul = await service.person(provider, "paul.provider")
    token = await service.fresh_sign_in(adam)
    for role in ("operator", "provider_auditor"):
        new = {"login": f"new.{role}", "role": role}
        made = await service.call("POST", "/v1/users", token, new)
        assert (made.status, made.code) == (403, "forbidden")
        changed = await service.call("PATCH", f"/v1/users/{paul.user_id}", token, {"role": role})
        assert (changed.status, changed.code) == (403, "forbidden")
    types = Counter(await service.event_types(provider))
    assert types["AccessDenied"] == 4
    assert types["UserCreated"] == 2


@pytest.mark.parametrize("role", ["operator", "provider_auditor", "nobody", "root"])
async def test_s05_a_company_has_no_provider_roles_and_no_unknown_ones(service: Service, role: str) -> None:
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("anna")
    made = await service.call("POST", "/v1/users", token, {"login": "new.user", "role": role})
    changed = await service.call("PATCH", scene.path("udo"), token, {"role": role})
    assert (made.status, changed.status) == (422, 422)
    assert (await service.call("GET", scene.path("udo"), token)).json["role"] == "user"


async def test_s05_no_act_stands_in_the_log_behind_the_loss_of_the_right_to_it(
    service: Service, another: Another
) -> None:
    other = await another()
    scene = await scene_of(service, "anna", "arno", "udo")
    for _ in range(sized(4, 40)):
        anna = await scene.fresh("anna")
        arno = await service.sign_in(scene["arno"])
        acts = [scene.act(arno, "udo", "unlock") for _ in range(3)]
        acts += [other.call("PATCH", scene.path("udo"), arno, {"language": language}) for language in ("en", "de")]
        demotion = other.call("PATCH", scene.path("arno"), anna, {"role": "user"})
        await asyncio.gather(*acts[:2], demotion, *acts[2:])
        events = await service.events(scene.companies["acme"])
        lost_at = max(
            event["position"]
            for event in events
            if event["type"] == "UserChanged" and "role" in event["data"]["changed"]
        )
        by_arno = [
            e["position"]
            for e in events
            if e["actor"]["id"] == str(scene["arno"].user_id) and e["stream_id"] == str(scene["udo"].user_id)
        ]
        assert max(by_arno, default=0) < lost_at
        again = await service.call("PATCH", scene.path("arno"), anna, {"role": "administrator"})
        assert again.status == 200


# S-06: whatever changes a credential, a role or a state kills what was begun before.

WEIGHTY: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "role": ("PATCH", "", {"role": "auditor"}),
    "expiration": ("PATCH", "", {"expiration_date": "2099-01-01T00:00:00Z"}),
    "activation": ("PATCH", "", {"activation_date": "2001-01-01T00:00:00Z"}),
    "password": ("POST", "/password", REASON),
    "deactivation": ("POST", "/deactivate", REASON),
    "reset": ("POST", "/two-factor/reset", REASON),
    "disable": ("POST", "/two-factor/disable", REASON),
}


@pytest.mark.parametrize("change", WEIGHTY)
async def test_s06_a_change_kills_sign_ins_sessions_and_step_ups_begun_before_it(
    service: Service, another: Another, change: str
) -> None:
    scene = await scene_of(service, "anna", "arno", "ute")
    other = await another()
    # Arno is an administrator who has just stepped up: nothing of it may survive.
    session = await scene.fresh("arno")
    service.clock.advance(seconds=30)
    stepped = await service.call("POST", "/v1/me/step-up", session, {"code": service.code(scene["arno"])})
    pending = await service.pending(scene["arno"])
    method, path, body = WEIGHTY[change]

    done = await service.call(method, scene.path("arno", path), await scene.fresh("anna"), body)

    assert done.status == 200, done
    service.clock.advance(seconds=30)
    act = await other.call("PATCH", scene.path("ute"), stepped.json["token"], {"language": "en"})
    assert (act.status, act.code) == (401, "unauthenticated")
    code = service.code(scene["arno"])
    assert (await other.give(pending, code)).code == "unauthenticated"


async def test_s06_an_order_to_enrol_kills_sign_ins_begun_before_it(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    company, ute = scene.companies["acme"], scene["ute"]
    await service.parts.console.change_policy(company, Policy(requirement="required"))
    pending = await service.pending(ute)
    assert (await scene.act(await scene.fresh("anna"), "ute", "enable")).status == 200
    started = await service.call("POST", "/v1/sign-ins/current/enrolment", pending)
    assert (started.status, started.code) == (401, "unauthenticated")


async def test_s06_withdrawing_an_order_kills_sign_ins_begun_under_it(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    token = await scene.fresh("anna")
    await scene.act(token, "ute", "enable")
    pending = await service.pending(scene["ute"])
    started = await service.call("POST", "/v1/sign-ins/current/enrolment", pending)
    scene["ute"].key = started.json["key"]
    assert (await scene.act(token, "ute", "disable")).json["state"] == "off"
    confirmed = await service.call(
        "POST",
        "/v1/sign-ins/current/enrolment/confirmation",
        pending,
        {"code": service.code(scene["ute"])},
    )
    assert (confirmed.status, confirmed.code) == (401, "unauthenticated")


async def test_s07_a_password_reset_neither_removes_nor_weakens_the_factor(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("anna")
    reset = await service.call("POST", scene.path("udo", "/password"), token, REASON)
    scene["udo"].password = reset.json["generated_password"]
    begun = await service.start(scene["udo"])
    assert begun.json["status"] == "code_required"
    done = await service.call(
        "POST",
        "/v1/sign-ins/current/recovery-code",
        begun.json["token"],
        {"recovery_code": scene["udo"].recovery_codes[0]},
    )
    assert done.json["status"] == "signed_in"


# S-08: somebody is told of each act.

TOLD: Final[dict[str, tuple[list[str], list[str]]]] = {
    "reset": (["KeyReset"], [ADMINISTRATORS, USER, REVOKE]),
    "disable": (["TwoFactorDisabled"], [ADMINISTRATORS, USER, REVOKE]),
    "unlock": (["TwoFactorUnlocked"], [USER]),
    "end_sessions": (["SessionsEnded"], [USER, REVOKE]),
    "password": (["PasswordReset"], [USER, REVOKE]),
    "deactivate": (["UserDeactivated"], [USER, REVOKE]),
    "erase": (["UserErased"], [REVOKE, FORGET]),
}


@pytest.mark.parametrize("act", TOLD)
async def test_s08_each_act_leaves_one_fact_and_its_effects(service: Service, act: str) -> None:
    scene = await scene_of(service, "anna", "udo")
    await scene.fresh("udo")
    token = await scene.fresh("anna")
    company = scene.companies["acme"]
    pending = await service.pending(scene["udo"])
    await service.give(pending, service.wrong_code(scene["udo"]))
    at = len(await service.events(company))

    assert (await do(scene, token, act, "udo")).status in (200, 204)

    types, effects = TOLD[act]
    assert await types_since(service, company, at) == types
    assert await effects_since(service, company, at) == sorted(effects)


async def test_s08_orders_their_withdrawal_and_changes_are_told(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    company, token = scene.companies["acme"], await scene.fresh("anna")
    steps: list[tuple[str, str, dict[str, Any], list[str], list[str]]] = [
        ("POST", "/two-factor/enable", REASON, ["TwoFactorOrdered"], [USER]),
        ("POST", "/two-factor/disable", REASON, ["OrderWithdrawn"], [USER]),
        ("PATCH", "", {"email": "new@acme.example"}, ["UserChanged"], [USER]),
        ("PATCH", "", {"role": "auditor"}, ["UserChanged"], [USER]),
        ("PATCH", "", {"language": "en"}, ["UserChanged"], []),
        ("POST", "/deactivate", REASON, ["UserDeactivated"], [USER, REVOKE]),
        ("POST", "/reactivate", REASON, ["UserReactivated"], [USER]),
    ]
    for method, path, body, types, effects in steps:
        at = len(await service.events(company))
        done = await service.call(method, scene.path("ute", path), token, body)
        assert done.status == 200, done
        assert await types_since(service, company, at) == types
        assert await effects_since(service, company, at) == sorted(effects), path


# S-09: twice is once.

REPEATED: Final = [act for act in ACTS if act not in ("reactivate", "password")]


async def prepared(service: Service, act: str) -> tuple[Scene, str]:
    """A target on whom the act changes something, and the administrator's token."""
    scene = await scene_of(service, "anna", "udo", "ute")
    await service.sign_in(scene["udo"])
    pending = await service.pending(scene["udo"])
    await service.give(pending, service.wrong_code(scene["udo"]))
    token = await scene.fresh("anna")
    return scene, token


def target_of(act: str) -> str:
    return "ute" if act == "enable" else "udo"


@pytest.mark.parametrize("act", REPEATED)
async def test_s09_the_same_key_gives_the_first_answer_and_one_fact(service: Service, act: str) -> None:
    scene, token = await prepared(service, act)
    company, headers = scene.companies["acme"], {"Idempotency-Key": f"once-{act}"}
    at = len(await service.events(company))

    first = await do(scene, token, act, target_of(act), headers=headers)
    second = await do(scene, token, act, target_of(act), headers=headers)

    assert first.status in (200, 204), first
    assert (second.status, second.raw) == (first.status, first.raw)
    assert header(second, "ETag") == header(first, "ETag")
    assert len(await types_since(service, company, at)) == 1
    told = await effects_since(service, company, at)
    assert len(told) == len(set(told))


@pytest.mark.parametrize("act", REPEATED)
async def test_s09_the_same_key_at_once_in_two_processes_is_one_act(
    service: Service, another: Another, act: str
) -> None:
    scene, token = await prepared(service, act)
    other, company = await another(), scene.companies["acme"]
    at = len(await service.events(company))
    method, path, body = ACTS[act]
    calls = [
        process.call(
            method,
            scene.path(target_of(act), path),
            token,
            body,
            headers={"Idempotency-Key": f"at-once-{act}"},
        )
        for process in (service, other) * 4
    ]

    answers = await asyncio.gather(*calls)

    assert len({(answer.status, answer.raw) for answer in answers}) == 1, answers
    assert answers[0].status in (200, 204)
    assert len(await types_since(service, company, at)) == 1


async def test_s09_over_many_rounds_in_two_processes_no_second_answer_gets_in(
    service: Service, another: Another
) -> None:
    scene = await scene_of(service, "anna", "ute")
    other, token = await another(), await scene.fresh("anna")
    company = scene.companies["acme"]
    for number in range(sized(12, 120)):
        act = "deactivate" if number % 2 == 0 else "reactivate"
        at = len(await service.events(company))
        if number % 10 == 9:
            token = await scene.fresh("anna")
            at = len(await service.events(company))
        method, path, body = ACTS[act]
        headers = {"Idempotency-Key": f"round-{number}"}
        answers = await asyncio.gather(
            *(
                process.call(method, scene.path("ute", path), token, body, headers=headers)
                for process in (service, other, other, service)
            )
        )
        late = await other.call(method, scene.path("ute", path), token, body, headers=headers)
        assert len({(answer.status, answer.raw) for answer in [*answers, late]}) == 1, answers
        assert answers[0].status == 200
        assert len(await types_since(service, company, at)) == 1


async def test_s09_the_same_key_with_another_body_or_for_another_call_is_refused(service: Service) -> None:
    scene, token = await prepared(service, "deactivate")
    headers = {"Idempotency-Key": "mine"}
    first = await do(scene, token, "deactivate", "udo", headers=headers)
    assert first.status == 200
    path = scene.path("udo", "/deactivate")
    other_body = await service.call("POST", path, token, {"reason": "another"}, headers=headers)
    other_call = await do(scene, token, "reactivate", "udo", headers=headers)
    other_target = await do(scene, token, "deactivate", "ute", headers=headers)
    for answer in (other_body, other_call, other_target):
        assert (answer.status, answer.code) == (422, "idempotency_key_reused")
    assert (await service.call("GET", scene.path("ute"), token)).json["state"] == "active"
    assert (await service.call("GET", scene.path("udo"), token)).json["state"] == "deactivated"


async def test_s09_a_key_belongs_to_the_user_and_not_to_the_token(service: Service) -> None:
    scene = await scene_of(service, "anna", "arno", "udo", "ute")
    headers = {"Idempotency-Key": "shared name"}
    first = await do(scene, await scene.fresh("anna"), "deactivate", "udo", headers=headers)
    again = await do(scene, await scene.fresh("anna"), "deactivate", "udo", headers=headers)
    of_another = await do(scene, await scene.fresh("arno"), "deactivate", "ute", headers=headers)
    assert (again.status, again.raw) == (first.status, first.raw)
    assert of_another.status == 200
    assert of_another.json["id"] == str(scene["ute"].user_id)


async def test_s09_an_answer_with_a_secret_is_not_given_twice(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    company, token = scene.companies["acme"], await scene.fresh("anna")
    at = len(await service.events(company))
    new = {"login": "new.acme", "role": "user"}
    for path, body in (("/v1/users", new), (scene.path("udo", "/password"), REASON)):
        headers = {"Idempotency-Key": path}
        first = await service.call("POST", path, token, body, headers=headers)
        second = await service.call("POST", path, token, body, headers=headers)
        assert "generated_password" in first.json
        assert (second.status, second.code) == (409, "conflict")
        assert first.json["generated_password"].encode() not in second.raw
    assert await types_since(service, company, at) == ["UserCreated", "PasswordReset"]


async def test_s09_an_answer_without_a_secret_is_given_twice_where_others_carry_one(
    service: Service,
) -> None:
    scene = await scene_of(service, "anna", "udo")
    company, token = scene.companies["acme"], await scene.fresh("anna")
    at = len(await service.events(company))
    password = "Noch ein langes Kennwort"
    new = {"login": "new.acme", "role": "user", "password": password}
    for path, body in (
        ("/v1/users", new),
        (scene.path("udo", "/password"), {**REASON, "password": password}),
    ):
        headers = {"Idempotency-Key": path}
        first = await service.call("POST", path, token, body, headers=headers)
        second = await service.call("POST", path, token, body, headers=headers)
        assert first.status in (200, 201)
        assert (second.status, second.raw) == (first.status, first.raw)
    assert await types_since(service, company, at) == ["UserCreated", "PasswordReset"]


async def test_s09_a_refusal_that_recorded_nothing_is_not_kept(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    token, headers = await scene.fresh("anna"), {"Idempotency-Key": "later"}
    refused = await do(scene, token, "reset", "ute", headers=headers)
    assert (refused.status, refused.code) == (409, "no_key")
    scene["ute"].key = None
    await service.enrol(scene["ute"])
    done = await do(scene, await scene.fresh("anna"), "reset", "ute", headers=headers)
    assert done.status == 200


async def test_s09_a_taken_login_is_no_kept_refusal(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    token, headers = await scene.fresh("anna"), {"Idempotency-Key": "new user"}
    body = {"login": "UDO.acme", "role": "user", "password": "Noch ein langes Kennwort"}
    assert (await service.call("POST", "/v1/users", token, body, headers=headers)).status == 409
    assert (await do(scene, token, "erase", "udo")).status == 204
    assert (await service.call("POST", "/v1/users", token, body, headers=headers)).status == 201


async def test_s09_a_recorded_refusal_counts_once_for_one_key(service: Service) -> None:
    scene = await scene_of(service, "udo")
    token = await service.fresh_sign_in(scene["udo"])
    at = len(await service.events(scene.companies["acme"]))
    body, headers = {"code": service.wrong_code(scene["udo"])}, {"Idempotency-Key": "wrong"}
    first = await service.call("POST", "/v1/me/step-up", token, body, headers=headers)
    second = await service.call("POST", "/v1/me/step-up", token, body, headers=headers)
    assert (first.code, second.code) == ("invalid_code", "invalid_code")
    assert await types_since(service, scene.companies["acme"], at) == ["CodeRejected"]


async def test_s09_a_second_click_without_a_key_does_not_act_twice(service: Service) -> None:
    scene, token = await prepared(service, "reset")
    company = scene.companies["acme"]
    at = len(await service.events(company))
    codes = {"reset": "no_key", "deactivate": "conflict", "unlock": None, "end_sessions": None}
    for act, code in codes.items():
        await do(scene, token, act, "udo")
        assert (await do(scene, token, act, "udo")).code == code
    assert await types_since(service, company, at) == ["KeyReset", "UserDeactivated"]


@pytest.mark.parametrize("key", ["", " " * 3 + "\t", "x" * 256, "schlüssel"])
async def test_s09_a_malformed_key_is_refused_before_anything_happens(service: Service, key: str) -> None:
    scene, token = await prepared(service, "deactivate")
    answer = await do(scene, token, "deactivate", "udo", headers={"Idempotency-Key": key})
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert (await service.call("GET", scene.path("udo"), token)).json["state"] == "active"


# T-09: an administrator who is alone can be helped.


async def test_t09_a_single_administrator_who_lost_the_phone_is_helped_by_the_provider(
    service: Service,
) -> None:
    scene = await scene_of(service, "bea", "otto")
    bea = scene["bea"]
    bea.recovery_codes.clear()
    console = service.parts.console

    await console.reset_key(await console.find_user("BEA.beta"), "identity checked on the phone")

    begun = await service.start(bea)
    assert begun.json["status"] == "enrolment_required"
    token = begun.json["token"]
    bea.key = (await service.call("POST", "/v1/sign-ins/current/enrolment", token)).json["key"]
    done = await service.call("POST", "/v1/sign-ins/current/enrolment/confirmation", token, {"code": service.code(bea)})
    assert done.json["status"] == "signed_in"
    reset = next(e for e in await service.events(bea.company_id) if e["type"] == "KeyReset")
    assert (reset["actor"]["kind"], reset["data"]["by"]) == ("system", "administrator")
    assert await effects_since(service, bea.company_id, reset["position"] - 1) == sorted(
        [REVOKE, USER, ADMINISTRATORS, USER]
    )


async def test_t09_the_last_administrator_may_not_disable_under_the_policy(service: Service) -> None:
    scene = await scene_of(service, "bea")
    await service.parts.console.change_policy(scene.companies["beta"], Policy(requirement="required"))
    token = await scene.fresh("bea")
    service.clock.advance(seconds=30)
    code = service.code(scene["bea"])
    refused = await service.call("POST", "/v1/me/two-factor/disable", token, {"code": code})
    assert (refused.status, refused.code) == (409, "policy_requires_two_factor")
    stepped = await service.call("POST", "/v1/me/step-up", token, {"code": code})
    assert stepped.status == 200  # the code was not used up


# The defects that this kind of product is known for, on the administrator's side.


async def test_defect_03_resetting_another_user_does_not_sign_the_administrator_out(scene: Scene) -> None:
    token = await scene.fresh("anna")
    assert (await scene.act(token, "udo", "reset")).status == 200
    assert (await scene.service.call("GET", "/v1/me", token)).status == 200


async def test_defect_04_a_reset_is_possible_exactly_while_there_is_a_key(service: Service) -> None:
    scene = await scene_of(service, "anna", "arno", "ute")
    anna, arno = await scene.fresh("anna"), await service.sign_in(scene["arno"])
    assert (await scene.act(anna, "ute", "reset")).code == "no_key"
    assert (await scene.act(anna, "ute", "enable")).status == 200
    assert (await scene.act(anna, "ute", "reset")).code == "no_key"
    assert (await scene.act(anna, "ute", "disable")).status == 200
    await service.enrol_in(scene["ute"], await service.sign_in(scene["ute"]))
    assert (await scene.act(anna, "ute", "reset")).status == 200  # right after the activation
    assert (await scene.act(arno, "ute", "reset")).code == "no_key"  # and not after somebody else's reset


async def test_defect_07_rights_to_view_do_not_change_anything(service: Service) -> None:
    scene = await scene_of(service, "sven", "axel", "udo")
    sven, axel = await scene.fresh("sven"), await scene.fresh("axel")
    assert (await service.call("GET", scene.path("udo"), sven)).status == 200
    for act in GROUPS["A"]:
        assert (await do(scene, sven, act, "udo")).status == 403
    for act in ACTS:
        assert (await do(scene, axel, act, "udo")).status == 403
    assert (await service.call("GET", "/v1/events", axel)).status == 200
    assert (await service.start(scene["udo"])).json["status"] == "code_required"


async def test_defect_09_the_policy_outlives_an_administrators_reset_and_locks_nobody_out(
    service: Service,
) -> None:
    scene = await scene_of(service, "anna", "udo", "ute")
    company = scene.companies["acme"]
    adam = await service.person(company, "adam.acme", "administrator")
    await service.parts.console.change_policy(company, Policy(requirement="required"))
    token = await scene.fresh("anna")
    for act, name in (("reset", "udo"), ("disable", "udo"), ("enable", "ute"), ("disable", "ute")):
        answer = await scene.act(token, name, act)
        assert answer.json["state"] == "enrolment_required", (act, name)
        assert answer.json["required_by"] == "company"
    for person in (scene["udo"], scene["ute"], adam):
        await enrol_at_sign_in(service, person)
    session = await service.fresh_sign_in(scene["udo"])
    service.clock.advance(seconds=30)
    disabled = await service.call("POST", "/v1/me/two-factor/disable", session, {"code": service.code(scene["udo"])})
    assert (disabled.status, disabled.code) == (409, "policy_requires_two_factor")


async def enrol_at_sign_in(service: Service, person: Person) -> str:
    begun = await service.start(person)
    assert begun.json["status"] == "enrolment_required", begun
    token = begun.json["token"]
    person.key = (await service.call("POST", "/v1/sign-ins/current/enrolment", token)).json["key"]
    done = await service.call(
        "POST", "/v1/sign-ins/current/enrolment/confirmation", token, {"code": service.code(person)}
    )
    assert done.json["status"] == "signed_in", done
    return str(done.json["token"])


async def test_defect_10_nothing_survives_a_change_by_an_administrator(service: Service, another: Another) -> None:
    scene = await scene_of(service, "anna", "udo")
    other, udo = await another(), scene["udo"]
    for act in ("password", "deactivate", "reset"):
        session, pending = await scene.fresh("udo"), await service.pending(udo)
        done = await do(scene, await scene.fresh("anna"), act, "udo")
        assert done.status == 200, (act, done)
        assert (await other.call("GET", "/v1/me", session)).status == 401
        assert (await other.give(pending, service.code(udo))).code == "unauthenticated"
        udo.password = done.json.get("generated_password", udo.password)
        if act == "deactivate":
            assert (await other.start(udo)).code == "invalid_credentials"
            assert (await do(scene, await scene.fresh("anna"), "reactivate", "udo")).status == 200
            assert (await other.call("GET", "/v1/me", session)).status == 401


async def test_defect_13_the_command_line_leaves_the_same_facts_and_effects_as_the_api(
    service: Service,
) -> None:
    scene = await scene_of(service, "anna", "udo", "arno")
    company, console = scene.companies["acme"], service.parts.console
    sessions = {name: await scene.fresh(name) for name in ("udo", "arno")}
    at = len(await service.events(company))
    await console.reset_key(await console.find_user("udo.acme"), "by the command line")
    assert (await service.call("GET", "/v1/me", sessions["udo"])).status == 401
    told = await effects_since(service, company, at)
    types = await types_since(service, company, at)
    token = await scene.fresh("anna")
    at = len(await service.events(company))
    assert (await scene.act(token, "arno", "reset")).status == 200
    assert (await types_since(service, company, at), await effects_since(service, company, at)) == (
        types,
        told,
    )


async def test_defect_16_no_account_passes_an_enforced_policy_with_a_password_alone(scene: Scene) -> None:
    service = scene.service
    for company in scene.companies.values():
        await service.parts.console.change_policy(company, Policy(requirement="required"))
    for name, person in scene.people.items():
        begun = await service.start(person)
        assert begun.json["status"] in ("code_required", "enrolment_required"), name
        assert (await service.call("GET", "/v1/me", begun.json["token"])).status in (401, 403)
