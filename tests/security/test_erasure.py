"""Erasing a person: requirements P-01 and P-02."""

from typing import Any, Final
from uuid import UUID

import pytest

from tests.support.dump import Dump, full_dump
from tests.support.scene import Scene, scene_of
from tests.support.service import Another, Person, Service
from workers.projector import Projector

MARK: Final = "mark7f3a9"
AGENT: Final = {"User-Agent": f"{MARK}-agent/1.0"}
LOGIN: Final = f"{MARK}.login"


async def a_life(scene: Scene, token: str) -> Person:
    """A marked user who does, and suffers, whatever leaves something behind."""
    service = scene.service
    made = await service.call(
        "POST",
        "/v1/users",
        token,
        {
            "login": LOGIN,
            "role": "user",
            "email": f"{MARK}@acme.example",
            "password": f"{MARK} ist ein Kennwort",
        },
        headers={"Idempotency-Key": "made"},
    )
    assert made.status == 201, made
    person = Person(LOGIN, UUID(made.json["id"]), scene.companies["acme"], f"{MARK} ist ein Kennwort")
    body = {"login": LOGIN, "password": person.password}
    session = (await service.call("POST", "/v1/sign-ins", json=body, headers=AGENT)).json["token"]
    await service.enrol_in(person, session)
    await service.call("POST", "/v1/sign-ins", json={**body, "password": "wrong"}, headers=AGENT)
    keyed = {**AGENT, "Idempotency-Key": "own"}
    changed = await service.call("PATCH", "/v1/me", session, {"email": f"{MARK}.two@acme.example"}, headers=keyed)
    assert changed.status == 200, changed
    await service.call("GET", "/v1/users", session, headers=AGENT)
    await service.call("POST", "/v1/me/step-up", session, {"code": service.wrong_code(person)}, headers=AGENT)
    path = f"/v1/users/{person.user_id}"
    keyed = {"Idempotency-Key": "by the administrator"}
    named = await service.call("PATCH", path, token, {"email": f"{MARK}.three@acme.example"}, headers=keyed)
    assert named.status == 200, named
    for act in ("unlock", "reset", "disable", "enable"):
        await service.call("POST", f"{path}/two-factor/{act}", token, {"reason": f"{MARK} because of {act}"})
    await service.call("POST", f"{path}/deactivate", token, {"reason": f"{MARK} left"})
    await service.call("POST", f"{path}/reactivate", token, {"reason": f"{MARK} is back"})
    person.key = None
    await service.start(person)
    return person


async def marked(service: Service) -> tuple[Dump, set[str]]:
    await Projector(service.parts.pool, service.parts.wrapper).project()
    dump = await full_dump(service.database, service.parts.wrapper)
    return dump, dump.tables_with(MARK.encode())


async def test_p01_after_an_erasure_nothing_of_the_person_is_found_anywhere(service: Service) -> None:
    scene = await scene_of(service, "anna")
    token = await scene.fresh("anna")
    person = await a_life(scene, token)
    _, before = await marked(service)
    assert {"user_state", "login", "opened", "audit_trail_1"} <= before
    assert not {"event", "effect", "throttle", "idempotency"} & before  # sealed, or never there

    gone = await service.call("DELETE", f"/v1/users/{person.user_id}", token, headers={"Idempotency-Key": "erase"})

    assert gone.status == 204
    dump, after = await marked(service)
    assert after == set()
    rows = {name: [row for row in found if str(person.user_id).encode() in row] for name, found in dump.tables.items()}
    assert {name for name, found in rows.items() if found} <= {
        "event",
        "user_state",
        "effect",
        "audit_trail_1",
        "idempotency",
    }
    kept = [row for row in rows["idempotency"] if b"erase" not in row]
    assert kept == []
    await anna_sees_nothing(service, person, token)


async def anna_sees_nothing(service: Service, person: Person, token: str) -> None:
    for path in ("", "/two-factor", "/sessions", "/activity"):
        assert (await service.call("GET", f"/v1/users/{person.user_id}{path}", token)).status == 404
    for path in ("/v1/users", f"/v1/users?q={MARK}", "/v1/events?limit=200", f"/v1/events?q={MARK}"):
        shown = await service.call("GET", path, token)
        assert shown.status == 200
        assert MARK.encode() not in shown.raw, path


async def test_p01_the_trail_of_an_erasure_is_blank_whether_it_was_read_before_or_not(service: Service) -> None:
    scene = await scene_of(service, "anna")
    token = await scene.fresh("anna")
    person = await a_life(scene, token)
    await service.call("DELETE", f"/v1/users/{person.user_id}", token)
    _, found = await marked(service)  # projected for the first time now
    assert found == set()
    assert (await service.event_types(scene.companies["acme"]))[-1] == "UserErased"


async def test_p01_an_erased_administrator_is_unreadable_in_what_was_done_to_others(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    admin = await service.person(scene.companies["acme"], LOGIN, "administrator", on=True)
    session = await service.fresh_sign_in(admin)
    reply = await service.call(
        "POST", scene.path("udo", "/two-factor/reset"), session, {"reason": "lost"}, headers=AGENT
    )
    assert reply.status == 200
    _, before = await marked(service)
    assert "opened" in before
    gone = await service.call("DELETE", f"/v1/users/{admin.user_id}", await scene.fresh("anna"))
    assert gone.status == 204
    dump, after = await marked(service)
    assert after == set()
    assert any(b"lost" in text for text in dump.opened)  # what concerns the other person stays


async def test_p01_the_log_stays_whole_and_others_readable(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("anna")
    person = await a_life(scene, token)
    before = [raw.entry for raw in await service.parts.store.events(scene.companies["acme"], 0, 10_000)]
    await service.call("DELETE", f"/v1/users/{person.user_id}", token)
    after = [raw.entry for raw in await service.parts.store.events(scene.companies["acme"], 0, 10_000)]
    assert after[: len(before)] == before
    assert len(after) == len(before) + 1
    assert (await service.give(await service.pending(scene["udo"]), service.code(scene["udo"]))).status == 200


async def test_p01_a_repeated_erasure_with_its_key_gives_the_first_answer(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    token, headers = await scene.fresh("anna"), {"Idempotency-Key": "erase"}
    first = await service.call("DELETE", scene.path("udo"), token, headers=headers)
    again = await service.call("DELETE", scene.path("udo"), token, headers=headers)
    without = await service.call("DELETE", scene.path("udo"), token)
    assert [first.status, again.status, without.status] == [204, 204, 404]


# P-02: a namesake is somebody else.


async def test_p02_a_new_account_with_the_same_login_inherits_nothing(service: Service, another: Another) -> None:
    scene = await scene_of(service, "anna", "udo")
    udo, other = scene["udo"], await another()
    session, pending = await scene.fresh("udo"), await service.pending(udo)
    wrong = {"code": service.wrong_code(udo)}
    for _ in range(5):
        await service.call("POST", "/v1/me/step-up", session, wrong)
    anna = await scene.fresh("anna")
    keyed = {"Idempotency-Key": "mine"}
    assert (await service.call("PATCH", "/v1/me", session, {"language": "en"}, headers=keyed)).status == 200
    assert (await service.call("DELETE", scene.path("udo"), anna)).status == 204
    body = {"login": "UDO.acme", "role": "user", "password": "Ein ganz anderes Kennwort"}
    made = await service.call("POST", "/v1/users", anna, body)
    assert made.status == 201
    assert made.json["id"] != str(udo.user_id)
    assert (made.json["two_factor"], made.json["email"], made.json["locked_until"]) == ("off", None, None)
    namesake = Person("udo.acme", UUID(made.json["id"]), udo.company_id, body["password"])

    for process in (service, other):
        assert (await process.call("GET", "/v1/me", session)).status == 401
        assert (await process.give(pending, service.code(udo))).code == "unauthenticated"
        assert (await process.start(udo)).code == "invalid_credentials"  # the old password
    fresh = await service.sign_in(namesake)
    other_body = {"language": "pt-BR"}  # under the key that the erased one used: neither a replay nor a clash
    assert (await service.call("PATCH", "/v1/me", fresh, other_body, headers=keyed)).json["language"] == "pt-BR"
    await Projector(service.parts.pool, service.parts.wrapper).project()
    assert len((await service.call("GET", "/v1/me/sessions", fresh)).json["items"]) == 1
    activity = (await service.call("GET", "/v1/me/activity", fresh)).json["items"]
    assert {item["subject"]["id"] for item in activity} == {made.json["id"]}
    await service.enrol_in(namesake, fresh)
    started = await service.pending(namesake)
    path = "/v1/sign-ins/current/recovery-code"
    assert (await service.call("POST", path, started, {"recovery_code": udo.recovery_codes[0]})).status == 401
    assert (await service.give(started, service.code(udo, 1))).code == "invalid_code"


async def test_p02_the_login_is_free_in_every_company_at_once(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "bea")
    service.clock.advance(seconds=60)
    anna, bea = await service.sign_in(scene["anna"]), await service.sign_in(scene["bea"])
    body: dict[str, Any] = {"login": "udo.acme", "role": "user"}
    assert (await service.call("POST", "/v1/users", bea, body)).status == 409
    assert (await service.call("DELETE", scene.path("udo"), anna)).status == 204
    assert (await service.call("POST", "/v1/users", bea, body)).status == 201
    assert (await service.call("POST", "/v1/users", anna, body)).status == 409


@pytest.mark.parametrize("act", ["enable", "reset", "disable", "unlock"])
async def test_p02_nothing_is_done_to_an_erased_user(service: Service, act: str) -> None:
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("anna")
    await service.call("DELETE", scene.path("udo"), token)
    before = await service.event_types(scene.companies["acme"])
    assert (await scene.act(token, "udo", act)).code == "not_found"
    assert await service.event_types(scene.companies["acme"]) == before
