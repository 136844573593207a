"""One-time passwords: requirements O-01 to O-11."""

import asyncio
import json
import re
from base64 import b64decode
from collections import Counter
from typing import Any, Final

import pytest

from events.user.events import Door
from tests.support.answers import anonymous
from tests.support.doors import DOORS, PATHS, STEP, Visitor, new_visitor
from tests.support.service import Another, Reply, Service
from tests.support.sizes import sized

REFUSALS: Final = {"invalid_code", "no_key", "no_pending_enrolment", "unauthenticated", "enrolment_required"}

# What a caller could send to have it normalised into the right code, `{}`.
MALFORMED_TEXTS: Final = (
    "",
    " ",
    "{} ",
    " {}",
    "{}\n",
    "\t{}",
    "\u200b{}",
    "{}\u200b",
    "\ufeff{}",
    "{}\u00a0",
    "+{}",
    "-{}",
    "0{}",
    "{}0",
    "0x{}",
    "{}.0",
    "{}e0",
    "{},{}",
    "{}{}",
    "{}\u0000",
    "abcdef",
    "12345",
    "1",
    "1_2345",
)


def shifted(code: str, zero: str) -> str:
    """The same digits of another script."""
    return "".join(chr(ord(zero) + int(digit)) for digit in code)


def malformed_bodies(code: str, wrong: str) -> list[bytes]:
    """Everything that is not six ASCII digits in a string, made of the right code where it can be."""
    halves = (f"{code[:3]} {code[3:]}", f"{code[:3]}-{code[3:]}", code[:5], code[1:])
    scripts = tuple(shifted(code, zero) for zero in "０٠०𝟎")
    others: tuple[Any, ...] = (int(code), float(code), True, None, [code], {"code": code}, list(code), [], {})
    values = (*(text.replace("{}", code) for text in MALFORMED_TEXTS), *halves, *scripts, *others)
    more: tuple[Any, ...] = ({}, {"code": code, "otp": code}, {"Code": code}, {"code": code, "code ": code}, [code])
    texts = (f'{{"code": "{wrong}", "code": "{code}"}}', f'{{"code": "{code}"', f'{{"code": "{code}"}}x', "null")
    return [json.dumps(body).encode() for body in (*({"code": value} for value in values), *more, code)] + [
        text.encode() for text in (*texts, "", "[]", f'{{"code": {code}}}', f"{{'code': '{code}'}}")
    ]


@pytest.mark.parametrize("first", DOORS)
async def test_o01_an_accepted_code_never_works_again_at_any_door(service: Service, first: Door) -> None:
    """O-01: every ordered pair of doors, the same code within the same 30 seconds."""
    company = await service.company()
    for second in DOORS:
        guest = await new_visitor(service, company, f"{first}.{second}")
        if second is Door.CONFIRM and first is not Door.CONFIRM:
            await guest.start_replacement()
            service.clock.advance(seconds=STEP)
        code = await guest.pass_through(first)
        if (first, second) == (Door.CONFIRM, Door.CONFIRM):
            await guest.start_replacement(steps=1)
        token = (await service.start(guest.person)).json["token"] if second is Door.SIGN_IN else None
        known = len(await service.events(company))

        again = await guest.give(second, code, token=token)

        assert again.status in (401, 403, 409), (first, second, again)
        assert again.code in REFUSALS, (first, second, again)
        if first not in (Door.RESET, Door.DISABLE):
            assert again.code == "invalid_code", (first, second, again)
        told = (await service.events(company))[known:]
        assert {event["type"] for event in told} <= {"CodeRejected"}, (first, second, told)


async def test_o01_the_code_of_a_demanded_enrolment_does_not_open_the_next_sign_in(service: Service) -> None:
    """O-01: the code of the confirmation, then at the first sign-in."""
    company = await service.company()
    guest = await new_visitor(service, company, "udo.user")
    await guest.pass_through(Door.RESET)
    progress = await service.pending(guest.person)
    started = await service.call("POST", "/v1/sign-ins/current/enrolment", progress)
    guest.person.key = started.json["key"]
    code = service.code(guest.person)
    confirmed = await service.call("POST", "/v1/sign-ins/current/enrolment/confirmation", progress, {"code": code})
    assert confirmed.json["status"] == "signed_in"

    assert (await guest.give(Door.SIGN_IN, code)).code == "invalid_code"
    service.clock.advance(seconds=STEP)
    assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).status == 200


async def test_o02_after_a_step_no_earlier_one_is_accepted(service: Service) -> None:
    """O-02: a phone that is ahead gives the next step's code; then those of this step and of the last are dead."""
    company = await service.company()
    for door in (door for door in DOORS if door is not Door.CONFIRM):
        guest = await new_visitor(service, company, f"u.{door}")
        service.clock.advance(seconds=STEP)
        ahead, now, behind = (service.code(guest.person, steps) for steps in (1, 0, -1))

        assert (await guest.give(Door.STEP_UP, ahead)).status == 200
        for earlier in (now, behind, ahead):
            assert (await guest.give(door, earlier)).code == "invalid_code", door
        service.clock.advance(seconds=STEP)
        assert (await guest.give(door, service.code(guest.person, 1))).status in (200, 201, 204), door


@pytest.mark.timeout(sized(120, 1800))
async def test_o03_of_twenty_uses_of_a_code_at_one_instant_exactly_one_wins(service: Service, another: Another) -> None:
    """O-03: twenty sign-ins in progress, one code, two processes."""
    company = await service.company()
    person = await service.person(company, "udo.user", on=True)
    processes = (service, await another())
    waiting: list[tuple[str, int]] = []  # sign-ins with the tries that they lost
    for _ in range(sized(100, 1000)):
        service.clock.advance(seconds=STEP)
        while len(waiting) < 20:
            waiting.append((await service.pending(person), 0))
        code = service.code(person)
        tried = [
            processes[n % 2].call("POST", PATHS[Door.SIGN_IN], token, {"code": code})
            for n, (token, _) in enumerate(waiting)
        ]
        replies = await asyncio.gather(*tried)

        assert Counter(reply.status for reply in replies) == {200: 1, 401: 19}
        assert {reply.code for reply in replies if reply.status == 401} == {"invalid_code"}
        losers = [held for held, reply in zip(waiting, replies, strict=True) if reply.status == 401]
        waiting = [(token, lost + 1) for token, lost in losers if lost < 3]


async def test_o04_only_the_steps_before_and_after_now_pass(service: Service) -> None:
    """O-04: -1, 0 and +1, and nothing else; a fresh account each."""
    company = await service.company()
    passed = set()
    for steps in range(-3, 4):
        guest = await new_visitor(service, company, f"u{steps}")
        service.clock.advance(seconds=3 * STEP)
        reply = await guest.give(Door.SIGN_IN, service.code(guest.person, steps))
        assert reply.status in (200, 401)
        if reply.status == 200:
            passed.add(steps)
    assert passed == {-1, 0, 1}


async def test_o05_a_client_cannot_shift_the_time(service: Service) -> None:
    """O-05: neither headers nor fields say what time it is."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    token = await service.pending(guest.person)
    then = service.clock.now().timestamp() + 20 * STEP
    for name, value in (("Date", "Tue, 01 Jan 2030 00:00:00 GMT"), ("X-Timestamp", f"{then:.0f}")):
        late = service.code(guest.person, 20)
        reply = await service.call("POST", PATHS[Door.SIGN_IN], token, {"code": late}, headers={name: value})
        assert reply.code == "invalid_code"
    for field in ("time", "timestamp", "for_time", "at", "window"):
        reply = await guest.post(Door.SIGN_IN, {"code": service.code(guest.person), field: then}, token=token)
        assert reply.code == "validation_failed"
    headers = {"Date": "Tue, 01 Jan 2030 00:00:00 GMT", "X-Timestamp": "0"}
    right = {"code": service.code(guest.person)}
    assert (await service.call("POST", PATHS[Door.SIGN_IN], token, right, headers=headers)).status == 200


async def test_o06_what_is_not_six_digits_in_a_string_is_a_format_error(service: Service) -> None:
    """O-06: 422 at every door, nothing on record, nothing counted, and the right code is still good."""
    company = await service.company()
    for door in DOORS:
        guest = await new_visitor(service, company, f"u.{door}")
        if door is Door.CONFIRM:
            guest.person.key = await guest.start_replacement()
            service.clock.advance(seconds=STEP)
        token = await service.pending(guest.person) if door is Door.SIGN_IN else None
        code = service.code(guest.person)
        known = len(await service.events(company))

        for body in malformed_bodies(code, service.wrong_code(guest.person)):
            headers = {"Content-Type": "application/json"}
            reply = await service.call("POST", PATHS[door], token or guest.session, data=body, headers=headers)
            assert (reply.status, reply.code) == (422, "validation_failed"), (door, body)
            assert code.encode() not in reply.raw, "input is never echoed"

        assert len(await service.events(company)) == known, door
        assert (await guest.give(door, code, token=token)).status in (200, 201, 204), door


async def test_o07_leading_zeros_survive(service: Service) -> None:
    """O-07: codes that begin with 0 and with 00 pass as they are shown."""
    person = await service.person(await service.company(), "udo.user", on=True)
    for zeros in ("0", "00"):
        for _ in range(100_000):
            service.clock.advance(seconds=STEP)
            if service.code(person).startswith(zeros):
                break
        code = service.code(person)
        token = await service.pending(person)
        for short in (code.lstrip("0"), int(code)):
            assert (await service.call("POST", PATHS[Door.SIGN_IN], token, {"code": short})).status == 422
        assert (await service.give(token, code)).status == 200


async def test_o08_a_right_code_does_not_help_a_wrong_password(service: Service) -> None:
    """O-08: in every shape; the code is not used up, and no sign-in is in progress."""
    company = await service.company()
    guest = await new_visitor(service, company, "udo.user")
    code = service.code(guest.person)
    wrong = {"login": "udo.user", "password": "not the password"}
    known = len(await service.events(company))
    for field in ("code", "otp", "totp", "one_time_password"):
        assert (await service.call("POST", "/v1/sign-ins", json={**wrong, field: code})).code == "validation_failed"
    for header in ("X-OTP", "X-Code", "X-GitHub-OTP"):
        reply = await service.call("POST", "/v1/sign-ins", json=wrong, headers={header: code})
        assert reply.code == "invalid_credentials"
    assert (await service.call("POST", f"/v1/sign-ins?code={code}", json=wrong)).code == "invalid_credentials"
    told = [event["type"] for event in (await service.events(company))[known:]]
    assert told == ["PasswordRejected"] * 4

    assert (await guest.give(Door.SIGN_IN, code)).status == 200


async def test_o08_a_right_password_alone_leaves_a_sign_in_that_waits_for_the_code(service: Service) -> None:
    """O-08: a code sent along is not looked at, and the token that is handed out opens nothing."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    right = {"login": "udo.user", "password": guest.person.password}
    code = service.code(guest.person)
    assert (await service.call("POST", "/v1/sign-ins", json={**right, "code": code})).status == 422
    started = await service.call("POST", "/v1/sign-ins", json=right, headers={"X-OTP": code})
    assert started.json["status"] == "code_required"
    assert started.json["user"] is None
    assert (await service.call("GET", "/v1/me", started.json["token"])).status == 401
    assert (await service.give(started.json["token"], code)).status == 200


async def test_o09_a_code_belongs_to_one_user(service: Service) -> None:
    """O-09: two sign-ins from one browser; the one's code does not open the other, and is not used up by it."""
    company = await service.company()
    udo, uta = await new_visitor(service, company, "udo.user"), await new_visitor(service, company, "uta.user")
    udos, utas = await service.pending(udo.person), await service.pending(uta.person)
    code = service.code(uta.person)
    assert code != service.code(udo.person)

    crossed = {"Cookie": f"token={utas}; session={utas}", "X-Sign-In": utas}
    for headers in ({}, crossed):
        reply = await service.call("POST", PATHS[Door.SIGN_IN], udos, {"code": code}, headers=headers)
        assert reply.code == "invalid_code"
    for field in ("user_id", "sign_in_id", "login", "token"):
        body = {"code": code, field: str(uta.person.user_id)}
        assert (await service.call("POST", PATHS[Door.SIGN_IN], udos, body)).status == 422
    both = [("Authorization", f"Bearer {udos}"), ("Authorization", f"Bearer {utas}")]
    async with service.http.post(service.url + PATHS[Door.SIGN_IN], json={"code": code}, headers=both) as answer:
        assert answer.status == 401
    assert (await service.give(_with_id_of(udos, utas), code)).code == "unauthenticated"
    assert (await service.give(utas, code)).status == 200


def _with_id_of(token: str, other: str) -> str:
    """The first token with the ids of the second: company and credential, 32 bytes, stand before the secret."""
    prefix, cut = "fl_signin_", 40  # 40 characters are 30 bytes: the credential's id differs
    assert b64decode(token[len(prefix) :] + "==", altchars=b"-_")
    return other[: len(prefix) + cut] + token[len(prefix) + cut :]


async def test_o10_wrong_expired_used_paused_and_locked_get_one_answer(service: Service) -> None:
    """O-10: byte by byte, at every door, but for the request's id."""
    company = await service.company()
    answers: dict[str, Reply] = {}
    for door in DOORS:
        guest = await new_visitor(service, company, f"u.{door}")
        if door is Door.CONFIRM:
            guest.person.key = await guest.start_replacement()
            service.clock.advance(seconds=STEP)
        else:
            answers[f"{door} used"] = await guest.give(door, await guest.pass_through(Door.STEP_UP))
        answers[f"{door} expired"] = await guest.give(door, service.code(guest.person, -3))
        answers[f"{door} wrong"] = await guest.fail(door)
        service.clock.advance(seconds=STEP)
        for _ in range(3):
            await guest.fail(Door.SIGN_IN)
        answers[f"{door} paused"] = await guest.give(door, service.code(guest.person))
        for pause in (60, 120, 240, 480, 960):
            service.clock.advance(seconds=pause)
            await guest.fail(Door.STEP_UP)
        locked = await service.call("GET", "/v1/me/two-factor", guest.session)
        assert locked.json["locked_until"] is not None
        if door is not Door.CONFIRM:  # the key that waits has died meanwhile
            answers[f"{door} locked"] = await guest.give(door, service.code(guest.person))

    assert len(answers) == 5 * len(DOORS) - 2
    seen = {case: anonymous(reply) for case, reply in answers.items()}
    expected = seen["sign_in wrong"]
    assert expected[0] == 401
    assert {case for case, answer in seen.items() if answer != expected} == set()


async def test_o10_a_locked_account_and_a_disabled_factor_answer_the_same(service: Service) -> None:
    """O-10: also after a hundred failures."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    wrong = await guest.fail(Door.SIGN_IN)
    await fail_until_disabled(guest, 1)
    assert anonymous(await guest.give(Door.SIGN_IN, service.code(guest.person))) == anonymous(wrong)


async def fail_until_disabled(guest: Visitor, failed: int) -> None:
    """On to a hundred failures in a row, each in a sign-in after whatever pause or lock."""
    for _ in range(failed, 100):
        await guest.fail(Door.SIGN_IN)
        guest.service.clock.advance(days=20)


async def test_o11_every_start_makes_a_key_of_its_own(service: Service) -> None:
    """O-11: 160 bits, never the same, every character as likely as any other."""
    person = await service.person(await service.company(), "udo.user")
    token = await service.sign_in(person)
    keys: list[str] = []
    for _ in range(sized(200, 1000)):
        started = await service.call("POST", "/v1/me/two-factor/enrolment", token, {"password": person.password})
        keys.append(started.json["key"])

    assert all(re.fullmatch(r"[A-Z2-7]{32}", key) for key in keys)
    assert len(set(keys)) == len(keys)
    expected = len(keys)  # 32 characters a key, 32 characters in the alphabet
    drawn = Counter("".join(keys))
    chi_square = sum((drawn[letter] - expected) ** 2 / expected for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    assert chi_square < 75.0, "31 degrees of freedom: chance gives more once in 50,000 runs"


async def test_o11_switching_off_and_on_again_makes_a_new_key(service: Service) -> None:
    """O-11: the key before and after differs."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    before = guest.person.key
    await guest.pass_through(Door.DISABLE)
    await service.enrol_in(guest.person, guest.session)
    assert guest.person.key != before


async def test_o13_no_code_is_in_the_log_or_in_a_problem(service: Service) -> None:
    """O-13: right, wrong and malformed ones, in every stored entry and every answer."""
    company = await service.company()
    guest = await new_visitor(service, company, "udo.user")
    given, answers = set(), b""
    for door in (Door.STEP_UP, Door.RECOVERY_CODES):
        for code in ("729183", service.code(guest.person), "7291830"):
            reply = await guest.give(door, code)
            given.add(code)
            answers += reply.raw if reply.status >= 400 else b""
        service.clock.advance(seconds=STEP)
    log = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "id", json.dumps(await service.events(company)))
    for code in given:
        assert not re.search(rf"(?<![0-9]){code}(?![0-9])", log)
        assert code.encode() not in answers
