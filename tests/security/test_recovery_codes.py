"""Recovery codes: requirements R-01 to R-10."""

import asyncio
import base64
import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Final

import pytest

from events.recovery_codes import hash_code
from events.user.events import Door
from tests.support.answers import anonymous
from tests.support.doors import STEP, Visitor, new_visitor
from tests.support.searching import every_get, forms, found_in, stored_text
from tests.support.service import Another, Reply, Service
from tests.support.sizes import sized

AT_SIGN_IN: Final = "/v1/sign-ins/current/recovery-code"
SHOWN: Final = re.compile(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}")


async def give(service: Service, token: str, code: object) -> Reply:
    return await service.call("POST", AT_SIGN_IN, token, {"recovery_code": code})


async def new_set(guest: Visitor) -> list[str]:
    """Ten codes more, the older ones void."""
    guest.service.clock.advance(seconds=STEP)
    reply = await guest.give(Door.RECOVERY_CODES, guest.service.code(guest.person))
    assert reply.status == 201, reply
    guest.person.recovery_codes = reply.json["recovery_codes"]
    return guest.person.recovery_codes


async def codes_left(guest: Visitor) -> int:
    state = await guest.service.call("GET", "/v1/me/two-factor", guest.session)
    return int(state.json["recovery_codes_left"])


async def test_r01_codes_have_eighty_bits_and_never_repeat(service: Service) -> None:
    """R-01: ten in a set, base32 in groups of four, no character that is taken for another."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    seen = list(guest.person.recovery_codes)
    for _ in range(sized(100, 1000)):
        seen += await new_set(guest)

    assert all(SHOWN.fullmatch(code) for code in seen)
    assert len(set(seen)) == len(seen) == 10 * sized(101, 1001)
    drawn = Counter("".join(seen).replace("-", ""))
    assert not set("0189") & set(drawn)
    assert 16 * math.log2(len(drawn)) >= 80


async def test_r02_codes_are_shown_once(service: Service) -> None:
    """R-02: nothing that the owner, an administrator or an auditor can read has them; there is only a count."""
    company = await service.company()
    admin = await service.person(company, "anna.admin", "administrator", on=True)
    auditor = await service.person(company, "axel.audit", "auditor", on=True)
    guest = await new_visitor(service, company, "udo.user")
    codes = [*guest.person.recovery_codes, *await new_set(guest)]
    service.clock.advance(seconds=STEP)
    await guest.give_recovery_code(Door.SIGN_IN, codes[10])
    secrets = {form for code in codes for form in forms(code, raw(code))}

    for token in (guest.session, await service.sign_in(admin), await service.sign_in(auditor)):
        replies = await every_get(service, token, guest.person.user_id)
        assert replies["/v1/me"].status == 200
        for path, reply in replies.items():
            assert not found_in(reply.raw.decode(), secrets), path
            assert not found_in(str(reply.headers), secrets), path
    assert await codes_left(guest) == 9
    again = await service.call("GET", "/v1/me/two-factor/recovery-codes", guest.session)
    assert again.status == 405


def raw(code: str) -> bytes:
    return base64.b32decode(code.replace("-", ""))


async def test_r03_only_keyed_hashes_are_stored(service: Service) -> None:
    """R-03: no table holds a code in any form."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    codes = [*guest.person.recovery_codes, *await new_set(guest)]
    await guest.give_recovery_code(Door.SIGN_IN, codes[10])
    await guest.give_recovery_code(Door.SIGN_IN, codes[0])
    dump = await stored_text(service)
    assert str(guest.person.user_id) in dump
    assert not found_in(dump, (form for code in codes for form in forms(code, raw(code))))


def test_r03_equal_codes_of_two_people_have_different_hashes() -> None:
    """R-03: the hash is keyed by the person, because a code has less than 112 bits."""
    code = "ABCD-EFGH-IJKL-MNOP"
    assert hash_code(code, b"\x01" * 32) != hash_code(code, b"\x02" * 32)


@pytest.mark.timeout(sized(120, 1800))
async def test_r04_of_twenty_uses_of_a_code_at_one_instant_exactly_one_wins(service: Service, another: Another) -> None:
    """R-04: over two processes; the count falls by one, and the code never works again."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    processes = (service, await another())
    waiting: list[tuple[str, int]] = []  # sign-ins with the tries that they may have lost
    spent: list[str] = []
    for _ in range(sized(50, 500)):
        service.clock.advance(seconds=60)  # of the pause that the losers of the last round brought
        if len(guest.person.recovery_codes) == len(spent):
            spent = []
            await new_set(guest)
        while len(waiting) < 20:
            waiting.append((await service.pending(guest.person), 0))
        code = guest.person.recovery_codes[len(spent)]
        replies = await asyncio.gather(*(give(processes[n % 2], t, code) for n, (t, _) in enumerate(waiting)))

        assert Counter(reply.status for reply in replies) == {200: 1, 401: 19}
        spent.append(code)
        guest.session = next(reply.json["token"] for reply in replies if reply.status == 200)
        assert await codes_left(guest) == 10 - len(spent)
        losers = [held for held, reply in zip(waiting, replies, strict=True) if reply.status == 401]
        waiting = [(token, lost + 1) for token, lost in losers if lost < 3]

    for code in spent:
        service.clock.advance(hours=12)
        assert (await guest.give_recovery_code(Door.SIGN_IN, code)).code == "invalid_code"


async def test_r05_a_code_belongs_to_its_user(service: Service) -> None:
    """R-05: not a colleague's, not another company's; and it is not used up by the attempt."""
    company, foreign = await service.company(), await service.company("Beta AG")
    udo = await new_visitor(service, company, "udo.user")
    for owner in (await new_visitor(service, company, "uta.user"), await new_visitor(service, foreign, "ben.user")):
        code = owner.person.recovery_codes[3]
        assert (await udo.give_recovery_code(Door.SIGN_IN, code)).code == "invalid_code"
        udo.session = await service.fresh_sign_in(udo.person)
        assert (await udo.give_recovery_code(Door.RESET, code)).code == "invalid_code"
        assert (await owner.give_recovery_code(Door.SIGN_IN, code)).status == 200


@pytest.mark.parametrize("act", ["new set", "replacement", "reset", "disable", "admin reset", "admin disable"])
async def test_r06_every_change_of_the_factor_voids_the_older_codes(service: Service, act: str) -> None:
    """R-06: the old code is refused, also when a factor is on again."""
    company = await service.company()
    guest = await new_visitor(service, company, "udo.user")
    old = guest.person.recovery_codes[0]
    if act.startswith("admin"):
        admin = await service.sign_in(await service.person(company, "anna.admin", "administrator", on=True))
        path = f"/v1/users/{guest.person.user_id}/two-factor/{act.removeprefix('admin ')}"
        assert (await service.call("POST", path, admin, {"reason": "lost phone"})).status == 200
    else:
        doors = {"new set": Door.RECOVERY_CODES, "replacement": Door.CONFIRM, "reset": Door.RESET}
        await guest.pass_through(doors.get(act, Door.DISABLE))
    await enrol_again_where_needed(guest)

    service.clock.advance(seconds=STEP)
    refused = await guest.give_recovery_code(Door.SIGN_IN, old)
    assert (refused.status, refused.code) == (401, "invalid_code")
    assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).status == 200


async def enrol_again_where_needed(guest: Visitor) -> None:
    """A factor that is on after whatever happened; on the way the old codes open nothing either."""
    service, person = guest.service, guest.person
    started = (await service.start(person)).json
    if started["status"] == "enrolment_required":
        assert (await give(service, started["token"], person.recovery_codes[0])).code == "enrolment_required"
        shown = await service.call("POST", "/v1/sign-ins/current/enrolment", started["token"])
        person.key = shown.json["key"]
        path = "/v1/sign-ins/current/enrolment/confirmation"
        done = await service.call("POST", path, started["token"], {"code": service.code(person)})
        assert done.json["status"] == "signed_in"
    elif started["status"] == "signed_in":
        await service.enrol_in(person, started["token"])


async def test_r07_use_and_reissue_are_told_to_the_user(service: Service) -> None:
    """R-07: an effect that mails waits in the same commit; the facts say how many are left and hold no code."""
    company = await service.company()
    guest = await new_visitor(service, company, "udo.user")
    codes = await new_set(guest)
    await guest.give_recovery_code(Door.SIGN_IN, codes[0])
    told = {event["type"]: event for event in await service.events(company)}
    for kind in ("RecoveryCodesIssued", "RecoveryCodeUsed"):
        due = await service.parts.pool.fetch(
            "SELECT kind, target FROM effect WHERE company_id = $1 AND position = $2", company, told[kind]["position"]
        )
        assert ("notify_user", str(guest.person.user_id)) in [tuple(row) for row in due], kind
    assert told["RecoveryCodeUsed"]["data"]["left"] == 9
    assert not found_in(str(told), codes)


async def test_r08_a_recovery_code_needs_the_password_first(service: Service) -> None:
    """R-08: without a sign-in in progress it opens nothing and is not used up; one sign-in takes one."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    first, second, *_ = guest.person.recovery_codes
    for token in (None, guest.session, "fl_signin_" + "A" * 86):
        body = {"recovery_code": first}
        assert (await service.call("POST", AT_SIGN_IN, token, body)).code == "unauthenticated"
    wrong = {"login": "udo.user", "password": "not the password", "recovery_code": first}
    assert (await service.call("POST", "/v1/sign-ins", json=wrong)).status == 422
    token = await service.pending(guest.person)
    assert (await give(service, token, first)).status == 200
    assert (await give(service, token, second)).code == "unauthenticated"
    assert await codes_left(guest) == 9


async def test_r08_a_recovery_code_never_lowers_the_account(service: Service) -> None:
    """R-08: the next sign-in asks for a code; what weakens the account, and acts on others, ask for one now."""
    company = await service.company()
    guest = await new_visitor(service, company, "anna.admin", "administrator")
    udo = await service.person(company, "udo.user", on=True)
    first, second, *_ = guest.person.recovery_codes
    guest.session = (await guest.give_recovery_code(Door.SIGN_IN, first)).json["token"]

    sessions = (await service.call("GET", "/v1/me/sessions", guest.session)).json["items"]
    current = next(session for session in sessions if session["current"])
    assert current["factors"] == ["password", "recovery_code"]
    for path in ("disable", "recovery-codes", "enrolment"):
        body = {"recovery_code": second}
        assert (await service.call("POST", f"/v1/me/two-factor/{path}", guest.session, body)).status == 422
    assert (await service.call("POST", "/v1/me/step-up", guest.session, {"recovery_code": second})).status == 422
    assert (await service.call("POST", "/v1/me/step-up", guest.session, {"password": udo.password})).code == (
        "step_up_required"
    )
    for act in ("reset", "disable", "unlock"):
        path = f"/v1/users/{udo.user_id}/two-factor/{act}"
        assert (await service.call("POST", path, guest.session, {"reason": "x"})).code == "step_up_required"
    changed = await service.call("PATCH", "/v1/me", guest.session, {"email": "anna@example.com"})
    assert changed.code == "step_up_required"
    assert (await service.start(guest.person)).json["status"] == "code_required"
    await guest.pass_through(Door.STEP_UP)
    path = f"/v1/users/{udo.user_id}/two-factor/reset"
    assert (await service.call("POST", path, guest.session, {"reason": "x"})).status == 200


async def test_r08_a_recovery_code_suffices_to_reset(service: Service) -> None:
    """R-08: the key is void, the next sign-in enrols; the account is never without a second factor's demand."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    assert (await guest.give_recovery_code(Door.RESET, guest.person.recovery_codes[0])).status == 204
    assert (await service.call("GET", "/v1/me", guest.session)).status == 401
    assert (await service.start(guest.person)).json["status"] == "enrolment_required"


async def test_r09_a_new_set_needs_a_code(service: Service) -> None:
    """R-09: neither the session alone, nor the password, nor an old code of the set."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    before = guest.person.recovery_codes
    path = "/v1/me/two-factor/recovery-codes"
    for body in (None, {}, {"password": guest.person.password}, {"recovery_code": before[0]}):
        assert (await service.call("POST", path, guest.session, body)).status == 422
    await guest.fail(Door.RECOVERY_CODES)
    assert not set(await new_set(guest)) & set(before)
    assert (await guest.give_recovery_code(Door.SIGN_IN, before[0])).code == "invalid_code"


async def test_r10_case_and_hyphens_do_not_matter(service: Service) -> None:
    """R-10: however the right characters are written."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    plain = [code.replace("-", "") for code in guest.person.recovery_codes]
    written = (plain[0].lower(), plain[1], f"-{plain[2]}-", "-".join(plain[3]), plain[4].swapcase(), f"--{plain[5]}")
    for code in written:
        assert (await guest.give_recovery_code(Door.SIGN_IN, code)).status == 200, code


def misspelled(code: str) -> dict[str, str]:
    """Texts that look like the code and are others."""
    plain = code.replace("-", "")
    return {
        "space before": f" {code}",
        "space after": f"{code} ",
        "spaces for hyphens": code.replace("-", " "),
        "dashes for hyphens": code.replace("-", "\u2013"),
        "line end": f"{code}\n",
        "invisible character": f"{code}\u200b",
        "too short": plain[:-1],
        "too long": f"{plain}A",
        "padded": f"{plain}=",
        "twice": plain * 2,
        "zero for O": plain.replace("O", "0"),
        "one for I": plain.replace("I", "1"),
        "eight for B": plain.replace("B", "8"),
    }


def in_other_letters(code: str) -> dict[str, str]:
    """Texts that Unicode's case rules or compatibility forms would turn into the code."""
    plain = code.replace("-", "")
    return {
        "dotless i": plain.replace("I", "\u0131"),
        "long s": plain.replace("S", "\u017f"),
        "sharp s": plain.replace("SS", "\u00df"),
        "Kelvin sign": plain.replace("K", "\u212a"),
        "full width": "".join(chr(ord(letter) + 0xFEE0) for letter in plain),
    }


@pytest.mark.parametrize("written", [misspelled, in_other_letters])
async def test_r10_nothing_else_is_forgiven_and_the_answer_is_that_of_codes(
    service: Service, written: Callable[[str], dict[str, str]]
) -> None:
    """R-10: each other spelling is a wrong code, with the answer that a wrong code gets."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    wrong = await guest.fail(Door.SIGN_IN)
    spellings = {
        kind: spelling
        for code in guest.person.recovery_codes
        for kind, spelling in written(code).items()
        if spelling != code.replace("-", "")
    }
    for kind, spelling in spellings.items():
        service.clock.advance(days=1)  # past whatever pause or lock
        reply = await guest.give_recovery_code(Door.SIGN_IN, spelling)
        assert anonymous(reply) == anonymous(wrong), kind


async def test_r10_any_text_up_to_64_characters_is_a_try(service: Service) -> None:
    """R-10: 401 and counted; a longer one, or no text, is a format error and counts nowhere."""
    company = await service.company()
    guest = await new_visitor(service, company, "udo.user")
    token = await service.pending(guest.person)
    known = len(await service.events(company))
    malformed: tuple[object, ...] = ("A" * 65, None, 1, [], {}, True, ["AAAA-AAAA-AAAA-AAAA"])
    for value in malformed:
        assert (await give(service, token, value)).status == 422
    assert len(await service.events(company)) == known
    for text in ("x", "A" * 64, "ß" * 64, "\U0001f600" * 64):
        assert (await give(service, token, text)).code == "invalid_code"
    assert [event["type"] for event in (await service.events(company))[known:]] == ["CodeRejected"] * 4
