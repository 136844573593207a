"""Lockout and throttling: requirements L-01 to L-16."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from events.user.events import Door
from services.adapters.passwords import Argon2Passwords
from tests.support.answers import anonymous
from tests.support.database import Database
from tests.support.doors import PATHS, STEP, Visitor, new_visitor, visitor
from tests.support.service import PASSWORD, Another, ManualClock, Person, Reply, Service, running
from tests.support.sizes import sized

PAUSES: Final = (60, 120, 240, 480, 960)  # after the 5th … 9th failure in a row
SESSION_DOORS: Final = (Door.STEP_UP, Door.RESET, Door.DISABLE, Door.RECOVERY_CODES, Door.REPLACE)
BEHIND_A_PROXY: Final = ("127.0.0.0/8", "::1/128")


class CountingPasswords(Argon2Passwords):
    """Hashes as always, and says for whom."""

    def __init__(self) -> None:
        super().__init__(memory_kib=8, passes=1, lanes=1, cores=2)
        self.checked: list[str] = []

    async def verify(self, account: str, stored: bytes | None, password: str) -> bool:
        self.checked.append(account)
        return await super().verify(account, stored, password)


class RecordingClock(ManualClock):
    """Writes down what was waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[timedelta] = []

    async def sleep_until(self, at: datetime) -> None:
        self.waits.append(at - self.now())
        await super().sleep_until(at)


async def fail_in_a_row(guest: Visitor, doors: Iterable[Door]) -> None:
    """A wrong code at each of the doors, the pauses waited out."""
    for n, door in enumerate(doors):
        if 5 <= n < 10:
            guest.service.clock.advance(seconds=PAUSES[n - 5])
        await guest.fail(door)


async def lock(guest: Visitor) -> None:
    """Ten failures in a row."""
    await fail_in_a_row(guest, [Door.SIGN_IN, Door.STEP_UP] * 5)


async def locked_until(guest: Visitor) -> datetime | None:
    state = (await guest.service.call("GET", "/v1/me/two-factor", guest.session)).json
    return datetime.fromisoformat(state["locked_until"]) if state["locked_until"] else None


async def rejections(service: Service, guest: Visitor) -> Counter[str]:
    """Results of the codes that were refused so far."""
    events = await service.events(guest.person.company_id)
    return Counter(event["data"]["result"] for event in events if event["type"] == "CodeRejected")


async def wrong_password(service: Service, login: str, address: str | None = None, **headers: str) -> Reply:
    body = {"login": login, "password": "not the password"}
    given = {**headers, **({"X-Forwarded-For": address} if address else {})}
    return await service.call("POST", "/v1/sign-ins", json=body, headers=given)


async def test_l01_after_ten_wrong_codes_the_right_one_fails_for_half_an_hour(service: Service) -> None:
    """L-01: over a mix of doors, each pause waited out."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    await fail_in_a_row(guest, [Door.SIGN_IN, *SESSION_DOORS, Door.SIGN_IN, *SESSION_DOORS[:3]])

    for door in (Door.SIGN_IN, *SESSION_DOORS):
        assert (await guest.give(door, service.code(guest.person))).code == "invalid_code", door
    service.clock.advance(minutes=30, seconds=-1)
    assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).code == "invalid_code"
    service.clock.advance(seconds=1)
    assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).status == 200


async def test_l01_after_a_hundred_wrong_codes_only_an_administrator_helps(service: Service) -> None:
    """L-01: neither a day, nor a month, nor a recovery code."""
    company = await service.company()
    admin = await service.person(company, "anna.admin", "administrator", on=True)
    guest = await new_visitor(service, company, "udo.user")
    for _ in range(100):
        await guest.fail(Door.SIGN_IN)
        service.clock.advance(days=20)

    assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).code == "invalid_code"
    assert (await guest.give_recovery_code(Door.SIGN_IN, guest.person.recovery_codes[0])).code == "invalid_code"
    assert (await service.start(guest.person)).json["status"] == "code_required"
    token = await service.sign_in(admin)
    path = f"/v1/users/{guest.person.user_id}/two-factor"
    assert (await service.call("GET", path, token)).json["next_sign_in"] == "contact_administrator"
    assert (await service.call("POST", f"{path}/unlock", token, {"reason": "on the phone"})).status == 200
    assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).status == 200


async def test_l02_every_door_counts_on_the_one_counter(service: Service) -> None:
    """L-02: two wrong at each of five doors lock all of them."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    await fail_in_a_row(guest, [Door.SIGN_IN, Door.STEP_UP, Door.RESET, Door.DISABLE] * 2)
    for n, door in ((8, Door.SIGN_IN), (9, Door.RESET)):
        service.clock.advance(seconds=PAUSES[n - 5])
        assert (await guest.give_recovery_code(door, "AAAA-AAAA-AAAA-AAAA")).code == "invalid_code"

    assert await locked_until(guest) == service.clock.now() + timedelta(minutes=30)
    for door in (Door.SIGN_IN, *SESSION_DOORS):
        assert (await guest.give(door, service.code(guest.person))).code == "invalid_code", door
    for door in (Door.SIGN_IN, Door.RESET):
        reply = await guest.give_recovery_code(door, guest.person.recovery_codes[0])
        assert reply.code == "invalid_code", door


async def test_l02_a_code_of_a_key_that_waits_counts_too(service: Service) -> None:
    """L-02: the confirmation is no door beside the counter."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    guest.person.key = await guest.start_replacement()
    await fail_in_a_row(guest, [Door.CONFIRM] * 5)
    assert await locked_until(guest) == service.clock.now() + timedelta(seconds=60)


async def test_l03_the_counter_belongs_to_the_account(
    service: Service, another: Another, database: Database, tmp_path: Path
) -> None:
    """L-03: not to the sign-in, the session, the address, the cookie or the process."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    other = await visitor(service, guest.person)
    await guest.fail(Door.SIGN_IN)
    await other.fail(Door.STEP_UP)
    await guest.give(Door.SIGN_IN, service.wrong_code(guest.person), at=await another())
    headers = {"X-Forwarded-For": "192.0.2.1", "Cookie": "attempts=0", "User-Agent": "another one"}
    async with running(database, tmp_path, service.clock, trusted_proxies=BEHIND_A_PROXY) as restarted:
        for n in range(2):
            started = await restarted.call(
                "POST", "/v1/sign-ins", json={"login": "udo.user", "password": PASSWORD}, headers=headers
            )
            wrong = {"code": restarted.wrong_code(guest.person)}
            headers["X-Forwarded-For"] = f"192.0.2.{n + 2}"
            await restarted.call("POST", PATHS[Door.SIGN_IN], started.json["token"], wrong, headers=headers)

    assert await locked_until(other) == service.clock.now() + timedelta(seconds=60)
    assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).code == "invalid_code"


async def test_l04_a_parallel_burst_is_evaluated_as_often_as_the_ladder_allows(
    service: Service, another: Another
) -> None:
    """L-04: 300 codes at once over two processes; five count, then the pause; the right one among them fails."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    processes = (service, await another())
    tokens = [await service.pending(guest.person) for _ in range(30)]
    near = {service.code(guest.person, steps) for steps in range(-2, 3)}
    codes = [f"{n:06}" for n in range(400) if f"{n:06}" not in near][:300]

    burst = [
        processes[n % 2].call("POST", PATHS[Door.SIGN_IN], tokens[n % 30], {"code": code})
        for n, code in enumerate(codes)
    ]
    replies = await asyncio.gather(*burst)

    assert Counter(reply.status for reply in replies) == {401: 300}
    assert (await rejections(service, guest))["wrong"] == 5
    assert (await rejections(service, guest))["not_evaluated"] == 1
    assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).code == "invalid_code"


async def test_l04_a_burst_over_all_doors_is_no_way_round(service: Service, another: Another) -> None:
    """L-04: the doors of a session and of a sign-in at one instant, recovery codes too."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    processes = (service, await another())
    wrong = service.wrong_code(guest.person)
    burst = [
        processes[n % 2].call("POST", PATHS[door], guest.session, body)
        for n in range(20)
        for door, body in (
            *((door, {"code": wrong}) for door in SESSION_DOORS),
            (Door.RESET, {"recovery_code": "AAAA-AAAA-AAAA-AAAA"}),
        )
    ]
    replies = await asyncio.gather(*burst)
    assert Counter(reply.code for reply in replies) == {"invalid_code": 120}
    assert (await rejections(service, guest))["wrong"] == 5


async def test_l04_ten_failures_spread_over_two_processes_lock(service: Service, another: Another) -> None:
    """L-04: five each, in turns."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    processes = (service, await another())
    for n in range(10):
        if n >= 5:
            service.clock.advance(seconds=PAUSES[n - 5])
        reply = await guest.give(Door.SIGN_IN, service.wrong_code(guest.person), at=processes[n % 2])
        assert reply.code == "invalid_code"
    for process in processes:
        assert (await guest.give(Door.SIGN_IN, service.code(guest.person), at=process)).code == "invalid_code"
    assert await locked_until(guest) == service.clock.now() + timedelta(minutes=30)


async def test_l05_a_failure_is_on_record_although_the_request_failed(service: Service, another: Another) -> None:
    """L-05: also when the caller does not wait for the answer."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    other = await another()
    await guest.fail(Door.SIGN_IN)
    assert (await rejections(other, guest))["wrong"] == 1

    token, body = await service.pending(guest.person), f'{{"code":"{service.wrong_code(guest.person)}"}}'
    place = urlsplit(service.url)
    _, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(
        f"POST {PATHS[Door.SIGN_IN]} HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    await writer.drain()
    while (await rejections(other, guest))["wrong"] == 1:  # the log is asked again, until the test's time is over
        pass
    writer.close()
    assert (await rejections(other, guest))["wrong"] == 2


async def test_l06_the_right_code_of_a_paused_account_is_not_used_up(service: Service) -> None:
    """L-06: refused like a wrong one, and good when the pause is over."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    wrong = await guest.fail(Door.SIGN_IN)
    await fail_in_a_row(guest, [Door.STEP_UP] * 4)
    service.clock.advance(seconds=59)
    code = service.code(guest.person)
    for door in (Door.SIGN_IN, *SESSION_DOORS):
        assert anonymous(await guest.give(door, code)) == anonymous(wrong), door
    service.clock.advance(seconds=1)
    assert (await guest.give(Door.SIGN_IN, code)).status == 200


async def test_l06_a_new_code_works_after_the_lock(service: Service) -> None:
    """L-06: what was tried meanwhile is neither counted nor used up."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    await lock(guest)
    known = await rejections(service, guest)
    for _ in range(20):
        await guest.give(Door.SIGN_IN, service.wrong_code(guest.person))
        await guest.give(Door.SIGN_IN, service.code(guest.person))
    assert await rejections(service, guest) == known + Counter(not_evaluated=1)
    service.clock.advance(minutes=30)
    assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).status == 200


async def test_l07_a_lock_ends_by_itself_and_doubles(service: Service) -> None:
    """L-07: 30, 60, 120 minutes; tries change nothing about it; the first failure after it is the first."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    for minutes in (30, 60, 120):
        for n in range(10):
            assert await locked_until(guest) is None
            await guest.fail(Door.SIGN_IN)
            if 4 <= n < 9:
                assert await locked_until(guest) == service.clock.now() + timedelta(seconds=PAUSES[n - 4])
                service.clock.advance(seconds=PAUSES[n - 4])
        end = service.clock.now() + timedelta(minutes=minutes)
        for _ in range(3):
            service.clock.advance(minutes=minutes / 4)
            await guest.fail(Door.SIGN_IN)
            assert await locked_until(guest) == end
        service.clock.advance(minutes=minutes / 4)
    assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).status == 200


async def test_l07_a_success_clears_the_count_and_the_doubling(service: Service) -> None:
    """L-07: the next lock is of half an hour again."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    for _ in range(2):
        await lock(guest)
        assert await locked_until(guest) == service.clock.now() + timedelta(minutes=30)
        service.clock.advance(minutes=30)
        assert (await guest.give(Door.STEP_UP, service.code(guest.person))).status == 200


@pytest.mark.timeout(sized(120, 1800))
async def test_l08_strangers_cannot_lock_anybody_out(database: Database, tmp_path: Path) -> None:
    """L-08: wrong passwords from many addresses close neither the session nor the owner's usual door."""
    async with running(database, tmp_path, trusted_proxies=BEHIND_A_PROXY) as service:
        company = await service.company()
        guest = await new_visitor(service, company, "anna.admin", "administrator")
        before = (await service.call("GET", "/v1/me/two-factor", guest.session)).json
        for start in range(0, sized(1000, 10_000), 20):
            addresses = [f"198.{18 + (n >> 16)}.{n >> 8 & 255}.{n & 255}" for n in range(start, start + 20)]
            replies = await asyncio.gather(*(wrong_password(service, "anna.admin", a) for a in addresses))
            assert {reply.status for reply in replies} <= {401, 429}

        assert (await service.call("GET", "/v1/me/two-factor", guest.session)).json == before
        assert before["locked_until"] is None
        assert not {"CodeRejected", "TwoFactorPaused", "TwoFactorLocked"} & set(await service.event_types(company))
        assert await service.sign_in(guest.person)


async def test_l08_at_the_owners_own_address_the_wait_is_a_minute_at_most(service: Service) -> None:
    """L-08: also when the guesser sits behind the same address."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    replies = [await wrong_password(service, "udo.user") for _ in range(50)]
    assert replies[-1].status == 429
    assert int(replies[-1].headers["Retry-After"]) <= 61
    service.clock.advance(seconds=60)
    assert await service.sign_in(guest.person)


async def test_l09_guessing_one_account_costs_few_hashes(database: Database, tmp_path: Path) -> None:
    """L-09: a thousand wrong passwords, from one address and from many, within ten minutes."""
    passwords = CountingPasswords()
    async with running(database, tmp_path, passwords=passwords, trusted_proxies=BEHIND_A_PROXY) as service:
        company = await service.company()
        await service.person(company, "udo.user")
        count = sized(200, 1000)
        for start in range(0, count, 20):
            tries = [wrong_password(service, "udo.user", f"198.51.100.{n % 200}") for n in range(start, start + 20)]
            await asyncio.gather(*tries)
        assert len(passwords.checked) <= 10
        recorded = [event["data"] for event in await service.events(company) if event["type"] == "PasswordRejected"]
        assert sum(1 for data in recorded if not data["throttled"]) == len(passwords.checked)


async def test_l09_one_password_against_many_accounts_is_throttled(database: Database, tmp_path: Path) -> None:
    """L-09: from one address, or from one /64, known and unknown logins alike."""
    passwords = CountingPasswords()
    async with running(database, tmp_path, passwords=passwords, trusted_proxies=BEHIND_A_PROXY) as service:
        company = await service.company()
        for n in range(20):
            await service.person(company, f"user{n}")
        for network in ("198.51.100.7", "2001:db8:1:2::{:x}"):
            passwords.checked.clear()
            replies = [await wrong_password(service, f"user{n}", network.format(n + 1)) for n in range(60)]
            assert len(passwords.checked) == 30
            assert {reply.status for reply in replies[30:]} == {429}


async def test_l10_a_client_cannot_choose_its_address(service: Service) -> None:
    """L-10: without a configured proxy no header is believed."""
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP"):
        replies = []
        for n in range(31):
            address = f"for=192.0.2.{n}" if header == "Forwarded" else f"192.0.2.{n}"
            replies.append(await wrong_password(service, f"nobody{n}", **{header: address}))
        assert [reply.status for reply in replies] == [401] * 30 + [429], header
        service.clock.advance(minutes=10)


async def test_l10_only_what_the_proxy_added_is_believed(database: Database, tmp_path: Path) -> None:
    """L-10: what a client writes left of it is hearsay, and an address that is none is not used."""
    async with running(database, tmp_path, trusted_proxies=BEHIND_A_PROXY) as service:
        forged = [f"192.0.2.{n}, 198.51.100.1" for n in range(31)]
        replies = [await wrong_password(service, f"nobody{n}", hops) for n, hops in enumerate(forged)]
        assert [reply.status for reply in replies] == [401] * 30 + [429]
        garbage = [f"192.0.2.{n}, not an address" for n in range(31)]
        replies = [await wrong_password(service, f"nobody{n}", hops) for n, hops in enumerate(garbage)]
        assert [reply.status for reply in replies] == [401] * 30 + [429]


async def test_l11_one_account_has_one_counter_however_its_login_is_spelled(database: Database, tmp_path: Path) -> None:
    """L-11: each spelling counts on the account, or is the login of nobody with the same answer."""
    async with running(database, tmp_path, trusted_proxies=BEHIND_A_PROXY) as service:
        person = await service.person(await service.company(), "jürgen.groß")
        wrong = await wrong_password(service, "jürgen.groß", "198.51.100.1")
        same = ("JÜRGEN.GROSS", "ju\u0308rgen.groß", "ｊürgen.groß", "Jürgen.GROẞ")
        for spelling in same:
            right = await service.call("POST", "/v1/sign-ins", json={"login": spelling, "password": PASSWORD})
            assert right.status == 201, spelling
        for n in range(9):
            assert (await wrong_password(service, same[n % 4], f"198.51.100.{n + 2}")).code == "invalid_credentials"
        for spelling in (person.login, *same):
            assert (await wrong_password(service, spelling, "203.0.113.1")).status == 429, spelling
        for spelling in ("jürgen.groß ", " jürgen.groß", "jürgen.\u00adgroß", "jürgen.groß\u200b", "jurgen.gross"):
            right = await service.call("POST", "/v1/sign-ins", json={"login": spelling, "password": PASSWORD})
            assert anonymous(right) == anonymous(wrong), spelling


async def refused_people(service: Service) -> dict[str, tuple[str, str]]:
    """(login, password) of everybody who is refused at the first step, by what they are."""
    company, foreign = await service.company(), await service.company("Beta AG")
    admin = await service.person(company, "anna.admin", "administrator", on=True)
    names = ("known", "deactivated", "expired", "early", "erased", "ordered", "reset", "locked", "window")
    people: dict[str, Person] = {name: await service.person(company, name) for name in names}
    people["foreign"] = await service.person(foreign, "foreign")
    people["on"] = await service.person(company, "on", on=True)
    await service.enrol(people["locked"])
    await lock(await visitor(service, people["locked"]))
    token = await service.sign_in(admin)
    soon, late = service.clock.now() + timedelta(days=1), service.clock.now() - timedelta(days=1)
    for name, method, act, body in (
        ("deactivated", "POST", "/deactivate", {"reason": "left"}),
        ("expired", "PATCH", "", {"expiration_date": f"{late:%Y-%m-%dT%H:%M:%SZ}"}),
        ("early", "PATCH", "", {"activation_date": f"{soon:%Y-%m-%dT%H:%M:%SZ}"}),
        ("erased", "DELETE", "", None),
        ("ordered", "POST", "/two-factor/enable", {"reason": "rule"}),
        ("reset", "POST", "/password", {"reason": "forgotten"}),
    ):
        done = await service.call(method, f"/v1/users/{people[name].user_id}{act}", token, body)
        assert done.status in (200, 204), (name, done)
    given = {name: (person.login, "not the password") for name, person in people.items()}
    rightly = {f"{name} with the right password": (name, PASSWORD) for name in ("deactivated", "expired", "early")}
    return {**given, **rightly, "unknown": ("nobody", PASSWORD), "no login": ("", ""), "odd": ("x" * 200, "y" * 1000)}


async def test_l12_whoever_is_refused_looks_and_takes_the_same(database: Database, tmp_path: Path) -> None:
    """L-12: one answer, one password hash, one wait, whatever the account is."""
    clock, passwords = RecordingClock(), CountingPasswords()
    async with running(database, tmp_path, clock, passwords, refusal_milliseconds=250) as service:
        cases = await refused_people(service)
        answers = {}
        for case, (login, password) in cases.items():
            passwords.checked.clear()
            clock.waits.clear()
            reply = await service.call("POST", "/v1/sign-ins", json={"login": login, "password": password})
            answers[case] = (anonymous(reply), len(passwords.checked), tuple(clock.waits))

    expected = answers["unknown"]
    assert expected[0][0] == 401
    assert expected[1:] == (1, (timedelta(milliseconds=250),))
    assert {case for case, answer in answers.items() if answer != expected} == set()


async def test_l12_being_throttled_says_nothing_about_the_account(database: Database, tmp_path: Path) -> None:
    """L-12: an unknown login is throttled like a known one."""
    async with running(database, tmp_path, trusted_proxies=BEHIND_A_PROXY) as service:
        await service.person(await service.company(), "udo.user")
        seen = []
        for login, net in (("udo.user", "198.51.100"), ("nobody", "203.0.113")):
            seen.append([anonymous(await wrong_password(service, login, f"{net}.{n}")) for n in range(12)])
        assert seen[0] == seen[1]
        assert [answer[0] for answer in seen[0]] == [401] * 10 + [429] * 2


async def test_l13_a_sign_in_in_progress_lives_five_minutes(service: Service) -> None:
    """L-13: then the right code does not help."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    kept, late = await service.pending(guest.person), await service.pending(guest.person)
    service.clock.advance(minutes=5, seconds=-1)
    assert (await service.give(kept, service.code(guest.person))).status == 200
    service.clock.advance(seconds=1)
    assert (await service.give(late, service.code(guest.person, 1))).code == "unauthenticated"


async def test_l13_five_tries_end_a_sign_in(service: Service) -> None:
    """L-13: spent codes are tries too; after them the right code does not help."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    spent = await guest.pass_through(Door.STEP_UP)
    token = await service.pending(guest.person)
    for _ in range(5):
        assert (await service.give(token, spent)).code == "invalid_code"
    service.clock.advance(seconds=STEP)
    assert (await service.give(token, service.code(guest.person))).code == "unauthenticated"
    assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).status == 200


async def test_l13_five_wrong_codes_end_a_sign_in(service: Service) -> None:
    """L-13: the pause that they bring over, the sign-in is dead all the same."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    token = await service.pending(guest.person)
    for _ in range(5):
        assert (await service.give(token, service.wrong_code(guest.person))).code == "invalid_code"
    service.clock.advance(seconds=60)
    assert (await service.give(token, service.code(guest.person))).code == "unauthenticated"


async def test_l13_a_sign_in_succeeds_once(service: Service, another: Another) -> None:
    """L-13: a second code on it is refused; of two at one instant one session comes."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    processes = (service, await another())
    for _ in range(sized(10, 100)):
        service.clock.advance(seconds=3 * STEP)
        token = await service.pending(guest.person)
        codes = [service.code(guest.person, steps) for steps in (-1, 0, 1, 0)]
        sent = [
            processes[n % 2].call("POST", PATHS[Door.SIGN_IN], token, {"code": code}) for n, code in enumerate(codes)
        ]
        replies = await asyncio.gather(*sent)
        assert sorted(reply.status for reply in replies) == [200, 401, 401, 401]
        assert (await service.give(token, service.code(guest.person, 1))).code == "unauthenticated"


async def test_l14_a_lock_reaches_everything_that_is_under_way(service: Service, another: Another) -> None:
    """L-14: sign-ins in progress end for good, on every process; recovery codes wait; sessions stay."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    other = await another()
    await fail_in_a_row(guest, [Door.STEP_UP] * 9)
    service.clock.advance(seconds=PAUSES[4])
    begun = [await service.pending(guest.person), await other.pending(guest.person)]
    await guest.fail(Door.STEP_UP)

    for process, token in zip((other, service), begun, strict=True):
        assert (await process.give(token, service.code(guest.person))).code == "unauthenticated"
        body = {"recovery_code": guest.person.recovery_codes[0]}
        reply = await process.call("POST", "/v1/sign-ins/current/recovery-code", token, body)
        assert reply.code == "unauthenticated"
    assert (await service.call("GET", "/v1/me", guest.session)).status == 200
    service.clock.advance(minutes=30)
    assert (await service.give(begun[0], service.code(guest.person))).code == "unauthenticated"
    assert (await guest.give_recovery_code(Door.SIGN_IN, guest.person.recovery_codes[0])).status == 200


async def test_l14_a_pause_reaches_what_is_under_way(service: Service) -> None:
    """L-14: a key that waits is not confirmed, and a sign-in in progress does not end, before the pause is over."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    new_key = await guest.start_replacement()
    service.clock.advance(seconds=STEP)
    token = await service.pending(guest.person)
    await fail_in_a_row(guest, [Door.STEP_UP] * 5)

    assert (await service.give(token, service.code(guest.person))).code == "invalid_code"
    guest.person.key = new_key
    assert (await guest.give(Door.CONFIRM, service.code(guest.person))).code == "invalid_code"
    service.clock.advance(seconds=60)
    assert (await guest.give(Door.CONFIRM, service.code(guest.person))).status == 200


async def test_l15_throttled_callers_learn_when_and_nothing_else(service: Service) -> None:
    """L-15: 429 with Retry-After; no answer tells how many tries are left."""
    await service.person(await service.company(), "udo.user")
    replies = [await wrong_password(service, "udo.user") for _ in range(11)]
    assert [reply.status for reply in replies] == [401] * 10 + [429]
    assert len({anonymous(reply)[2] for reply in replies[:10]}) == 1
    assert 1 <= int(replies[10].headers["Retry-After"]) <= 601
    assert set(replies[10].json) == {"type", "title", "status", "code", "request_id"}
    service.clock.advance(seconds=int(replies[10].headers["Retry-After"]))
    assert (await wrong_password(service, "udo.user")).status == 401


async def test_l16_an_unlock_is_a_proven_act_that_leaves_the_factor_on(service: Service) -> None:
    """L-16: without a fresh factor refused; with one on record, with actor and target."""
    company = await service.company()
    admin = await new_visitor(service, company, "anna.admin", "administrator")
    guest = await new_visitor(service, company, "udo.user")
    await lock(guest)
    path = f"/v1/users/{guest.person.user_id}/two-factor/unlock"
    stale = await service.call("POST", path, admin.session, {"reason": "called back"})
    assert stale.code == "step_up_required"
    assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).code == "invalid_code"

    await admin.pass_through(Door.STEP_UP)
    done = await service.call("POST", path, admin.session, {"reason": "called back"})
    assert (done.status, done.json["state"], done.json["locked_until"]) == (200, "on", None)
    unlocked = next(e for e in await service.events(company) if e["type"] == "TwoFactorUnlocked")
    assert unlocked["actor"]["id"] == str(admin.person.user_id)
    assert unlocked["stream_id"] == str(guest.person.user_id)
    assert (await service.start(guest.person)).json["status"] == "code_required"
    assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).status == 200
