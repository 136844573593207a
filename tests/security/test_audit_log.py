"""What the log holds: requirements A-01, A-03, A-06 and A-08, and the defects that concern it."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from events.codec import decode, open_actor, open_traces, personal_part
from events.facts import is_user_fact
from events.policy import effective
from events.store.port import RecordedEvent
from events.user.events import KeyReset, UserEvent
from events.user.evolve import fold
from tests.support.raw_http import header
from tests.support.scene import REASON, scene_of
from tests.support.service import Another, Person, Service
from tests.support.sizes import sized


async def recorded(service: Service, company: UUID) -> list[RecordedEvent]:
    return [decode(raw.type, raw.entry) for raw in await service.parts.store.events(company, 0, 100_000)]


async def keys_of(service: Service, company: UUID, users: set[UUID]) -> dict[UUID, bytes]:
    wrapped = await service.parts.store.person_keys(company, sorted(users))
    return {user: await service.parts.wrapper.unwrap(key) for user, key in wrapped.items()}


async def traces_of(service: Service, event: RecordedEvent, key: bytes) -> dict[str, str]:
    assert event.sealed.traces is not None
    assert event.sealed.traces.month is not None
    wrapped = await service.parts.store.trace_key(event.company_id, event.sealed.traces.month)
    assert wrapped is not None
    return dict(open_traces(event, await service.parts.wrapper.unwrap(wrapped), key))


# each attempt leaves exactly one fact, or those of its consequences.


async def test_a01_a_script_of_known_acts_leaves_exactly_the_expected_facts(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "ute", "axel")
    company, udo, ute = scene.companies["acme"], scene["udo"], scene["ute"]
    call = service.call
    expected: Counter[str] = Counter(await service.event_types(company))
    anna = await scene.fresh("anna")
    axel = await service.sign_in(scene["axel"])
    expected.update(["SignInStarted", "SignedIn"] * 2)

    async def wants(awaited: Any, status: int, *types: str) -> Any:
        reply = await awaited
        assert reply.status == status, reply
        expected.update(types)
        seen = Counter(await service.event_types(company))
        assert seen == expected, (reply, seen - expected, expected - seen)
        return reply.json

    for number in range(sized(1, 5)):
        # Signing in: unknown logins and format errors leave nothing, a wrong password and a wrong code one fact.
        nobody = {"login": "nobody.at.all", "password": "x"}
        await wants(call("POST", "/v1/sign-ins", json=nobody), 401)
        await wants(call("POST", "/v1/sign-ins", json={"login": 1}), 422)
        await wants(service.start(udo, "wrong"), 401, "PasswordRejected")
        pending = (await wants(service.start(udo), 201, "SignInStarted"))["token"]
        await wants(service.give(pending, "12345"), 422)
        await wants(service.give(pending, service.wrong_code(udo)), 401, "CodeRejected")
        code = service.code(udo)
        session = (await wants(service.give(pending, code), 200, "SignedIn"))["token"]
        await wants(call("POST", "/v1/me/step-up", session, {"code": code}), 401, "CodeRejected")
        service.clock.advance(seconds=30)
        stepped = await wants(call("POST", "/v1/me/step-up", session, {"code": service.code(udo)}), 200, "SteppedUp")
        session = stepped["token"]
        await wants(call("GET", "/v1/me", session), 200)
        await wants(call("PATCH", "/v1/me", session, {"language": "pt-BR"}), 200, "UserChanged")
        await wants(call("PATCH", "/v1/me", session, {"language": "pt-BR"}), 200)
        await wants(call("PATCH", "/v1/me", session, {"language": "de"}), 200, "UserChanged")
        wrong = {"old_password": "wrong", "new_password": udo.password}
        await wants(call("POST", "/v1/me/password", session, wrong), 401, "SessionPasswordRejected")
        same = {"old_password": udo.password, "new_password": udo.password}
        await wants(call("POST", "/v1/me/password", session, same), 204, "PasswordChanged")
        service.clock.advance(seconds=30)
        issued = await wants(
            call("POST", "/v1/me/two-factor/recovery-codes", session, {"code": service.code(udo)}),
            201,
            "RecoveryCodesIssued",
        )
        udo.recovery_codes = issued["recovery_codes"]
        await wants(call("GET", "/v1/users", session), 403, "AccessDenied")
        await wants(call("GET", "/v1/events", session), 403, "AccessDenied")
        await wants(call("POST", "/v1/me/sign-out", session), 204, "SignedOut")
        await wants(call("POST", "/v1/me/sign-out", session), 401)
        pending = (await wants(service.start(udo), 201, "SignInStarted"))["token"]
        await wants(call("DELETE", "/v1/sign-ins/current", pending), 204, "SignInCancelled")
        pending = (await wants(service.start(udo), 201, "SignInStarted"))["token"]
        path = "/v1/sign-ins/current/recovery-code"
        await wants(call("POST", path, pending, {"recovery_code": "nonsense"}), 401, "CodeRejected")
        used = {"recovery_code": udo.recovery_codes[0]}
        await wants(call("POST", path, pending, used), 200, "RecoveryCodeUsed", "SignedIn")

        # An administrator's acts; what is denied is on record, what is not there is not.
        stepped = await wants(
            call("POST", "/v1/me/step-up", anna, {"code": service.code(scene["anna"])}), 200, "SteppedUp"
        )
        anna = stepped["token"]
        await wants(scene.act(axel, "udo", "reset"), 403, "AccessDenied")
        await wants(call("GET", scene.path("udo"), axel), 403, "AccessDenied")
        await wants(scene.act(anna, "anna", "reset"), 403, "AccessDenied")
        await wants(call("GET", f"/v1/users/{scene.companies['beta']}", anna), 404)
        await wants(scene.act(anna, "ute", "reset"), 409)
        await wants(scene.act(anna, "ute", "enable"), 200, "TwoFactorOrdered")
        pending = (await wants(service.start(ute), 201, "SignInStarted"))["token"]
        await wants(call("GET", "/v1/me", pending), 403)
        shown = await wants(call("POST", "/v1/sign-ins/current/enrolment", pending), 201, "EnrolmentStarted")
        ute.key = shown["key"]
        path = "/v1/sign-ins/current/enrolment/confirmation"
        await wants(call("POST", path, pending, {"code": service.wrong_code(ute)}), 401, "CodeRejected")
        await wants(
            call("POST", path, pending, {"code": service.code(ute)}),
            200,
            "TwoFactorEnabled",
            "RecoveryCodesIssued",
            "SignedIn",
        )
        await wants(call("DELETE", scene.path("ute", "/sessions"), anna), 204, "SessionsEnded")
        await wants(call("DELETE", scene.path("ute", "/sessions"), anna), 204)
        await wants(scene.act(anna, "ute", "unlock"), 200)
        await wants(scene.act(anna, "ute", "reset"), 200, "KeyReset")
        await wants(scene.act(anna, "ute", "disable"), 200, "OrderWithdrawn")
        await wants(call("POST", scene.path("ute", "/deactivate"), anna, REASON), 200, "UserDeactivated")
        await wants(service.start(ute), 401, "SignInRefused")
        await wants(call("POST", scene.path("ute", "/reactivate"), anna, REASON), 200, "UserReactivated")
        new = {"login": f"new.{number}", "role": "user"}
        made = await wants(call("POST", "/v1/users", anna, new), 201, "UserCreated")
        await wants(call("POST", "/v1/users", anna, new), 409)
        path = f"/v1/users/{made['id']}"
        await wants(call("POST", f"{path}/password", anna, REASON), 200, "PasswordReset")
        await wants(call("DELETE", path, anna), 204, "UserErased")
        await wants(call("DELETE", path, anna), 404)

        # The ladder: five failures pause, ten lock; a try that is not evaluated is on record once a stop.
        service.clock.advance(minutes=1)
        session = (await wants(service.start(udo), 201, "SignInStarted"))["token"]
        session = (await wants(service.give(session, service.code(udo)), 200, "SignedIn"))["token"]
        for failure in range(1, 11):
            consequence = {5: ["TwoFactorPaused"], 10: ["TwoFactorLocked"]}.get(failure, [])
            consequence = ["TwoFactorPaused"] if 5 <= failure < 10 else consequence
            body = {"code": service.wrong_code(udo)}
            await wants(call("POST", "/v1/me/step-up", session, body), 401, "CodeRejected", *consequence)
            if failure >= 5:
                await wants(call("POST", "/v1/me/step-up", session, body), 401, "CodeRejected")
                await wants(call("POST", "/v1/me/step-up", session, body), 401)
                service.clock.advance(seconds=961)
        anna = await scene.fresh("anna")
        expected.update(["SignInStarted", "SignedIn"])
        await wants(scene.act(anna, "udo", "unlock"), 200, "TwoFactorUnlocked")
        axel = await service.sign_in(scene["axel"])
        expected.update(["SignInStarted", "SignedIn"])


async def test_a01_throttled_tries_leave_one_fact_a_window(service: Service) -> None:
    company = await service.company()
    udo = await service.person(company, "udo.acme")
    statuses = [(await service.start(udo, "wrong")).status for _ in range(14)]
    assert statuses == [401] * 10 + [429] * 4
    types = Counter(await service.event_types(company))
    assert types["PasswordRejected"] == 11
    facts = [event["data"] for event in await service.events(company) if event["type"] == "PasswordRejected"]
    assert [fact["throttled"] for fact in facts] == [False] * 10 + [True]


async def test_a01_the_same_code_at_once_in_two_processes_leaves_one_fact_each(
    service: Service, another: Another
) -> None:
    company, other = await service.company(), await another()
    udo = await service.person(company, "udo.acme", on=True)
    for _ in range(sized(3, 30)):
        pending = [await service.pending(udo) for _ in range(6)]
        at = len(await service.events(company))
        code = service.code(udo)
        processes = (service, other) * 3
        answers = await asyncio.gather(*(p.give(token, code) for p, token in zip(processes, pending, strict=True)))
        assert sorted(answer.status for answer in answers) == [200] + [401] * 5
        assert Counter((await service.event_types(company))[at:]) == {"SignedIn": 1, "CodeRejected": 5}
        service.clock.advance(seconds=60)


async def test_a01_each_fact_says_who_on_whom_what_when_and_from_where(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    company, token = scene.companies["acme"], await scene.fresh("anna")
    reply = await scene.act(token, "udo", "reset", headers={"User-Agent": "Portal/7"})
    event = (await recorded(service, company))[-1]
    anna, udo = scene["anna"].user_id, scene["udo"].user_id
    keys = await keys_of(service, company, {anna, udo})

    assert (event.type, event.company_id, event.stream_id) == ("KeyReset", company, udo)
    assert (event.actor.kind, event.actor.id, event.actor.company_id) == ("user", anna, company)
    assert open_actor(event, keys[anna]) == {"label": "anna.acme"}
    assert timedelta(0) <= event.at - service.clock.now() < timedelta(milliseconds=1)
    assert event.at.utcoffset() == timedelta(0)
    assert await traces_of(service, event, keys[anna]) == {"ip": "127.0.0.1", "user_agent": "Portal/7"}
    assert event.request_id == header(reply, "X-Request-Id")
    opened = personal_part(event, keys[udo])
    assert isinstance(opened, KeyReset)
    assert opened.reason == REASON["reason"]


# no change of state without a fact, no fact without its change.


async def test_a03_the_log_alone_gives_every_state_and_names_every_credential(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "ute", "bea", "ben")
    tokens = {name: await scene.fresh(name) for name in ("udo", "ben")}
    anna = await scene.fresh("anna")
    await scene.act(anna, "ute", "enable")
    await service.call("POST", "/v1/sign-ins/current/enrolment", await service.pending(scene["ute"]))
    await service.pending(scene["udo"])
    await service.call("POST", "/v1/me/step-up", tokens["udo"], {"code": service.wrong_code(scene["udo"])})
    await service.call("PATCH", scene.path("udo"), anna, {"email": "new@acme.example"})
    await service.call("POST", "/v1/me/step-up", tokens["ben"], {"code": service.wrong_code(scene["ben"])})
    made = await service.call("POST", "/v1/users", anna, {"login": "gone.acme", "role": "user"})
    await service.call("DELETE", f"/v1/users/{made.json['id']}", anna)
    for name in ("acme", "beta"):
        await assert_log_and_state_agree(service, scene.companies[name])


async def assert_log_and_state_agree(service: Service, company: UUID) -> None:
    log = await recorded(service, company)
    assert [event.position for event in log] == list(range(1, len(log) + 1))
    users = {event.stream_id for event in log if event.stream_kind == "user"}
    keys = await keys_of(service, company, users)
    named: set[UUID] = set()
    for user_id in users:
        own = [event for event in log if event.stream_id == user_id]
        facts: list[UserEvent] = []
        for event in own:
            fact = personal_part(event, keys.get(user_id))
            assert is_user_fact(fact)
            facts.append(fact)
        stored = await service.parts.store.user(company, user_id)
        assert stored is not None
        assert [event.version for event in own] == list(range(1, len(own) + 1))
        assert stored.version == len(own)
        assert stored.state == fold(facts)
        state = stored.state
        named |= {s.id for s in state.sessions} | {s.id for s in state.sign_ins} | set(state.recovery_codes)
        named |= {key.id for key in (state.key, state.pending) if key is not None}
    rows = await service.parts.pool.fetch("SELECT id, kind FROM credential WHERE company_id = $1", company)
    assert {row["id"] for row in rows if row["kind"] != "password"} == named


async def test_a03_a_refused_or_failing_request_changes_neither_log_nor_state(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    company, token = scene.companies["acme"], await scene.fresh("anna")
    await service.call("POST", "/v1/me/step-up", token, {"code": "abc"})
    before = (await service.event_types(company), await scene.state("udo"))
    etag = header(await service.call("GET", scene.path("udo"), token), "ETag")
    stale = {"If-Match": '"0123456789abcdef0123456789abcdef"'}
    refusals = [
        await service.call("PATCH", scene.path("udo"), token, {"language": "en"}, headers=stale),
        await service.call("DELETE", scene.path("udo"), token, headers=stale),
        await service.call("POST", scene.path("udo", "/reactivate"), token, REASON),
        await service.call("POST", "/v1/users", token, {"login": "udo.acme", "role": "user"}),
    ]
    assert [reply.status for reply in refusals] == [412, 412, 409, 409]
    assert (await service.event_types(company), await scene.state("udo")) == before
    assert etag is not None
    changed = await service.call(
        "PATCH", scene.path("udo"), token, {"language": "en"}, headers={"If-Match": f'"x", {etag}'}
    )
    assert changed.status == 200


async def test_a03_an_append_that_fails_half_way_leaves_nothing(service: Service, another: Another) -> None:
    scene, other = await scene_of(service, "anna", "udo"), await another()
    company, token = scene.companies["acme"], await scene.fresh("anna")
    session = await service.sign_in(scene["udo"])
    before = (await service.event_types(company), await scene.state("udo"))
    owner = await asyncpg.connect(service.database.owner_url)
    await owner.execute("ALTER TABLE effect ADD CONSTRAINT broken CHECK (kind <> 'notify_user') NOT VALID")
    failed = await scene.act(token, "udo", "reset", headers={"Idempotency-Key": "again"})
    assert failed.status == 500
    assert (await service.event_types(company), await scene.state("udo")) == before
    assert (await other.call("GET", "/v1/me", session)).status == 200
    await owner.execute("ALTER TABLE effect DROP CONSTRAINT broken")
    await owner.close()
    done = await scene.act(token, "udo", "reset", headers={"Idempotency-Key": "again"})
    assert done.status == 200
    assert (await other.call("GET", "/v1/me", session)).status == 401


# the order does not depend on the clock.


async def test_a06_positions_and_times_go_on_when_the_clock_steps_back(service: Service) -> None:
    company = await service.company()
    udo = await service.person(company, "udo.acme", on=True)
    for _ in range(3):
        await service.sign_in(udo)
        service.clock.advance(hours=-1)
        assert (await service.start(udo, "wrong")).status == 401
        replayed = await service.give(await service.pending(udo), service.code(udo, 120))
        assert (replayed.status, replayed.code) == (401, "invalid_code")
        service.clock.advance(hours=1, seconds=60)
    log = await recorded(service, company)
    assert [event.position for event in log] == list(range(1, len(log) + 1))
    times = [event.at for event in log]
    assert times == sorted(set(times))


async def test_a06_a_clock_that_steps_back_reopens_nothing(service: Service) -> None:
    company = await service.company()
    udo = await service.person(company, "udo.acme", on=True)
    code = service.code(udo)
    session = await service.sign_in(udo)
    service.clock.advance(seconds=30)
    later = service.code(udo)
    assert (await service.call("POST", "/v1/me/step-up", session, {"code": later})).status == 200
    service.clock.advance(seconds=-30)
    for spent in (code, later):
        refused = await service.give(await service.pending(udo), spent)
        assert (refused.status, refused.code) == (401, "invalid_code")


# who reads it.


async def test_a08_the_audit_trail_is_read_with_the_right_to_it_and_a_refusal_is_on_record(
    service: Service,
) -> None:
    scene = await scene_of(service, "udo", "axel", "sven", "anna", "bea", "otto")
    service.clock.advance(seconds=60)
    tokens = {name: await service.sign_in(scene[name]) for name in scene.people}
    statuses = {name: (await service.call("GET", "/v1/events", token)).status for name, token in tokens.items()}
    assert statuses == {"udo": 403, "axel": 200, "sven": 200, "anna": 200, "bea": 200, "otto": 200}
    denial = (await service.events(scene.companies["acme"]))[-1]
    assert (denial["type"], denial["data"]["act"]) == ("AccessDenied", "list_events")
    # One's own activity needs no right, that of others the right to see users.
    for name, status in {"udo": 403, "axel": 403, "sven": 200, "anna": 200, "bea": 404, "otto": 404}.items():
        assert (await service.call("GET", "/v1/me/activity", tokens[name])).status == 200
        of_udo = await service.call("GET", scene.path("udo", "/activity"), tokens[name])
        assert of_udo.status == status, name


# The defects that concern the log.


async def test_defect_14_the_log_has_the_address_and_says_which_credential_was_removed(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    before = (await scene.state("udo"))["state"]
    await scene.fresh("udo")
    session = (await scene.state("udo"))["state"].sessions[0].id
    await scene.act(await scene.fresh("anna"), "udo", "disable")
    event = (await recorded(service, scene.companies["acme"]))[-1]
    data: Any = event.data
    assert data.key_id == before.key.id
    assert session in data.sessions_ended
    keys = await keys_of(service, event.company_id, {scene["anna"].user_id})
    assert (await traces_of(service, event, keys[scene["anna"].user_id]))["ip"] == "127.0.0.1"


PATHS: Final = ("api", "command line", "own", "ladder")


@pytest.mark.parametrize("path", PATHS)
async def test_defect_13_every_path_that_ends_a_factor_raises_its_fact_and_its_effects(
    service: Service, path: str
) -> None:
    scene = await scene_of(service, "anna", "udo")
    company, udo, console = scene.companies["acme"], scene["udo"], service.parts.console
    session, admin = await scene.fresh("udo"), await service.sign_in(scene["anna"])
    service.clock.advance(seconds=30)
    at = len(await service.events(company))
    if path == "api":
        await scene.act(admin, "udo", "reset")
    elif path == "command line":
        await console.reset_key(await console.find_user(udo.login), "lost")
    elif path == "own":
        await service.call("POST", "/v1/me/two-factor/reset", session, {"code": service.code(udo)})
    else:
        await lock_for_good(service, udo)
    types = (await service.event_types(company))[at:]
    rows = await service.parts.pool.fetch(
        "SELECT e.kind, v.type FROM effect e JOIN event v USING (company_id, position)"
        " WHERE company_id = $1 AND position > $2",
        company,
        at,
    )
    told = {(row["type"], row["kind"]) for row in rows}
    if path == "ladder":
        assert types.count("TwoFactorLocked") == 10
        assert ("TwoFactorLocked", "notify_user") in told
        assert ("TwoFactorLocked", "notify_administrators") in told
        found = (await scene.state("udo"))["state"]
        company_state = await service.parts.store.company(company)
        shown = effective(found, company_state[1].rules, datetime.now(UTC) + timedelta(days=3650))
        assert shown.next_sign_in == "contact_administrator"
    else:
        assert types == ["KeyReset"]
        assert told == {("KeyReset", kind) for kind in ("notify_user", "notify_administrators", "revoke_sessions")}


async def lock_for_good(service: Service, person: Person) -> None:
    """Wrong codes until the factor is disabled, waiting for the end of every pause and lock."""
    for _ in range(100):
        answer = await service.give(await service.pending(person), service.wrong_code(person))
        assert answer.code == "invalid_code"
        state = await service.parts.store.user(person.company_id, person.user_id)
        assert state is not None
        until = state.state.ladder.until
        if until is not None:
            service.clock.advance(seconds=(until - service.clock.now()).total_seconds() + 1)
