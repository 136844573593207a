"""A code for once from an administrator: what it opens and when, and that it opens nothing else, twice, or later."""

import asyncio
import re
from collections import Counter
from datetime import timedelta
from typing import Any, Final

import pytest

from tests.support.dump import full_dump
from tests.support.raw_http import header
from tests.support.scene import REASON, Scene, scene_of
from tests.support.searching import every_get
from tests.support.service import Another, Person, Reply, Service
from tests.support.sizes import sized
from tests.support.soundness import unsound
from tests.workers.support import Worker
from workers.projector import Projector

DOOR: Final = "/v1/sign-ins/current/recovery-code"
FIFTEEN_MINUTES: Final = 15 * 60


async def issued(scene: Scene, name: str = "udo", by: str = "anna", **rest: Any) -> Reply:
    return await scene.act(await scene.fresh(by), name, "break-glass", **rest)


async def issued_code(scene: Scene, name: str = "udo", by: str = "anna") -> str:
    answer = await issued(scene, name, by)
    assert answer.status == 200, answer
    return str(answer.json["break_glass_code"])


async def give(service: Service, token: str | None, code: str) -> Reply:
    """At the door for recovery codes."""
    return await service.call("POST", DOOR, token, {"recovery_code": code})


async def given_anew(service: Service, person: Person, code: str) -> Reply:
    """In a sign-in of its own."""
    return await give(service, await service.pending(person), code)


async def enrol(service: Service, person: Person, token: str) -> Reply:
    """The demanded enrolment in a sign-in, to its end."""
    started = await service.call("POST", "/v1/sign-ins/current/enrolment", token)
    assert started.status == 201, started
    person.key = started.json["key"]
    path = "/v1/sign-ins/current/enrolment/confirmation"
    return await service.call("POST", path, token, {"code": service.code(person)})


def refused(reply: Reply) -> bool:
    return (reply.status, reply.code) == (401, "invalid_code")


# Using it.


async def test_it_is_shown_once_with_its_end(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    answer = await issued(scene)
    assert answer.status == 200
    assert re.fullmatch(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}", answer.json["break_glass_code"])
    ends = service.clock.now() + timedelta(seconds=FIFTEEN_MINUTES)
    assert answer.json["break_glass_expires_at"] == ends.isoformat().replace("+00:00", "Z")
    seen = (await service.call("GET", scene.path("udo", "/two-factor"), await scene.fresh("anna"))).json
    assert {name: answer.json[name] for name in seen} == seen
    assert (seen["state"], seen["next_sign_in"]) == ("on", "code")
    assert header(answer, "Cache-Control") == "no-store"


async def test_it_forces_an_enrolment_and_ends_all_that_was(service: Service, another: Another) -> None:
    scene = await scene_of(service, "anna", "udo")
    other, udo = await another(), scene["udo"]
    sessions = [await scene.fresh("udo") for _ in range(3)]
    elsewhere = await service.pending(udo)
    code, old_recovery = await issued_code(scene), udo.recovery_codes[0]
    # Nothing ends before it is used: the phone may turn up.
    assert (await other.call("GET", "/v1/me", sessions[0])).status == 200
    pending = await other.pending(udo)

    done = await give(other, pending, code)

    assert (done.status, done.json["status"], done.json["user"]) == (200, "enrolment_required", None)
    assert header(done, "Cache-Control") == "no-store"
    old_code = service.code(udo)
    for one in (service, other):
        for session in sessions:
            assert (await one.call("GET", "/v1/me", session)).status == 401
        for dead in (pending, elsewhere):
            assert (await one.give(dead, old_code)).code == "unauthenticated"
            assert (await give(one, dead, old_recovery)).code == "unauthenticated"
        # Such a caller reaches nothing but the enrolment.
        assert (await one.call("GET", "/v1/me", done.json["token"])).code == "enrolment_required"
        assert (await one.give(done.json["token"], old_code)).code == "enrolment_required"
        assert (await give(one, done.json["token"], old_recovery)).code == "enrolment_required"
    confirmed = await enrol(service, udo, done.json["token"])
    assert (confirmed.status, confirmed.json["status"]) == (200, "signed_in")
    assert len(confirmed.json["recovery_codes"]) == 10
    (session,) = (await other.call("GET", "/v1/me/sessions", confirmed.json["token"])).json["items"]
    assert session["factors"] == ["password", "break_glass_code", "otp"]
    service.clock.advance(seconds=60)
    assert refused(await given_anew(service, udo, old_recovery))
    assert refused(await given_anew(other, udo, code))
    assert (await service.give(await service.pending(udo), service.code(udo))).status == 200


async def test_it_works_for_fifteen_minutes(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    code = await issued_code(scene)
    service.clock.advance(seconds=FIFTEEN_MINUTES)
    assert refused(await given_anew(service, scene["udo"], code))
    assert (await service.events(scene.companies["acme"]))[-1]["data"]["result"] == "wrong"
    code = await issued_code(scene)
    service.clock.advance(seconds=FIFTEEN_MINUTES - 1)
    assert (await given_anew(service, scene["udo"], code)).json["status"] == "enrolment_required"


@pytest.mark.parametrize("spelling", [str.lower, lambda code: code.replace("-", ""), str])
async def test_it_is_forgiven_its_case_and_its_hyphens(service: Service, spelling: Any) -> None:
    scene = await scene_of(service, "anna", "udo")
    code = spelling(await issued_code(scene))
    assert (await given_anew(service, scene["udo"], code)).status == 200


async def test_it_works_once_however_many_try(service: Service, another: Another) -> None:
    """R-04: twenty sign-ins at two processes, one winner a round."""
    both = (service, await another())
    scene = await scene_of(service, "anna", "udo")
    for _ in range(sized(4, 100)):
        code = await issued_code(scene)
        tokens = [await both[n % 2].pending(scene["udo"]) for n in range(20)]
        answers = await asyncio.gather(*(give(both[n % 2], token, code) for n, token in enumerate(tokens)))
        assert Counter(answer.status for answer in answers) == {200: 1, 401: 19}
        (winner,) = [answer for answer in answers if answer.status == 200]
        assert (await enrol(service, scene["udo"], winner.json["token"])).status == 200
        service.clock.advance(seconds=60)
    types = Counter(await service.event_types(scene.companies["acme"]))
    assert types["BreakGlassCodeUsed"] == types["BreakGlassCodeIssued"] == sized(4, 100)


async def test_it_is_worth_nothing_without_the_password(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "arno")
    code = await issued_code(scene)
    session = await scene.fresh("udo")
    for token in (None, "nonsense", session):
        assert (await give(service, token, code)).code == "unauthenticated"
    assert (await service.start(scene["udo"], code)).code == "invalid_credentials"
    # Nor in somebody else's sign-in.
    assert refused(await given_anew(service, scene["arno"], code))
    assert (await given_anew(service, scene["udo"], code)).status == 200


async def test_it_opens_one_door_only(service: Service) -> None:
    """Not the own reset, which takes recovery codes too, and nothing that takes a six-digit code."""
    scene = await scene_of(service, "anna", "udo")
    session = await scene.fresh("udo")
    code = await issued_code(scene)
    reset = await service.call("POST", "/v1/me/two-factor/reset", session, {"recovery_code": code})
    assert refused(reset)
    assert (await service.events(scene.companies["acme"]))[-1]["data"]["result"] == "wrong"
    for path in ("/v1/me/two-factor/disable", "/v1/me/step-up", "/v1/me/two-factor/recovery-codes"):
        for body in ({"code": code}, {"recovery_code": code}):
            assert (await service.call("POST", path, session, body)).status == 422
    assert (
        await service.call("POST", "/v1/sign-ins/current/code", await service.pending(scene["udo"]), {"code": code})
    ).status == 422
    assert (await given_anew(service, scene["udo"], code)).status == 200


async def test_an_abandoned_enrolment_leaves_an_order_of_72_hours(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    used = await given_anew(service, scene["udo"], await issued_code(scene))
    at = service.clock.now()
    assert (await service.call("DELETE", "/v1/sign-ins/current", used.json["token"])).status == 204
    state = (await service.call("GET", scene.path("udo", "/two-factor"), await scene.fresh("anna"))).json
    assert (state["state"], state["next_sign_in"]) == ("enrolment_required", "enrolment")
    assert state["order_expires_at"] == (at + timedelta(hours=72)).isoformat().replace("+00:00", "Z")
    service.clock.advance(seconds=(at + timedelta(hours=72) - service.clock.now()).total_seconds() - 1)
    assert (await service.start(scene["udo"])).json["status"] == "enrolment_required"
    service.clock.advance(seconds=1)
    assert (await service.start(scene["udo"])).code == "contact_administrator"


async def test_an_old_password_comes_after_the_new_factor(service: Service) -> None:
    """Defect 6."""
    scene = await scene_of(service, "anna", "udo", "otto")
    udo, acme = scene["udo"], f"/v1/companies/{scene.companies['acme']}"
    aged = {"requirement": "optional", "password_max_age_days": 1}
    assert (await service.call("PUT", "/v1/policy", await scene.fresh("anna"), aged)).status == 200
    service.clock.advance(days=2)
    path = f"{acme}/users/{udo.user_id}/two-factor/break-glass"
    helped = await service.call("POST", path, await scene.fresh("otto"), REASON)
    used = await given_anew(service, udo, helped.json["break_glass_code"])
    confirmed = await enrol(service, udo, used.json["token"])
    assert (used.json["status"], confirmed.json["status"]) == ("enrolment_required", "password_expired")
    new = {"new_password": "Ein anderes Kennwort, 8 Wörter"}
    done = await service.call("POST", "/v1/sign-ins/current/password", confirmed.json["token"], new)
    assert done.json["status"] == "signed_in"


# Pause, lock, count.


async def test_issuing_it_ends_a_lock(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    udo = scene["udo"]
    for _ in range(10):
        assert refused(await service.give(await service.pending(udo), service.wrong_code(udo)))
        service.clock.advance(seconds=960)
    assert refused(await service.give(await service.pending(udo), service.code(udo)))
    answer = await issued(scene)
    assert answer.json["locked_until"] is None
    used = await given_anew(service, udo, answer.json["break_glass_code"])
    assert used.json["status"] == "enrolment_required"


async def test_after_issuing_it_the_phone_works_too(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    udo = scene["udo"]
    for _ in range(5):
        assert refused(await service.give(await service.pending(udo), service.wrong_code(udo)))
    assert refused(await service.give(await service.pending(udo), service.code(udo)))
    await issued(scene)
    assert (await service.give(await service.pending(udo), service.code(udo))).status == 200


async def test_wrong_ones_count_on_the_one_ladder(service: Service) -> None:
    """L-02: with wrong codes of the phone in between; in a pause the right one is neither tried nor spent."""
    scene = await scene_of(service, "anna", "udo")
    udo, code = scene["udo"], await issued_code(scene)
    for number in range(5):
        pending = await service.pending(udo)
        answer = await (
            service.give(pending, service.wrong_code(udo))
            if number % 2
            else give(service, pending, f"AAAA-BBBB-CCCC-DDD{number}")
        )
        assert refused(answer)
    paused = await given_anew(service, udo, code)
    assert refused(paused)
    types = await service.event_types(scene.companies["acme"])
    assert types.count("TwoFactorPaused") == 1
    service.clock.advance(seconds=60)
    assert (await given_anew(service, udo, code)).json["status"] == "enrolment_required"


async def test_a_guesser_has_five_tries_in_a_sign_in(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    code, pending = await issued_code(scene), await service.pending(scene["udo"])
    for number in range(5):
        assert refused(await give(service, pending, f"AAAA-BBBB-CCCC-DDD{number}"))
    service.clock.advance(seconds=60)
    assert (await give(service, pending, code)).code == "unauthenticated"


# Its end.

ENDINGS: Final[dict[str, list[tuple[str, str]]]] = {
    "reset": [("POST", "/two-factor/reset")],
    "disable": [("POST", "/two-factor/disable")],
    "deactivation": [("POST", "/deactivate"), ("POST", "/reactivate")],
}


@pytest.mark.parametrize("end", ENDINGS)
async def test_it_dies_with_the_factor_and_with_the_account(service: Service, end: str) -> None:
    scene = await scene_of(service, "anna", "udo")
    udo, code = scene["udo"], await issued_code(scene)
    token = await scene.fresh("anna")
    for method, path in ENDINGS[end]:
        assert (await service.call(method, scene.path("udo", path), token, REASON)).status == 200
    if end != "deactivation":
        begun = await service.start(udo)
        if begun.json["status"] == "enrolment_required":
            assert (await give(service, begun.json["token"], code)).code == "enrolment_required"
            assert (await enrol(service, udo, begun.json["token"])).status == 200
        else:
            await service.enrol_in(udo, begun.json["token"])
    service.clock.advance(seconds=60)
    assert refused(await given_anew(service, udo, code))
    assert await unsound(service) == []


@pytest.mark.parametrize("act", ["reset", "disable", "replace"])
async def test_it_dies_with_the_owners_own_act(service: Service, act: str) -> None:
    scene = await scene_of(service, "anna", "udo")
    udo, code = scene["udo"], await issued_code(scene)
    session = await scene.fresh("udo")
    service.clock.advance(seconds=30)
    if act == "replace":
        path = "/v1/me/two-factor/enrolment"
        started = await service.call("POST", path, session, {"code": service.code(udo)})
        udo.key = started.json["key"]
        confirmed = await service.call("POST", f"{path}/confirmation", session, {"code": service.code(udo)})
        assert confirmed.status == 200
    else:
        done = await service.call("POST", f"/v1/me/two-factor/{act}", session, {"code": service.code(udo)})
        assert done.status == 204
        begun = await service.start(udo)
        token = begun.json["token"]
        if act == "reset":
            assert (await enrol(service, udo, token)).status == 200
        else:
            await service.enrol_in(udo, token)
    service.clock.advance(seconds=60)
    assert refused(await given_anew(service, udo, code))


async def test_it_dies_when_the_company_is_suspended(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "otto")
    code, otto = await issued_code(scene), await scene.fresh("otto")
    for act in ("suspend", "resume"):
        done = await service.call("POST", f"/v1/companies/{scene.companies['acme']}/{act}", otto, REASON)
        assert done.status == 200
    assert refused(await given_anew(service, scene["udo"], code))
    assert await unsound(service) == []


async def test_it_goes_with_the_person(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    await issued_code(scene)
    assert (await service.call("DELETE", scene.path("udo"), await scene.fresh("anna"))).status == 204
    assert await service.parts.pool.fetchval("SELECT count(*) FROM credential WHERE kind = 'break_glass'") == 0


async def test_a_new_one_voids_the_older(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    first, second = await issued_code(scene), await issued_code(scene)
    assert refused(await given_anew(service, scene["udo"], first))
    assert (await given_anew(service, scene["udo"], second)).status == 200


async def test_of_several_issued_at_once_one_is_good(service: Service, another: Another) -> None:
    scene = await scene_of(service, "anna", "udo")
    both, anna = (service, await another()), await scene.fresh("anna")
    path = scene.path("udo", "/two-factor/break-glass")
    answers = await asyncio.gather(*(both[n % 2].call("POST", path, anna, REASON) for n in range(6)))
    assert {answer.status for answer in answers} == {200}
    good = []
    for answer in answers:
        # So that the count of the wrong ones stands in nobody's way.
        assert (await scene.act(anna, "udo", "unlock")).status == 200
        begun = await service.start(scene["udo"])
        if begun.json["status"] == "code_required":
            good.append((await give(service, begun.json["token"], answer.json["break_glass_code"])).status)
    assert good.count(200) == 1


async def test_a_forgotten_password_can_be_helped_too(service: Service) -> None:
    """In either order: a reset of the password does not take the code back."""
    scene = await scene_of(service, "anna", "udo")
    code, token = await issued_code(scene), await scene.fresh("anna")
    reset = await service.call("POST", scene.path("udo", "/password"), token, REASON)
    scene["udo"].password = reset.json["generated_password"]
    assert (await given_anew(service, scene["udo"], code)).json["status"] == "enrolment_required"


# Who may issue one, and for whom.


async def test_only_whoever_may_reset_issues_one(service: Service) -> None:
    """S-03, S-05: right, rank, company, own factor, a code of the last minutes; and never for oneself."""
    scene = await scene_of(service, "anna", "sven", "axel", "udo", "ben", "bea", "otto")

    async def tried(by: str, whom: str) -> int:
        return (await issued(scene, whom, by)).status

    assert await tried("sven", "udo") == 200
    assert await tried("anna", "sven") == 200
    for by, whom in (("anna", "anna"), ("sven", "anna"), ("axel", "udo"), ("udo", "udo"), ("udo", "anna")):
        assert await tried(by, whom) == 403, (by, whom)
    for by, whom in (("anna", "ben"), ("bea", "udo"), ("otto", "udo"), ("anna", "otto")):
        assert await tried(by, whom) == 404, (by, whom)
    denied = [e for e in await service.events(scene.companies["acme"]) if e["type"] == "AccessDenied"]
    assert [e["data"]["act"] for e in denied] == ["issue_break_glass_code"] * 5
    adam = await service.person(scene.companies["acme"], "adam.acme", "administrator")
    assert (await scene.act(await service.sign_in(adam), "udo", "break-glass")).status == 403
    anna = await scene.fresh("anna")
    service.clock.advance(minutes=5)
    assert (await scene.act(anna, "udo", "break-glass")).code == "step_up_required"


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": " "}, {"reason": "x" * 501}, {**REASON, "hours": 1}])
async def test_it_needs_a_reason(service: Service, body: dict[str, Any]) -> None:
    scene = await scene_of(service, "anna", "udo")
    path = scene.path("udo", "/two-factor/break-glass")
    assert (await service.call("POST", path, await scene.fresh("anna"), body)).status == 422


async def test_without_a_key_there_is_nothing_to_break(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute", "udo")
    token = await scene.fresh("anna")
    before = len(await service.events(scene.companies["acme"]))
    assert (await scene.act(token, "ute", "break-glass")).code == "no_key"
    assert (await scene.act(token, "ute", "enable")).status == 200
    assert (await scene.act(token, "ute", "break-glass")).code == "no_key"
    assert (await scene.act(token, "udo", "reset")).status == 200
    assert (await scene.act(token, "udo", "break-glass")).code == "no_key"
    types = (await service.event_types(scene.companies["acme"]))[before:]
    assert types == ["TwoFactorOrdered", "KeyReset"]
    assert await service.parts.pool.fetchval("SELECT count(*) FROM credential WHERE kind = 'break_glass'") == 0


async def test_no_program_ever_issues_one(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "otto")
    scopes = ["users.read", "users.write", "two_factor.read", "two_factor.write", "sessions.write", "policy.write"]
    made = await service.call(
        "POST", "/v1/api-clients", await scene.fresh("anna"), {"name": "helpdesk", "scopes": scopes}
    )
    assert (await scene.act(made.json["token"], "udo", "unlock")).status == 200
    refused_act = await scene.act(made.json["token"], "udo", "break-glass")
    assert (refused_act.status, refused_act.code) == (403, "forbidden")
    body = {"name": "helpdesk", "scopes": [*scopes, "companies.read", "companies.write"]}
    provider = await service.call("POST", "/v1/api-clients", await scene.fresh("otto"), body)
    path = f"/v1/companies/{scene.companies['acme']}/users/{scene['udo'].user_id}/two-factor/break-glass"
    assert (await service.call("POST", path, provider.json["token"], REASON)).code == "forbidden"


# Shown once, told to those whom it concerns.


async def test_a_repeated_call_does_not_show_it_again(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    token, headers = await scene.fresh("anna"), {"Idempotency-Key": "once"}
    first = await scene.act(token, "udo", "break-glass", headers=headers)
    again = await scene.act(token, "udo", "break-glass", headers=headers)
    assert (first.status, again.status, again.code) == (200, 409, "conflict")
    assert (await service.event_types(scene.companies["acme"])).count("BreakGlassCodeIssued") == 1
    assert (await given_anew(service, scene["udo"], first.json["break_glass_code"])).status == 200


async def test_it_stands_nowhere(service: Service) -> None:
    """R-02, R-03: not in the database, the log, an answer, the trail or a mail, before and after its use."""
    scene = await scene_of(service, "anna", "arno", "udo")
    worker = Worker(service.parts, service.parts.settings.data_dir)
    code = await issued_code(scene)
    raw = code.replace("-", "")

    async def places() -> set[str]:
        await worker.drain()
        found = (await full_dump(service.database, service.parts.wrapper)).tables_with(code.encode(), raw.encode())
        for name in ("anna", "udo"):
            replies = await every_get(service, await scene.fresh(name), scene["udo"].user_id)
            found |= {path for path, reply in replies.items() if code in reply.raw.decode()}
        texts = [mail.get_content() for mail in worker.mails()]
        return found | {"mail" for text in texts if code in text or raw in text}

    assert await places() == set()
    used = await given_anew(service, scene["udo"], code)
    assert (await enrol(service, scene["udo"], used.json["token"])).status == 200
    service.clock.advance(seconds=60)
    assert await places() == set()


async def test_its_owner_and_the_administrators_are_told(service: Service) -> None:
    """S-08: of the issuing, and of the use; but whoever did it knows."""
    scene = await scene_of(service, "anna", "arno", "sven", "axel", "udo")
    worker = Worker(service.parts, service.parts.settings.data_dir)
    await worker.drain()
    seen: Counter[str] = Counter(str(mail["To"]) for mail in worker.mails())

    async def told() -> set[str]:
        nonlocal seen
        await worker.drain()
        before, seen = seen, Counter(str(mail["To"]) for mail in worker.mails())
        return {address.partition("@")[0] for address in seen - before}

    code = await issued_code(scene)
    assert await told() == {"udo", "arno", "sven"}
    assert (await given_anew(service, scene["udo"], code)).status == 200
    assert await told() == {"udo", "anna", "arno", "sven"}
    await worker.project()
    assert await unsound(service) == []


async def test_the_trail_tells_who_gave_it_why_and_when_it_was_used(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    code = await issued_code(scene)
    assert (await given_anew(service, scene["udo"], code)).status == 200
    await Projector(service.parts.pool, service.parts.wrapper).project()
    trail = (await service.call("GET", "/v1/events?limit=200", await scene.fresh("anna"))).json["items"]
    kinds = {item["type"]: item for item in trail}
    gave, used, reset = (kinds[name] for name in ("BreakGlassCodeIssued", "BreakGlassCodeUsed", "KeyReset"))
    assert (gave["actor"]["id"], gave["reason"]) == (str(scene["anna"].user_id), REASON["reason"])
    assert {gave["subject"]["id"], used["subject"]["id"], reset["subject"]["id"]} == {str(scene["udo"].user_id)}
    assert used["actor"]["id"] == str(scene["udo"].user_id)
    assert gave["details"]["code_id"] == used["details"]["code_id"]


# T-09: somebody who can help remains.


@pytest.mark.parametrize("act", ["break-glass", "reset"])
async def test_t09_a_single_administrator_who_lost_the_phone_is_helped_by_the_provider(
    service: Service, act: str
) -> None:
    scene = await scene_of(service, "anna", "udo", "otto")
    worker, anna = Worker(service.parts, service.parts.settings.data_dir), scene["anna"]
    lost = anna.key
    required = {"requirement": "required"}
    assert (await service.call("PUT", "/v1/policy", await scene.fresh("anna"), required)).status == 200
    anna.key = None
    otto = await scene.fresh("otto")
    path = f"/v1/companies/{scene.companies['acme']}/users/{anna.user_id}/two-factor/{act}"

    helped = await service.call("POST", path, otto, {"reason": "called back at the number of the contract"})

    assert helped.status == 200, helped
    begun = await service.start(anna)
    token = begun.json["token"]
    if act == "break-glass":
        token = (await give(service, token, helped.json["break_glass_code"])).json["token"]
    done = await enrol(service, anna, token)
    assert done.json["status"] == "signed_in"
    assert anna.key != lost
    # Back at work at once, and it is there to be seen.
    assert (await scene.act(done.json["token"], "udo", "unlock")).status == 200
    await worker.drain()
    await worker.project()
    name = {"break-glass": "BreakGlassCodeIssued", "reset": "KeyReset"}[act]
    trail = (await service.call("GET", f"/v1/events?type={name}", done.json["token"])).json["items"]
    assert (trail[0]["actor"]["kind"], trail[0]["actor"]["id"]) == ("provider", str(scene["otto"].user_id))
    assert trail[0]["reason"] == "called back at the number of the contract"
    assert worker.mail_to("anna@acme.example")
    assert await unsound(service) == []


async def test_t09_the_last_administrator_cannot_be_lost_to_an_own_act(service: Service) -> None:
    """Under a policy an own disable is refused; after an own reset the way back is open for 72 hours, and then the
    provider's."""
    scene = await scene_of(service, "anna", "otto")
    anna = scene["anna"]
    token = await scene.fresh("anna")
    assert (await service.call("PUT", "/v1/policy", token, {"requirement": "required"})).status == 200
    service.clock.advance(seconds=30)
    reset = await service.call("POST", "/v1/me/two-factor/reset", token, {"code": service.code(anna)})
    assert reset.status == 204
    service.clock.advance(hours=72)
    assert (await service.start(anna)).code == "contact_administrator"
    path = f"/v1/companies/{scene.companies['acme']}/users/{anna.user_id}/two-factor/enable"
    assert (await service.call("POST", path, await scene.fresh("otto"), REASON)).status == 200
    begun = await service.start(anna)
    assert (await enrol(service, anna, begun.json["token"])).json["status"] == "signed_in"
