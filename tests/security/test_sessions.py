"""Sessions and their tokens: requirements Z-01 to Z-08."""

import asyncio
import math
import re
from base64 import urlsafe_b64decode
from collections import Counter
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from events.company.policy import Policy
from events.credentials import CredentialKind
from services.api.routes import ROUTES
from services.application.tokens import make_token, token_digest
from tests.support.dump import full_dump
from tests.support.paths import filled
from tests.support.scene import REASON, scene_of
from tests.support.service import Another, Person, Reply, Service
from tests.support.sizes import sized

WRONG: Final = "ein falsches Kennwort"


async def whoami(service: Service, token: str) -> int:
    return (await service.call("GET", "/v1/me", token)).status


async def user(service: Service, login: str = "udo.acme", *, on: bool = False, role: str = "user") -> Person:
    return await service.person(await service.company(), login, role, on=on, email="udo@acme.example")


# Z-01: what a token is.


async def test_z01_tokens_are_random_opaque_and_in_no_order(service: Service) -> None:
    count = sized(1000, 10_000)
    company, entropy = uuid4(), service.parts.entropy
    tokens = [make_token(CredentialKind.SESSION, company, entropy.uuid(), entropy.bytes(32)) for _ in range(count)]
    secrets = [urlsafe_b64decode(token.removeprefix("fl_session_") + "==")[32:] for token in tokens]
    assert len(set(secrets)) == count
    assert secrets != sorted(secrets)
    drawn = Counter(b"".join(secrets))
    total = sum(drawn.values())
    entropy_bits = -sum(n / total * math.log2(n / total) for n in drawn.values())
    assert entropy_bits > 7.9


async def test_z01_the_database_holds_no_token(service: Service) -> None:
    person = await user(service, on=True)
    pending = await service.pending(person)
    session = (await service.give(pending, service.code(person))).json["token"]
    pending = await service.pending(person)
    service.clock.advance(seconds=30)
    stepped = await service.call("POST", "/v1/me/step-up", session, {"code": service.code(person)})
    dump = await full_dump(service.database, service.parts.wrapper)
    for token in (session, pending, stepped.json["token"]):
        secret = urlsafe_b64decode(token.split("_", 2)[2] + "==")[32:]
        assert dump.tables_with(token.encode(), secret) == set()
    digest = token_digest(stepped.json["token"])
    assert dump.tables_with(digest) == {"credential"}


async def test_z01_one_changed_character_makes_a_token_worthless(service: Service) -> None:
    person = await user(service)
    token = await service.sign_in(person)
    assert await whoami(service, token) == 200
    for place in range(0, len(token), sized(5, 1)):
        other = "A" if token[place] != "A" else "B"
        assert await whoami(service, token[:place] + other + token[place + 1 :]) == 401, place
    # The last character carries bits that base64 ignores: still not the token that was handed out.
    same_bits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for letter in same_bits:
        if letter != token[-1]:
            assert await whoami(service, token[:-1] + letter) == 401, letter
    for odd in (token + "=", token + "A", token[:-1], token.upper(), " " + token, token + "\u00e9"):
        assert await whoami(service, odd) == 401, odd


async def test_z01_the_id_of_a_session_is_no_token(service: Service) -> None:
    person = await user(service)
    token = await service.sign_in(person)
    listed = (await service.call("GET", "/v1/me/sessions", token)).json["items"][0]
    assert set(listed) == {
        "id",
        "created_at",
        "last_seen_at",
        "expires_at",
        "ip",
        "user_agent",
        "current",
        "factors",
    }
    raw = person.company_id.bytes + UUID(listed["id"]).bytes
    for guess in (listed["id"], f"fl_session_{listed['id']}", f"fl_session_{raw.hex()}"):
        assert await whoami(service, guess) == 401
    assert (
        await whoami(service, make_token(CredentialKind.SESSION, person.company_id, UUID(listed["id"]), bytes(32)))
        == 401
    )


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
async def test_z01_the_scheme_is_read_without_case_and_the_token_with_it(service: Service, scheme: str) -> None:
    token = await service.sign_in(await user(service))
    answer = await service.call("GET", "/v1/me", headers={"Authorization": f"{scheme} {token}"})
    assert answer.status == 200
    answer = await service.call("GET", "/v1/me", headers={"Authorization": f"{scheme} {token.swapcase()}"})
    assert answer.status == 401


# Z-02: a new token at every stage, the earlier one dead.


async def test_z02_every_stage_has_a_new_token_and_the_earlier_one_is_dead(service: Service) -> None:
    person = await user(service, on=True)
    chosen = {"Cookie": "session=chosen; __Host-session=chosen", "X-Session-Id": str(uuid4())}
    started = await service.call(
        "POST",
        "/v1/sign-ins",
        json={"login": person.login, "password": person.password},
        headers=chosen,
    )
    pending = started.json["token"]
    done = await service.give(pending, service.code(person))
    session = done.json["token"]
    service.clock.advance(seconds=30)
    stepped = await service.call("POST", "/v1/me/step-up", session, {"code": service.code(person)})
    fresh = stepped.json["token"]

    assert len({pending, session, fresh}) == 3
    assert "Set-Cookie" not in started.headers
    assert "Set-Cookie" not in done.headers
    service.clock.advance(seconds=30)
    assert (await service.give(pending, service.code(person))).code == "unauthenticated"
    assert await whoami(service, pending) == 401
    assert await whoami(service, session) == 401
    assert await whoami(service, fresh) == 200


async def test_z02_a_step_up_keeps_the_session_and_its_end(service: Service) -> None:
    person = await user(service, on=True)
    token = await service.sign_in(person)
    before = (await service.call("GET", "/v1/me/sessions", token)).json["items"][0]
    service.clock.advance(minutes=30)
    token = (await service.call("POST", "/v1/me/step-up", token, {"code": service.code(person)})).json["token"]
    after = (await service.call("GET", "/v1/me/sessions", token)).json["items"][0]
    assert (after["id"], after["expires_at"]) == (before["id"], before["expires_at"])


async def test_z02_the_token_of_an_expired_password_is_a_new_one(service: Service) -> None:
    person = await user(service, on=True)
    await service.parts.console.change_policy(person.company_id, Policy(password_max_age_days=1))
    service.clock.advance(days=2)
    pending = await service.pending(person)
    passed = await service.give(pending, service.code(person))
    assert passed.json["status"] == "password_expired"
    body = {"new_password": "Ein neues, langes Kennwort"}
    path = "/v1/sign-ins/current/password"
    assert (await service.call("POST", path, pending, body)).status == 401
    assert await whoami(service, passed.json["token"]) == 401
    done = await service.call("POST", path, passed.json["token"], body)
    assert done.json["status"] == "signed_in"
    assert (await service.call("POST", path, passed.json["token"], body)).status == 401


# Z-03: limits that the server keeps.


async def test_z03_an_idle_session_ends_after_sixty_minutes(service: Service) -> None:
    token = await service.sign_in(await user(service))
    service.clock.advance(minutes=60)
    assert await whoami(service, token) == 200
    service.clock.advance(minutes=60, seconds=1)
    assert await whoami(service, token) == 401


async def test_z03_activity_does_not_carry_a_session_beyond_twelve_hours(service: Service) -> None:
    person = await user(service)
    token = await service.sign_in(person)
    for _ in range(12 * 12 - 1):
        service.clock.advance(minutes=5)
        assert await whoami(service, token) == 200
    service.clock.advance(minutes=4, seconds=59)
    stepped = await service.call("POST", "/v1/me/step-up", token, {"password": person.password})
    assert stepped.status == 200
    service.clock.advance(seconds=1)
    assert await whoami(service, stepped.json["token"]) == 401


async def test_z03_an_idle_session_is_not_listed(service: Service) -> None:
    person = await user(service)
    await service.sign_in(person)
    service.clock.advance(minutes=61)
    token = await service.sign_in(person)
    assert len((await service.call("GET", "/v1/me/sessions", token)).json["items"]) == 1


async def test_z03_a_session_does_not_outlive_its_account(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    fresh = await scene.fresh("anna")
    ends = service.clock.now() + timedelta(minutes=30)
    changed = await service.call("PATCH", scene.path("ute"), fresh, {"expiration_date": ends.isoformat()})
    assert changed.status == 200
    token = await service.sign_in(scene["ute"])
    service.clock.advance(minutes=31)
    assert await whoami(service, token) == 401
    assert (await service.start(scene["ute"])).code == "invalid_credentials"


async def test_z03_an_account_opens_at_its_activation_and_not_before(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    fresh = await scene.fresh("anna")
    begins = service.clock.now() + timedelta(minutes=30)
    changed = await service.call("PATCH", scene.path("ute"), fresh, {"activation_date": begins.isoformat()})
    assert changed.json["state"] == "not_yet_active"
    assert (await service.start(scene["ute"])).code == "invalid_credentials"
    service.clock.advance(minutes=30)
    assert (await service.start(scene["ute"])).json["status"] == "signed_in"


# Z-04: revocation holds at once, everywhere.


async def test_z04_signing_out_holds_at_once_on_every_process(service: Service, another: Another) -> None:
    person, other = await user(service), await another()
    for _ in range(sized(5, 50)):
        token = await service.sign_in(person)
        assert await whoami(other, token) == 200
        assert (await service.call("POST", "/v1/me/sign-out", token)).status == 204
        assert await whoami(other, token) == 401
        assert await whoami(service, token) == 401


async def test_z04_what_was_under_way_when_a_session_ended_is_not_done(service: Service, another: Another) -> None:
    person, other = await user(service), await another()
    for number in range(sized(8, 80)):
        token = await service.sign_in(person)
        change, out = await asyncio.gather(
            other.call("PATCH", "/v1/me", token, {"email": f"udo{number}@acme.example"}),
            service.call("POST", "/v1/me/sign-out", token),
        )
        assert out.status == 204
        assert change.status in (200, 401), change
        types = await service.event_types(person.company_id)
        assert types[-2:] == (["UserChanged", "SignedOut"] if change.status == 200 else ["SignedIn", "SignedOut"])


# Z-05: the own list.


async def test_z05_sessions_are_seen_and_ended_by_their_owner(service: Service) -> None:
    person = await user(service)
    headers = {"User-Agent": "Phone/1"}
    body = {"login": person.login, "password": person.password}
    first = (await service.call("POST", "/v1/sign-ins", json=body, headers=headers)).json["token"]
    service.clock.advance(minutes=2)
    second = await service.sign_in(person)
    third = await service.sign_in(person)

    listed = (await service.call("GET", "/v1/me/sessions", second)).json["items"]
    by_current = {item["current"]: item for item in listed}
    assert len(listed) == 3
    phone = next(item for item in listed if item["user_agent"] == "Phone/1")
    assert phone["ip"] == "127.0.0.1"
    assert phone["created_at"] < by_current[True]["created_at"]
    assert not re.search(r"fl_|token|secret", str(listed))

    ended = await service.call("DELETE", f"/v1/me/sessions/{phone['id']}", second)
    assert ended.status == 204
    assert [await whoami(service, token) for token in (first, second, third)] == [401, 200, 200]
    assert (await service.call("DELETE", "/v1/me/sessions", second)).status == 204
    assert [await whoami(service, token) for token in (first, second, third)] == [401, 200, 401]


async def test_z05_nobody_ends_or_sees_sessions_of_others_on_the_own_path(service: Service) -> None:
    scene = await scene_of(service, "udo", "ute", "bea")
    own = await scene.fresh("udo")
    for name in ("ute", "bea"):
        token = await service.sign_in(scene[name])
        session = (await service.call("GET", "/v1/me/sessions", token)).json["items"][0]["id"]
        foreign = await service.call("DELETE", f"/v1/me/sessions/{session}", own)
        unknown = await service.call("DELETE", f"/v1/me/sessions/{uuid4()}", own)
        assert (foreign.status, foreign.code) == (unknown.status, unknown.code) == (404, "not_found")
        assert await whoami(service, token) == 200
    assert len((await service.call("GET", "/v1/me/sessions", own)).json["items"]) == 1


# Z-06: the end of an account is the end of everything of it.


@pytest.mark.parametrize("act", ["deactivate", "erase"])
async def test_z06_deactivating_or_erasing_ends_everything(service: Service, another: Another, act: str) -> None:
    scene, other = await scene_of(service, "anna", "udo"), await another()
    session, pending = await scene.fresh("udo"), await service.pending(scene["udo"])
    method, path = ("POST", "/deactivate") if act == "deactivate" else ("DELETE", "")
    body = REASON if act == "deactivate" else None
    done = await service.call(method, scene.path("udo", path), await scene.fresh("anna"), body)
    assert done.status in (200, 204)
    for process in (service, other):
        assert await whoami(process, session) == 401
        assert (await process.give(pending, service.code(scene["udo"]))).code == "unauthenticated"
        assert (await process.start(scene["udo"])).code == "invalid_credentials"


# Z-07: not without bound.


async def test_z07_the_twenty_first_session_ends_the_oldest(service: Service) -> None:
    person = await user(service)
    tokens = []
    for _ in range(22):
        service.clock.advance(seconds=1)
        tokens.append(await service.sign_in(person))
    statuses = [await whoami(service, token) for token in tokens]
    assert statuses == [401, 401] + [200] * 20
    rows = await service.parts.store.credentials(person.company_id, person.user_id, [CredentialKind.SESSION])
    assert len(rows) == 20


async def test_z07_sign_ins_in_progress_are_bounded_too(service: Service) -> None:
    person = await user(service, on=True)
    pending = [await service.pending(person) for _ in range(52)]
    rows = await service.parts.store.credentials(person.company_id, person.user_id, [CredentialKind.SIGN_IN])
    assert len(rows) == 50
    assert (await service.give(pending[0], service.code(person))).code == "unauthenticated"
    assert (await service.give(pending[-1], service.code(person))).status == 200


# Z-08: half a sign-in is nothing.


@pytest.mark.parametrize("stage", ["code_required", "enrolment_required", "password_expired"])
async def test_z08_a_sign_in_in_progress_reaches_nothing_else(service: Service, stage: str) -> None:
    scene = await scene_of(service, "anna")
    anna = scene["anna"]
    if stage == "enrolment_required":
        await service.parts.console.reset_key(await service.parts.console.find_user(anna.login), "lost")
    if stage == "password_expired":
        await service.parts.console.change_policy(anna.company_id, Policy(password_max_age_days=1))
        service.clock.advance(days=2)
    started = await service.start(anna)
    token = started.json["token"]
    if stage == "password_expired":
        done = await service.give(token, service.code(anna))
        assert done.json["status"] == stage
        token = done.json["token"]
    else:
        assert started.json["status"] == stage
    expected = (403, "enrolment_required") if stage == "enrolment_required" else (401, "unauthenticated")
    before = await service.event_types(anna.company_id)
    for route in ROUTES:
        if route.path.startswith("/v1/sign-ins"):
            continue
        path = filled(route.path, any_id=uuid4(), user_id=anna.user_id)
        for odd in (path, path + "/", path.replace("/v1/", "/v1//", 1), path.replace("/v1/me", "/v1/%6de")):
            headers = {"X-HTTP-Method-Override": "GET", "X-Method-Override": "GET"}
            answer = await service.call(route.method, odd, token, headers=headers)
            assert (answer.status, answer.code) == expected or answer.status == 404, (odd, answer)
            if odd == path:
                assert (answer.status, answer.code) == expected, (route.method, odd, answer)
    assert await service.event_types(anna.company_id) == before


async def test_z08_a_session_does_not_serve_as_a_sign_in_in_progress(service: Service) -> None:
    person = await user(service)
    token = await service.sign_in(person)
    for route in ROUTES:
        if route.path.startswith("/v1/sign-ins/current"):
            answer = await service.call(route.method, route.path, token, {"code": "123456"})
            assert (answer.status, answer.code) == (401, "unauthenticated"), route.path


# Rows that nobody's log knows open nothing.


async def plant(service: Service, person: Person, kind: str, secret: bytes, **more: Any) -> UUID:
    planted = uuid4()
    attributes = '{"created_at": "2026-01-01T00:00:00+00:00", "fresh_until": "2099-01-01T00:00:00+00:00", '
    attributes += '"factors": ["password", "otp"], "ip": null, "user_agent": null}'
    await service.parts.pool.execute(
        "INSERT INTO credential (company_id, id, user_id, kind, secret, attributes) VALUES ($1, $2, $3, $4, $5, $6)",
        person.company_id,
        more.get("id", planted),
        person.user_id,
        kind,
        secret,
        attributes,
    )
    return planted


@pytest.mark.parametrize("kind", [CredentialKind.SESSION, CredentialKind.SIGN_IN])
async def test_z01_a_planted_token_row_opens_nothing(service: Service, kind: CredentialKind) -> None:
    person = await user(service, on=True)
    planted = uuid4()
    token = make_token(kind, person.company_id, planted, bytes(32))
    await plant(service, person, kind, token_digest(token), id=planted)
    assert await whoami(service, token) == 401
    assert (await service.give(token, service.code(person))).code == "unauthenticated"


async def test_z01_a_sign_in_row_that_was_turned_into_a_session_opens_nothing(service: Service) -> None:
    person = await user(service, on=True)
    pending = await service.pending(person)
    listed = await service.parts.store.credentials(person.company_id, person.user_id, [CredentialKind.SIGN_IN])
    row = listed[0]
    token = make_token(CredentialKind.SESSION, person.company_id, row.id, bytes(32))
    await service.parts.pool.execute(
        "UPDATE credential SET kind = 'session', secret = $2 WHERE id = $1", row.id, token_digest(token)
    )
    assert await whoami(service, token) == 401
    assert (await service.give(pending, service.code(person))).status == 401


async def test_z01_planted_recovery_codes_and_keys_open_nothing(service: Service) -> None:
    person = await user(service, on=True)
    rows = await service.parts.store.credentials(person.company_id, person.user_id, [CredentialKind.RECOVERY_CODE])
    used = person.recovery_codes[0]
    pending = await service.pending(person)
    path = "/v1/sign-ins/current/recovery-code"
    assert (await service.call("POST", path, pending, {"recovery_code": used})).status == 200
    left = await service.parts.store.credentials(person.company_id, person.user_id, [CredentialKind.RECOVERY_CODE])
    gone = next(row for row in rows if row.id not in {row.id for row in left})
    await plant(service, person, CredentialKind.RECOVERY_CODE, gone.secret)
    await plant(service, person, CredentialKind.RECOVERY_CODE, gone.secret, id=gone.id)
    again = await service.call("POST", path, await service.pending(person), {"recovery_code": used})
    assert (again.status, again.code) == (401, "invalid_code")
    other = await service.person(person.company_id, "ute.acme")
    key = (await service.parts.store.credentials(person.company_id, person.user_id, [CredentialKind.KEY]))[0]
    await plant(service, other, CredentialKind.KEY, key.secret)
    assert (await service.start(other)).json["status"] == "signed_in"  # the log knows of no factor
    token = await service.sign_in(other)
    reset = await service.call("POST", "/v1/me/two-factor/reset", token, {"code": service.code(person)})
    assert (reset.status, reset.code) == (409, "no_key")


# Passwords and e-mail inside a session.


PASSWORD_DOORS: Final[dict[str, dict[str, Any]]] = {
    "/v1/me/step-up": {"password": WRONG},
    "/v1/me/two-factor/enrolment": {"password": WRONG},
    "/v1/me/password": {"old_password": WRONG, "new_password": "Ein neues, langes Kennwort"},
}


async def test_z04_five_wrong_passwords_in_a_session_end_it_and_no_other(service: Service) -> None:
    person = await user(service)
    token, other = await service.sign_in(person), await service.sign_in(person)
    doors = list(PASSWORD_DOORS.items())
    answers: list[Reply] = []
    for number in range(5):
        path, body = doors[number % len(doors)]
        answers.append(await service.call("POST", path, token, body))
    assert [(a.status, a.code) for a in answers] == [(401, "invalid_credentials")] * 5
    path, body = doors[0]
    after = await service.call("POST", path, token, {"password": person.password})
    assert (after.status, after.code) == (401, "unauthenticated")
    assert await whoami(service, other) == 200
    types = await service.event_types(person.company_id)
    assert types.count("SessionPasswordRejected") == 5
    assert types[-1] == "SessionsEnded"


async def test_z04_wrong_passwords_at_once_in_two_processes_end_the_session(service: Service, another: Another) -> None:
    person, other = await user(service), await another()
    token = await service.sign_in(person)
    calls = [process.call("POST", "/v1/me/step-up", token, {"password": WRONG}) for process in (service, other) * 6]
    answers = await asyncio.gather(*calls)
    assert all(answer.status == 401 for answer in answers), answers
    assert await whoami(service, token) == 401
    types = await service.event_types(person.company_id)
    assert types.count("SessionPasswordRejected") == 5


async def test_s03_the_own_e_mail_is_changed_in_a_fresh_session_only(service: Service) -> None:
    person = await user(service, on=True)
    token = await service.sign_in(person)
    service.clock.advance(seconds=301)
    email = {"email": "new@acme.example"}
    stale = await service.call("PATCH", "/v1/me", token, email)
    assert (stale.status, stale.code) == (401, "step_up_required")
    both = await service.call("PATCH", "/v1/me", token, {**email, "language": "en"})
    assert both.code == "step_up_required"
    removed = await service.call("PATCH", "/v1/me", token, {"email": None})
    assert removed.code == "step_up_required"
    assert (await service.call("GET", "/v1/me", token)).json["email"] == "udo@acme.example"
    assert (await service.call("PATCH", "/v1/me", token, {"language": "en"})).status == 200
    fresh = await service.call("POST", "/v1/me/step-up", token, {"code": service.code(person)})
    changed = await service.call("PATCH", "/v1/me", fresh.json["token"], email)
    assert changed.json["email"] == "new@acme.example"
