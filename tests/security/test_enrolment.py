"""Enrolment: requirements E-01 to E-13."""

import asyncio
import base64
from collections import Counter
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from yarl import URL

from events.company.policy import Policy
from events.user.events import Door
from services.api.routes import ROUTES
from tests.support.doors import STEP, Visitor, new_visitor
from tests.support.paths import filled
from tests.support.searching import every_get, forms, found_in, stored_text
from tests.support.service import Another, Person, Reply, Service
from tests.support.sizes import sized

START: Final = "/v1/me/two-factor/enrolment"
CONFIRM: Final = "/v1/me/two-factor/enrolment/confirmation"
DEMANDED: Final = "/v1/sign-ins/current/enrolment"
DEMANDED_CONFIRM: Final = "/v1/sign-ins/current/enrolment/confirmation"
OPEN_WHILE_ENROLLING: Final = {
    ("DELETE", "/v1/sign-ins/current"),
    ("POST", DEMANDED),
    ("POST", DEMANDED_CONFIRM),
}
FOR_ANYONE: Final = {("POST", "/v1/sign-ins")}


async def start(service: Service, person: Person, token: str) -> str:
    """The key that is shown to a session, by the password."""
    started = await service.call("POST", START, token, {"password": person.password})
    assert started.status == 201, started
    return str(started.json["key"])


async def confirm(service: Service, person: Person, token: str, key: str, steps: int = 0) -> Reply:
    """A code of that key, in that session."""
    shown = Person(person.login, person.user_id, person.company_id, key=key)
    return await service.call("POST", CONFIRM, token, {"code": service.code(shown, steps)})


async def state_of(service: Service, token: str) -> str:
    return str((await service.call("GET", "/v1/me/two-factor", token)).json["state"])


async def ordered(service: Service, company: UUID, login: str) -> Person:
    """A user who has to enrol at the next sign-in."""
    person = await service.person(company, login)
    await service.parts.console.order_enrolment(await service.parts.console.find_user(login), "new rule")
    return person


async def test_e01_a_started_enrolment_switches_nothing_on(service: Service) -> None:
    """E-01: signed out and in again, no code is asked for, and the key that was shown opens nothing."""
    person = await service.person(await service.company(), "udo.user")
    token = await service.sign_in(person)
    key = await start(service, person, token)
    assert await state_of(service, token) == "off"
    await service.call("POST", "/v1/me/sign-out", token)

    again = await service.start(person)
    assert again.json["status"] == "signed_in"
    assert (await confirm(service, person, again.json["token"], key)).code == "no_pending_enrolment"
    assert await state_of(service, again.json["token"]) == "off"


async def test_e01_a_working_key_works_until_the_new_one_is_confirmed(service: Service) -> None:
    """E-01: cancelled, abandoned or expired, a replacement changes nothing."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    old = guest.person.key
    for end in ("cancel", "expire", "sign out"):
        new = await guest.start_replacement()
        service.clock.advance(seconds=STEP)
        guest.person.key = new
        assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).code == "invalid_code"
        guest.person.key = old
        if end == "cancel":
            assert (await service.call("DELETE", START, guest.session)).status == 204
        elif end == "expire":
            service.clock.advance(minutes=10)
        else:
            await service.call("POST", "/v1/me/sign-out", guest.session)
            guest.session = await service.sign_in(guest.person)
        assert (await confirm(service, guest.person, guest.session, new)).code == "no_pending_enrolment"
        service.clock.advance(seconds=STEP)
        guest.session = await service.sign_in(guest.person)
        service.clock.advance(seconds=STEP)
        assert await state_of(service, guest.session) == "on"


async def test_e02_a_new_start_voids_the_earlier_key(service: Service) -> None:
    """E-02: a fresh key each time; only the last one can be confirmed."""
    person = await service.person(await service.company(), "udo.user")
    token = await service.sign_in(person)
    first, second = await start(service, person, token), await start(service, person, token)
    assert first != second
    assert (await confirm(service, person, token, first)).code == "invalid_code"
    assert (await confirm(service, person, token, second)).status == 200


async def test_e02_a_key_waits_ten_minutes(service: Service) -> None:
    """E-02: a second before the end it can be confirmed, at the end it cannot."""
    company = await service.company()
    for login, wait, status in (("udo.user", 599, 200), ("uta.user", 600, 409)):
        person = await service.person(company, login)
        token = await service.sign_in(person)
        key = await start(service, person, token)
        service.clock.advance(seconds=wait)
        assert (await confirm(service, person, token, key)).status == status


async def test_e03_a_key_is_bound_to_the_session_that_started_it(service: Service) -> None:
    """E-03: neither session confirms with the other's key."""
    person = await service.person(await service.company(), "udo.user")
    first, second = await service.sign_in(person), await service.sign_in(person)
    of_first = await start(service, person, first)
    assert (await confirm(service, person, second, of_first)).code == "no_pending_enrolment"
    of_second = await start(service, person, second)
    assert (await confirm(service, person, first, of_second)).code == "no_pending_enrolment"
    assert (await confirm(service, person, first, of_first)).code == "no_pending_enrolment"
    assert (await confirm(service, person, second, of_first)).code == "invalid_code"
    assert await state_of(service, first) == "off"
    assert (await confirm(service, person, second, of_second)).status == 200


async def test_e03_a_key_is_bound_to_the_sign_in_that_started_it(service: Service) -> None:
    """E-03: the same where the enrolment is demanded."""
    person = await ordered(service, await service.company(), "udo.user")
    first, second = await service.pending(person), await service.pending(person)
    person.key = (await service.call("POST", DEMANDED, first)).json["key"]
    refused = await service.call("POST", DEMANDED_CONFIRM, second, {"code": service.code(person)})
    assert refused.code == "no_pending_enrolment"
    assert (await service.call("POST", DEMANDED_CONFIRM, first, {"code": service.code(person)})).status == 200


async def test_e04_a_confirmed_key_is_shown_to_nobody_again(service: Service) -> None:
    """E-04: no read of any role, no repetition of the start, no row of the database has it."""
    company = await service.company()
    admin = await service.person(company, "anna.admin", "administrator", on=True)
    auditor = await service.person(company, "axel.audit", "auditor", on=True)
    person = await service.person(company, "udo.user")
    token = await service.sign_in(person)
    body, again = {"password": person.password}, {"Idempotency-Key": "one"}
    person.key = (await service.call("POST", START, token, body, headers=again)).json["key"]
    done = await confirm(service, person, token, person.key or "")
    secrets = set(forms(person.key or "", base64.b32decode(person.key or "")))

    assert not found_in(done.raw.decode(), secrets)
    replies = {"repeated": await service.call("POST", START, token, body, headers=again)}
    assert replies["repeated"].status == 409
    replies["started anew"] = await service.call("POST", START, token, body)
    for path in (START, CONFIRM, f"{START}.svg", f"{START}/qr"):
        replies[path] = await service.call("GET", path, token)
        assert replies[path].status in (404, 405)
    for reader in (token, await service.sign_in(admin), await service.sign_in(auditor)):
        replies |= {f"{reader} {k}": r for k, r in (await every_get(service, reader, person.user_id)).items()}
    for place, reply in replies.items():
        assert not found_in(reply.raw.decode(), secrets), place
    assert not found_in(await stored_text(service), secrets)


async def test_e05_a_start_needs_a_proof_of_now(service: Service) -> None:
    """E-05: the password where no factor is on, a code where one is; an old session alone starts nothing."""
    company = await service.company()
    person = await service.person(company, "udo.user")
    token = await service.sign_in(person)
    service.clock.advance(minutes=30)
    assert (await service.call("POST", START, token, {})).status == 422
    assert (await service.call("POST", START, token)).status == 422
    assert (await service.call("POST", START, token, {"code": "123456"})).code == "no_key"
    assert (await service.call("POST", START, token, {"password": "wrong"})).code == "invalid_credentials"
    assert (await service.call("POST", START, token, {"password": person.password, "code": "123456"})).status == 422

    guest = await new_visitor(service, company, "uta.user")
    refused = await service.call("POST", START, guest.session, {"password": guest.person.password})
    assert refused.code == "step_up_required"
    body = {"recovery_code": guest.person.recovery_codes[0]}
    assert (await service.call("POST", START, guest.session, body)).status == 422
    await guest.fail(Door.REPLACE)
    types = await service.event_types(company)
    assert types.count("EnrolmentStarted") == 1, "the one of the user who is on"


async def test_e05_five_wrong_passwords_end_the_session(service: Service) -> None:
    """E-05: a stolen session is no place to guess the password."""
    person = await service.person(await service.company(), "udo.user")
    token = await service.sign_in(person)
    for _ in range(5):
        assert (await service.call("POST", START, token, {"password": "wrong"})).code == "invalid_credentials"
    assert (await service.call("POST", START, token, {"password": person.password})).code == "unauthenticated"


async def test_e06_a_sign_in_that_waits_for_a_code_cannot_enrol(service: Service) -> None:
    """E-06: neither by its own doors nor by those of a session; not with the right code either."""
    company = await service.company()
    guest = await new_visitor(service, company, "udo.user")
    token = await service.pending(guest.person)
    known = len(await service.events(company))
    body = {"code": service.code(guest.person)}
    assert (await service.call("POST", DEMANDED, token)).code == "conflict"
    assert (await service.call("POST", DEMANDED_CONFIRM, token, body)).code == "no_pending_enrolment"
    for method, path in (("POST", START), ("POST", CONFIRM), ("DELETE", START)):
        assert (await service.call(method, path, token, body)).code == "unauthenticated"
    assert len(await service.events(company)) == known

    waiting = await guest.start_replacement()
    service.clock.advance(seconds=STEP)
    shown = Person("udo.user", guest.person.user_id, company, key=waiting)
    refused = await service.call("POST", DEMANDED_CONFIRM, token, {"code": service.code(shown)})
    assert refused.code == "no_pending_enrolment"
    assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).status == 200


def disguised(path: str) -> tuple[str, ...]:
    """Spellings of a path that a lax router would take for it."""
    head, _, tail = path[1:].partition("/")
    last, doubled = tail.rpartition("/")[2], path.replace("/", "//")
    return (
        f"{path}/",
        f"{path}//",
        doubled,
        f"/{path}",
        f"/{head}//{tail}",
        f"/{head}/%2e/{tail}",
        f"/{head}/./{tail}",
        f"/{head}/sign-ins/%2e%2e/{tail}",
        f"/{head}/sign-ins/../{tail}",
        f"/{head}/sign-ins/current/enrolment/..%2f..%2f..%2f{tail}",
        f"{path}%2f",
        f"{path};x=1",
        f"{path}%00",
        f"{path}.json",
        path.replace(last, f"%{ord(last[0]):02x}{last[1:]}") if last else path,
        path.upper(),
    )


async def spelled(service: Service, method: str, path: str, token: str, **headers: str) -> tuple[int, bytes]:
    """A request whose path goes out as it is written."""
    sent = {"Authorization": f"Bearer {token}", **headers}
    async with service.http.request(method, URL(service.url + path, encoded=True), headers=sent) as answer:
        return answer.status, await answer.read()


async def test_e07_a_sign_in_that_must_enrol_reaches_nothing_else(service: Service) -> None:
    """E-07: every route of the table is 403 for it, before its body is read, but for the three it needs."""
    company = await service.company()
    other = await service.person(company, "uta.user")
    person = await ordered(service, company, "udo.user")
    token = await service.pending(person)
    assert (await service.call("POST", DEMANDED, token)).status == 201
    known = len(await service.events(company))

    assert {(route.method, route.path) for route in ROUTES} > OPEN_WHILE_ENROLLING | FOR_ANYONE
    closed = [r for r in ROUTES if (r.method, r.path) not in OPEN_WHILE_ENROLLING | FOR_ANYONE]
    for route in closed:
        path = filled(route.path, any_id=other.user_id)
        for body in (None, {}, {"code": "123456"}, {"reason": "x"}):
            reply = await service.call(route.method, path, token, body)
            assert (reply.status, reply.code) == (403, "enrolment_required"), (route.method, path, body)
    assert len(await service.events(company)) == known
    assert (await service.start(person)).json["status"] == "enrolment_required"


async def test_e07_no_spelling_and_no_header_is_a_way_round(service: Service) -> None:
    """E-07: HEAD, other methods, slashes, dots, escapes, and headers that name another method or path."""
    company = await service.company()
    other = await service.person(company, "uta.user")
    person = await ordered(service, company, "udo.user")
    token = await service.pending(person)
    known = len(await service.events(company))
    overrides = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
    paths = {(r.method, r.path) for r in ROUTES} - OPEN_WHILE_ENROLLING - FOR_ANYONE
    for method, template in sorted(paths):
        path = filled(template, any_id=other.user_id)
        for sent in ("HEAD", "OPTIONS", "TRACE", "PROPFIND"):
            status, _ = await spelled(service, sent, path, token)
            assert status in (403, 404, 405), (sent, path)
        for spelling in disguised(path):
            status, body = await spelled(service, method, spelling, token)
            assert status in (403, 404, 405), (method, spelling)
            assert person.login.encode() not in body
        for header in overrides:
            status, _ = await spelled(service, "GET" if method != "GET" else "POST", path, token, **{header: method})
            assert status in (403, 405), (header, path)
        for header in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix"):
            status, _ = await spelled(service, "GET", "/v1/nowhere", token, **{header: path})
            assert status == 404
        status, _ = await spelled(service, method, f"{path}?_method=GET&token={token}", token)
        assert status == 403
    assert len(await service.events(company)) == known


async def test_e08_switching_on_ends_all_other_sessions_and_sign_ins(service: Service, another: Another) -> None:
    """E-08: on both processes, with the very next request; the session that confirmed stays."""
    person = await service.person(await service.company(), "udo.user")
    other = await another()
    kept = await service.sign_in(person)
    ended = [await process.sign_in(person) for process in (service, other, service, other)]
    await service.enrol_in(person, kept)
    for token in ended:
        assert [(await process.call("GET", "/v1/me", token)).status for process in (service, other)] == [401, 401]
    assert (await other.call("GET", "/v1/me", kept)).status == 200


async def test_e08_a_replacement_ends_the_sign_ins_that_the_old_key_would_open(service: Service) -> None:
    """E-08: begun before, dead after, with whatever code."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    new = await guest.start_replacement()
    service.clock.advance(seconds=STEP)
    begun = await service.pending(guest.person)
    old_code = service.code(guest.person)
    assert (await confirm(service, guest.person, guest.session, new)).status == 200
    assert (await service.give(begun, old_code)).code == "unauthenticated"
    assert (await guest.give(Door.SIGN_IN, old_code)).code == "invalid_code"


async def test_e09_the_key_uri_names_the_user_and_has_one_secret(service: Service) -> None:
    """E-09: whatever the login is; sent with no-store, in answer to POST only, without a foreign address."""
    company = await service.company("Acme & Söhne")
    odd = ("a:b", "50%", "x&secret=AAAA", "x#y", "x?issuer=Evil", "a/b\\c", "ü+ß =", "a%3Ab")
    for login in (*odd, "\U0001f642" * 64):
        person = await service.person(company, login)
        started = await service.call("POST", START, await service.sign_in(person), {"password": person.password})
        uri = urlsplit(started.json["otpauth_uri"])
        assert (uri.scheme, uri.netloc, uri.fragment) == ("otpauth", "totp", "")
        assert unquote(uri.path) == f"/Factorlog:Acme & Söhne:{login}"
        asked = parse_qs(uri.query, strict_parsing=True)
        assert asked["secret"] == [started.json["key"]]
        assert asked["issuer"] == ["Factorlog"]
        assert started.headers["Cache-Control"] == "no-store"
        svg = started.json["qr_svg"]
        assert svg.startswith("<svg")
        assert "http" not in svg.replace('xmlns="http://www.w3.org/2000/svg"', "")


async def test_e10_a_waiting_key_takes_five_tries(service: Service) -> None:
    """E-10: they count on the account; after them the right code does not confirm; a new start does."""
    person = await service.person(await service.company(), "udo.user")
    token = await service.sign_in(person)
    person.key = await start(service, person, token)
    for _ in range(5):
        reply = await service.call("POST", CONFIRM, token, {"code": service.wrong_code(person)})
        assert reply.code == "invalid_code"
    assert (await service.call("POST", CONFIRM, token, {"code": service.code(person)})).code == "no_pending_enrolment"
    state = (await service.call("GET", "/v1/me/two-factor", token)).json
    assert state["locked_until"] is not None
    service.clock.advance(seconds=60)
    assert (await service.call("POST", CONFIRM, token, {"code": service.code(person)})).code == "no_pending_enrolment"
    assert await state_of(service, token) == "off"
    assert (await confirm(service, person, token, await start(service, person, token))).status == 200


async def test_e11_of_many_confirmations_at_one_instant_one_counts(service: Service, another: Another) -> None:
    """E-11: ten over two processes, two starts before; one key, one fact, one set of recovery codes."""
    company = await service.company()
    processes = (service, await another())
    for n in range(sized(10, 100)):
        person = await service.person(company, f"u{n}")
        sessions = [await service.sign_in(person), await service.sign_in(person)]
        keys = await asyncio.gather(
            *(start(process, person, token) for process, token in zip(processes, sessions, strict=True))
        )
        known = len(await service.events(company))
        replies = await asyncio.gather(
            *(confirm(processes[i % 2], person, sessions[i // 2 % 2], keys[i // 2 % 2]) for i in range(10))
        )

        assert Counter(reply.status for reply in replies)[200] == 1
        assert all(reply.status in (200, 401, 409) for reply in replies)
        told = Counter(event["type"] for event in (await service.events(company))[known:])
        assert (told["TwoFactorEnabled"], told["RecoveryCodesIssued"]) == (1, 1)
        won = next(i for i, reply in enumerate(replies) if reply.status == 200)
        person.key, codes = keys[won // 2 % 2], replies[won].json["recovery_codes"]
        service.clock.advance(minutes=2)
        guest = Visitor(service, person, await service.sign_in(person))
        assert (await guest.give_recovery_code(Door.SIGN_IN, codes[9])).status == 200


async def test_e12_an_ordered_enrolment_is_a_limited_window(service: Service) -> None:
    """E-12: open for 72 hours, then the password alone opens nothing until it is ordered anew."""
    company = await service.company()
    admin = await service.person(company, "anna.admin", "administrator", on=True)
    guest = await new_visitor(service, company, "udo.user")
    path = f"/v1/users/{guest.person.user_id}/two-factor"
    token = await service.sign_in(admin)
    assert (await service.call("POST", f"{path}/reset", token, {"reason": "lost phone"})).status == 200
    awaiting = (await service.call("GET", "/v1/users?two_factor=enrolment_required", token)).json["items"]
    assert [user["login"] for user in awaiting] == ["udo.user"]

    service.clock.advance(hours=72, seconds=-1)
    assert (await service.start(guest.person)).json["status"] == "enrolment_required"
    service.clock.advance(seconds=2)
    closed = await service.start(guest.person)
    assert (closed.status, closed.code) == (403, "contact_administrator")
    wrong = await service.start(guest.person, "not the password")
    assert wrong.code == "invalid_credentials", "only who knows the password learns of it"
    assert (await service.event_types(company)).count("SignInRefused") == 1

    token = await service.sign_in(admin)
    assert (await service.call("GET", path, token)).json["next_sign_in"] == "contact_administrator"
    assert (await service.call("POST", f"{path}/enable", token, {"reason": "called back"})).status == 200
    assert (await service.start(guest.person)).json["status"] == "enrolment_required"


async def test_e12_an_order_anew_ends_an_enrolment_that_was_started_before(service: Service) -> None:
    """E-12: whoever started under the earlier order cannot confirm under the new one."""
    company = await service.company()
    admin = await service.person(company, "anna.admin", "administrator", on=True)
    person = await ordered(service, company, "udo.user")
    early = await service.pending(person)
    person.key = (await service.call("POST", DEMANDED, early)).json["key"]
    token = await service.sign_in(admin)
    path = f"/v1/users/{person.user_id}/two-factor/enable"
    assert (await service.call("POST", path, token, {"reason": "again"})).status == 200
    refused = await service.call("POST", DEMANDED_CONFIRM, early, {"code": service.code(person)})
    assert refused.code == "unauthenticated"
    assert (await service.start(person)).json["status"] == "enrolment_required"


async def test_e12_order_and_completion_are_told_to_the_user(service: Service) -> None:
    """E-12: a mail waits in the commit of each."""
    company = await service.company()
    person = await ordered(service, company, "udo.user")
    token = await service.pending(person)
    person.key = (await service.call("POST", DEMANDED, token)).json["key"]
    await service.call("POST", DEMANDED_CONFIRM, token, {"code": service.code(person)})
    due = await service.parts.pool.fetch(
        "SELECT e.type FROM effect AS f JOIN event AS e USING (company_id, position) WHERE f.kind = 'notify_user'"
    )
    assert {"TwoFactorOrdered", "TwoFactorEnabled"} <= {row["type"] for row in due}


async def test_e12_the_policys_window_opens_at_the_first_right_password(service: Service) -> None:
    """E-12: nobody comes back from a holiday to a closed door, and nobody keeps the door open for ever."""
    company = await service.company()
    person = await service.person(company, "udo.user")
    await service.parts.console.change_policy(company, Policy(requirement="required"))
    service.clock.advance(days=30)
    assert (await service.start(person, "not the password")).code == "invalid_credentials"
    service.clock.advance(days=30)
    for _ in range(2):
        assert (await service.start(person)).json["status"] == "enrolment_required"
        service.clock.advance(hours=36)
    assert (await service.start(person)).code == "contact_administrator"


async def test_e13_an_administrator_never_sees_key_or_codes(service: Service) -> None:
    """E-13: in no answer to an act, in no read, before and after the user enrolled."""
    company = await service.company()
    admin = await service.sign_in(await service.person(company, "anna.admin", "administrator", on=True))
    person = await ordered(service, company, "udo.user")
    token = await service.pending(person)
    shown = (await service.call("POST", DEMANDED, token)).json
    replies = await every_get(service, admin, person.user_id)
    person.key = shown["key"]
    done = await service.call("POST", DEMANDED_CONFIRM, token, {"code": service.code(person)})
    replies |= {f"{path} then": reply for path, reply in (await every_get(service, admin, person.user_id)).items()}
    for act in ("unlock", "reset", "enable", "disable"):
        path = f"/v1/users/{person.user_id}/two-factor/{act}"
        replies[act] = await service.call("POST", path, admin, {"reason": "x"})
        assert replies[act].status == 200
    secrets = {form for code in done.json["recovery_codes"] for form in forms(code, b32(code))}
    secrets |= {*forms(shown["key"], b32(shown["key"])), shown["otpauth_uri"], shown["qr_svg"]}
    for place, reply in replies.items():
        assert not found_in(reply.raw.decode(), secrets), place


def b32(text: str) -> bytes:
    return base64.b32decode(text.replace("-", ""))
