"""Companies by the provider: made, named, suspended and resumed; a suspension holds from its commit, for everything."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from services.api.answers import make_cursor
from tests.support.answers import anonymous
from tests.support.raw_http import header
from tests.support.scene import REASON, Scene, scene_of
from tests.support.service import Another, Person, Reply, Service
from tests.support.sizes import sized
from tests.support.soundness import unsound
from tests.workers.support import Worker
from workers.projector import Projector

COMPANIES: Final = "/v1/companies"


async def made(service: Service, token: str, name: str, **rest: Any) -> Reply:
    return await service.call("POST", COMPANIES, token, {"name": name}, **rest)


async def act(service: Service, token: str, company: object, name: str, body: Any = REASON) -> Reply:
    """`suspend` or `resume`."""
    return await service.call("POST", f"{COMPANIES}/{company}/{name}", token, body)


async def closed(scene: Scene) -> Reply:
    """Acme, suspended by Otto."""
    done = await act(scene.service, await scene.fresh("otto"), scene.companies["acme"], "suspend")
    assert done.status == 200, done
    return done


async def opened(scene: Scene) -> Reply:
    done = await act(scene.service, await scene.fresh("otto"), scene.companies["acme"], "resume")
    assert done.status == 200, done
    return done


async def credentials_of(service: Service, company: UUID) -> Counter[str]:
    rows = await service.parts.pool.fetch("SELECT kind FROM credential WHERE company_id = $1", company)
    return Counter(row["kind"] for row in rows)


# Making and naming.


async def test_a_company_is_made_and_found(service: Service) -> None:
    scene = await scene_of(service, "otto", "paula")
    otto = await scene.fresh("otto")
    done = await made(service, otto, "Gamma KG")
    assert done.status == 201
    assert done.json == {"id": done.json["id"], "name": "Gamma KG", "state": "active"}
    path = f"{COMPANIES}/{done.json['id']}"
    for name in ("otto", "paula"):
        found = await service.call("GET", path, await scene.fresh(name))
        assert (found.json, header(found, "ETag")) == (done.json, header(done, "ETag"))
        assert done.json in (await service.call("GET", COMPANIES, await scene.fresh(name))).json["items"]
    assert (await service.call("GET", f"{path}/users", await scene.fresh("otto"))).json["items"] == []
    (created,) = await service.events(UUID(done.json["id"]))
    assert (created["type"], created["actor"]["kind"]) == ("CompanyCreated", "provider")
    assert created["actor"]["id"] == str(scene["otto"].user_id)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": None},
        {"name": 7},
        {"name": ""},
        {"name": "  "},
        {"name": " Gamma"},
        {"name": "Gamma "},
        {"name": "Gam\nma"},
        {"name": "Gam\u0000ma"},
        {"name": "Gam\u202ema"},
        {"name": "x" * 201},
        {"name": "Gamma", "id": str(uuid4())},
        {"name": "Gamma", "provider": True},
        {"name": "Gamma", "state": "suspended"},
    ],
)
async def test_a_name_that_is_none_is_refused(service: Service, body: dict[str, Any]) -> None:
    """T-05."""
    scene = await scene_of(service, "otto")
    otto = await scene.fresh("otto")
    before = (await service.call("GET", COMPANIES, otto)).json
    assert (await service.call("POST", COMPANIES, otto, body)).status == 422
    assert (await service.call("PATCH", f"{COMPANIES}/{scene.companies['acme']}", otto, body)).status == 422
    assert (await service.call("GET", COMPANIES, otto)).json == before


async def test_only_the_provider_makes_names_and_closes_companies(service: Service) -> None:
    scene = await scene_of(service, "anna", "bea", "paula", "otto")
    adam = await service.person(scene.companies["provider"], "adam.operator", "operator")
    beta = f"{COMPANIES}/{scene.companies['beta']}"
    calls = [
        ("POST", COMPANIES, {"name": "Gamma KG"}),
        ("PATCH", beta, {"name": "Gamma KG"}),
        ("POST", f"{beta}/suspend", REASON),
        ("POST", f"{beta}/resume", REASON),
    ]
    for token in (await scene.fresh("anna"), await scene.fresh("bea"), await scene.fresh("paula")):
        assert {(await service.call(*call[:2], token, call[2])).status for call in calls} == {403}
    # An operator without a factor, or without a code of the last minutes.
    assert {(await service.call(*call[:2], await service.sign_in(adam), call[2])).status for call in calls} == {403}
    otto = await scene.fresh("otto")
    service.clock.advance(minutes=5)
    assert {(await service.call(*call[:2], otto, call[2])).code for call in calls} == {"step_up_required"}
    for name in ("anna", "bea"):
        for path in (COMPANIES, beta):
            assert (await service.call("GET", path, await scene.fresh(name))).status == 403
    types = await service.event_types(scene.companies["beta"])
    assert [name for name in types if name.startswith("Company")] == ["CompanyCreated"]
    assert Counter(await service.event_types(scene.companies["provider"]))["AccessDenied"] == 8


async def test_a_repeated_call_makes_one_company(service: Service, another: Another) -> None:
    """S-09: serial, in parallel at two processes, and with another body."""
    both = (service, await another())
    scene = await scene_of(service, "otto", "olga")
    otto, headers = await scene.fresh("otto"), {"Idempotency-Key": "once"}
    answers = await asyncio.gather(*(made(both[n % 2], otto, "Gamma KG", headers=headers) for n in range(8)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.raw for answer in answers}) == 1
    again = await made(service, otto, "Gamma KG", headers=headers)
    assert anonymous(again) == anonymous(answers[0])
    assert (await made(service, otto, "Delta KG", headers=headers)).code == "idempotency_key_reused"
    # Somebody else's key, or none, is another company.
    olga = await made(service, await scene.fresh("olga"), "Gamma KG", headers=headers)
    second = await made(service, otto, "Gamma KG")
    assert len({answer.json["id"] for answer in (again, olga, second)}) == 3
    listed = (await service.call("GET", COMPANIES, otto)).json["items"]
    assert Counter(company["name"] for company in listed)["Gamma KG"] == 3


async def test_a_name_that_changed_since_it_was_read_is_not_overwritten(service: Service) -> None:
    scene = await scene_of(service, "otto", "olga")
    path, otto = f"{COMPANIES}/{scene.companies['acme']}", await scene.fresh("otto")
    read = header(await service.call("GET", path, otto), "ETag") or ""
    first = await service.call("PATCH", path, otto, {"name": "Acme AG"}, headers={"If-Match": read})
    assert (first.status, first.json["name"]) == (200, "Acme AG")
    stale = await service.call("PATCH", path, otto, {"name": "Acme SE"}, headers={"If-Match": read})
    assert (stale.status, stale.code) == (412, "precondition_failed")
    assert (await service.call("GET", path, otto)).json["name"] == "Acme AG"
    for _ in range(3):
        read = header(await service.call("GET", path, otto), "ETag") or ""
        renamed = await asyncio.gather(
            *(
                service.call("PATCH", path, otto, {"name": f"{read[1:9]} {n}"}, headers={"If-Match": read})
                for n in range(5)
            )
        )
        assert Counter(answer.status for answer in renamed) == {200: 1, 412: 4}


async def test_a_suspension_is_seen_by_whoever_read_before(service: Service) -> None:
    scene = await scene_of(service, "otto")
    path, otto = f"{COMPANIES}/{scene.companies['acme']}", await scene.fresh("otto")
    read = header(await service.call("GET", path, otto), "ETag") or ""
    await closed(scene)
    renamed = await service.call("PATCH", path, await scene.fresh("otto"), {"name": "X"}, headers={"If-Match": read})
    assert renamed.code == "precondition_failed"


async def test_the_list_is_whole_in_pages_and_in_order(service: Service) -> None:
    scene = await scene_of(service, "otto")
    otto = await scene.fresh("otto")
    for name in ("Österreich AG", "zeta", "Beta AG", "alpha", "Alpha", "alpha", "ÄÖÜ", "Zeta"):
        assert (await made(service, otto, name)).status == 201
    whole = (await service.call("GET", COMPANIES, otto)).json["items"]
    assert len(whole) == 11
    for limit in (1, 2, 3, 10, 11):
        pages, cursor = [], ""
        for _ in range(12):
            page = (await service.call("GET", f"{COMPANIES}?limit={limit}{cursor}", otto)).json
            pages += page["items"]
            assert len(page["items"]) <= limit
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert pages == whole, limit
    assert len({company["id"] for company in whole}) == 11


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=ten", "offset=1", "q=acme"]
    + [
        f"cursor={cursor}" for cursor in ("x", "e30", "WzFd", "W10", "a" * 401, make_cursor("a", "b"), make_cursor("a"))
    ],
)
async def test_a_forged_page_is_refused(service: Service, query: str) -> None:
    """T-03, I-04."""
    scene = await scene_of(service, "otto")
    assert (await service.call("GET", f"{COMPANIES}?{query}", await scene.fresh("otto"))).status == 422


async def test_a_cursor_is_a_place_and_no_pass(service: Service) -> None:
    scene = await scene_of(service, "otto", "anna")
    path = f"{COMPANIES}?cursor={make_cursor('A', str(UUID(int=0)))}"
    assert len((await service.call("GET", path, await scene.fresh("otto"))).json["items"]) == 3
    assert (await service.call("GET", path, await scene.fresh("anna"))).status == 403


@pytest.mark.parametrize("company", [uuid4(), "nonsense", "00000000-0000-0000-0000-00000000000g", UUID(int=0)])
async def test_a_company_that_is_not_there_is_not_there(service: Service, company: object) -> None:
    scene = await scene_of(service, "otto")
    otto = await scene.fresh("otto")
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "X"}),
        ("POST", "/suspend", REASON),
        ("POST", "/resume", REASON),
        ("GET", "/users", None),
        ("GET", "/policy", None),
        ("PUT", "/policy", {"requirement": "required"}),
        ("POST", "/users", {"login": "x", "role": "user"}),
    ):
        answer = await service.call(method, f"{COMPANIES}/{company}{path}", otto, body)
        assert (answer.status, answer.code) == (404, "not_found"), (method, path)


# Suspending.


async def test_everything_of_theirs_ends_at_the_commit(service: Service, another: Another) -> None:
    """Z-06, K-04: sessions, sign-ins in progress, pending keys, programs; on every process."""
    other = await another()
    scene = await scene_of(service, "anna", "udo", "ute", "ben", "otto")
    anna = await scene.fresh("anna")
    body = {"name": "portal", "scopes": ["users.read", "sign_ins.write"]}
    program = (await service.call("POST", "/v1/api-clients", anna, body)).json["token"]
    assert (await scene.act(anna, "ute", "enable")).status == 200
    udo, coding = await scene.fresh("udo"), await service.pending(scene["udo"])
    enrolling = await service.pending(scene["ute"])
    shown = await service.call("POST", "/v1/sign-ins/current/enrolment", enrolling)
    scene["ute"].key = shown.json["key"]
    ben = await scene.fresh("ben")
    service.clock.advance(seconds=30)

    assert (await closed(scene)).json["state"] == "suspended"

    for one in (service, other):
        for token in (anna, udo, program):
            for path in ("/v1/me", "/v1/users"):
                dead = await one.call("GET", path, token)
                assert (dead.status, dead.code) == (401, "unauthenticated")
        assert (await one.give(coding, one.code(scene["udo"]))).code == "unauthenticated"
        confirmation = "/v1/sign-ins/current/enrolment/confirmation"
        confirmed = await one.call("POST", confirmation, enrolling, {"code": one.code(scene["ute"])})
        assert confirmed.code == "unauthenticated"
        signed_in = {"login": scene["udo"].login, "password": scene["udo"].password, "client_ip": "192.0.2.1"}
        assert (await one.call("POST", "/v1/sign-ins", program, signed_in)).code == "unauthenticated"
        # And nothing of anybody else's.
        assert (await one.call("GET", "/v1/me", ben)).status == 200
    # What is the people's own is still there for the day they come back.
    left = await credentials_of(service, scene.companies["acme"])
    assert set(left) == {"password", "key", "recovery_code"}
    assert await unsound(service) == []


async def test_signing_in_answers_like_a_wrong_password(service: Service, another: Another) -> None:
    other = await another()
    scene = await scene_of(service, "udo", "ute", "otto")
    await closed(scene)
    for name in ("udo", "ute"):
        for one in (service, other):
            right, wrong = await one.start(scene[name]), await one.start(scene[name], "a wrong password")
            assert (right.status, right.code) == (401, "invalid_credentials")
            assert anonymous(right) == anonymous(wrong)
    refused = [e for e in await service.events(scene.companies["acme"]) if e["type"] == "SignInRefused"]
    assert [event["data"]["cause"] for event in refused] == ["suspended"] * 4


async def test_who_looks_a_session_up_learns_that_it_is_over(service: Service) -> None:
    scene = await scene_of(service, "udo", "otto")
    udo = await scene.fresh("udo")
    body = {"name": "pbx", "scopes": ["sessions.introspect"]}
    program = (await service.call("POST", "/v1/api-clients", await scene.fresh("otto"), body)).json["token"]
    looked = await service.call("POST", "/v1/sessions/introspect", program, {"token": udo})
    assert looked.json["active"] is True
    await closed(scene)
    looked = await service.call("POST", "/v1/sessions/introspect", program, {"token": udo})
    assert looked.json == {"active": False}


async def test_the_provider_itself_cannot_be_suspended(service: Service) -> None:
    scene = await scene_of(service, "otto")
    otto = await scene.fresh("otto")
    refused = await act(service, otto, scene.companies["provider"], "suspend")
    assert (refused.status, refused.code) == (409, "conflict")
    assert (await service.call("GET", "/v1/me", otto)).status == 200


async def test_a_suspension_is_on_or_off(service: Service) -> None:
    scene = await scene_of(service, "otto")
    acme = scene.companies["acme"]
    for name, expected in (
        ("resume", 409),
        ("suspend", 200),
        ("suspend", 409),
        ("resume", 200),
        ("resume", 409),
        ("suspend", 200),
    ):
        assert (await act(service, await scene.fresh("otto"), acme, name)).status == expected
    types = await service.event_types(acme)
    assert types == ["CompanyCreated", "CompanySuspended", "CompanyResumed", "CompanySuspended"]


@pytest.mark.parametrize("body", [None, {}, {"reason": ""}, {"reason": " "}, {"reason": "x" * 501}, {**REASON, "x": 1}])
async def test_a_suspension_has_a_reason(service: Service, body: Any) -> None:
    scene = await scene_of(service, "otto")
    otto, acme = await scene.fresh("otto"), scene.companies["acme"]
    assert {(await act(service, otto, acme, name, body)).status for name in ("suspend", "resume")} == {422}
    assert await service.event_types(acme) == ["CompanyCreated"]


async def test_the_company_sees_by_whom_and_why(service: Service) -> None:
    """T-06."""
    scene = await scene_of(service, "anna", "otto")
    await closed(scene)
    await opened(scene)
    await Projector(service.parts.pool, service.parts.wrapper).project()
    trail = (await service.call("GET", "/v1/events?limit=200", await scene.fresh("anna"))).json["items"]
    acts = [item for item in trail if item["type"] in ("CompanySuspended", "CompanyResumed")]
    assert {(item["actor"]["kind"], item["actor"]["id"]) for item in acts} == {("provider", str(scene["otto"].user_id))}
    assert {item["reason"] for item in acts} == {REASON["reason"]}


async def test_the_provider_still_reaches_a_closed_company(service: Service) -> None:
    scene = await scene_of(service, "udo", "otto")
    await closed(scene)
    otto, users = await scene.fresh("otto"), f"{COMPANIES}/{scene.companies['acme']}/users"
    assert len((await service.call("GET", users, otto)).json["items"]) == 1
    path = f"{users}/{scene['udo'].user_id}/two-factor/reset"
    assert (await service.call("POST", path, otto, REASON)).status == 200
    assert (await service.start(scene["udo"])).code == "invalid_credentials"


# The race.


@dataclass
class Rush:
    """People and an administrator of Acme at two processes, while Otto suspends it."""

    both: tuple[Service, Service]
    scene: Scene
    people: list[Person]

    async def comes_in(self, person: Person, n: int) -> list[str]:
        """All tokens that somebody is given on the way in."""
        one, tokens = self.both[n % 2], []
        begun = await one.start(person)
        if begun.status != 201:
            assert begun.code == "invalid_credentials"
            return []
        tokens.append(begun.json["token"])
        if begun.json["status"] == "code_required":
            done = await one.give(begun.json["token"], one.code(person))
            tokens += [done.json["token"]] if done.status == 200 else []
        if begun.json["status"] == "enrolment_required":
            await one.call("POST", "/v1/sign-ins/current/enrolment", begun.json["token"])
        return tokens

    async def makes_a_program(self, anna: str) -> list[str]:
        body = {"name": "late", "scopes": ["users.read"]}
        answer = await self.both[1].call("POST", "/v1/api-clients", anna, body)
        return [answer.json["token"]] if answer.status == 201 else []

    async def suspends(self, otto: str, turns: int) -> list[str]:
        """After so many turns of the others."""
        for _ in range(turns):
            await asyncio.sleep(0)
        done = await act(self.both[turns % 2], otto, self.scene.companies["acme"], "suspend")
        assert done.status == 200, done
        return []

    async def round(self, number: int) -> list[str]:
        """Every token that was handed out before, during or after it."""
        self.both[0].clock.advance(seconds=60)
        otto, anna = await self.scene.fresh("otto"), await self.scene.fresh("anna")
        handed_out = await asyncio.gather(
            *(self.comes_in(person, n) for n, person in enumerate(self.people)),
            self.suspends(otto, number * 7),
            self.makes_a_program(anna),
        )
        return [anna, *(token for tokens in handed_out for token in tokens)]


@pytest.mark.parametrize("how", ["password", "code", "enrolment"])
async def test_nothing_that_was_under_way_survives_it(service: Service, another: Another, how: str) -> None:
    """Whatever is in flight at two processes is refused, or ended: no token that was handed out lives."""
    scene = await scene_of(service, "otto", "anna")
    acme = scene.companies["acme"]
    people = [await service.person(acme, f"user{n}", on=how == "code") for n in range(6)]
    rush, counted = Rush((service, await another()), scene, people), []
    if how == "enrolment":
        required = {"requirement": "required"}
        assert (await service.call("PUT", "/v1/policy", await scene.fresh("anna"), required)).status == 200
    for number in range(sized(6, 150)):
        tokens = await rush.round(number)
        counted.append(len(tokens))
        left = await credentials_of(service, acme)
        assert not {"session", "sign_in", "pending_key", "api_client"} & set(left), (number, left)
        answers = [await one.call("GET", "/v1/users", token) for token in tokens for one in rush.both]
        assert {answer.code for answer in answers} == {"unauthenticated"}
        events = await service.events(acme)
        at = max(event["position"] for event in events if event["type"] == "CompanySuspended")
        assert {event["type"] for event in events if event["position"] > at} <= {"SignInRefused", "PasswordRejected"}
        await opened(scene)
    assert max(counted) > 1  # somebody was let in before it
    assert await unsound(service) == []


# Coming back.


async def test_what_ended_stays_ended_and_people_come_in_again(service: Service, another: Another) -> None:
    other = await another()
    scene = await scene_of(service, "anna", "udo", "otto")
    anna, udo = await scene.fresh("anna"), await scene.fresh("udo")
    body = {"name": "portal", "scopes": ["users.read"]}
    program = (await service.call("POST", "/v1/api-clients", anna, body)).json
    pending = await service.pending(scene["udo"])
    await closed(scene)
    await opened(scene)
    for one in (service, other):
        for token in (anna, udo, program["token"]):
            assert (await one.call("GET", "/v1/users", token)).code == "unauthenticated"
        assert (await one.give(pending, one.code(scene["udo"]))).code == "unauthenticated"
    again = await scene.fresh("anna")
    assert await scene.fresh("udo")
    (listed,) = (await service.call("GET", "/v1/api-clients", again)).json["items"]
    assert (listed["id"], listed["has_token"]) == (program["id"], False)
    rotated = await service.call("POST", f"/v1/api-clients/{program['id']}/rotate", await scene.fresh("anna"))
    assert rotated.status == 200
    assert (await other.call("GET", "/v1/users", rotated.json["token"])).status == 200
    assert await unsound(service) == []


async def test_the_log_is_sound_at_every_stage(service: Service) -> None:
    """Before the worker has come round and after it, closed and open again."""
    worker = Worker(service.parts, service.parts.settings.data_dir)
    scene = await scene_of(service, "anna", "udo", "ute", "otto")
    acme, anna = scene.companies["acme"], await scene.fresh("anna")
    body = {"name": "portal", "scopes": ["users.read"]}
    for _ in range(2):
        assert (await service.call("POST", "/v1/api-clients", anna, body)).status == 201
    sessions = [await scene.fresh("udo") for _ in range(2)]
    await scene.act(await scene.fresh("anna"), "ute", "enable")
    enrolling = await service.pending(scene["ute"])
    await service.call("POST", "/v1/sign-ins/current/enrolment", enrolling)
    assert sessions
    await worker.drain()
    await worker.project()
    assert await unsound(service) == []

    at = len(await service.events(acme))
    await closed(scene)
    assert await unsound(service) == []
    while await worker.drain():
        pass
    await worker.project()
    told = (await service.events(acme))[at:]
    ended = [event for event in told if event["type"] == "SessionsEnded"]
    assert {event["stream_id"] for event in ended} == {str(scene[name].user_id) for name in ("anna", "udo")}
    assert {event["actor"]["kind"] for event in ended} == {"system"}
    (everyone,) = [event for event in told if event["type"] == "EveryoneSignedOut"]
    assert everyone["data"]["users"] == 2
    assert await unsound(service) == []

    await opened(scene)
    assert await unsound(service) == []
    udo = await scene.fresh("udo")
    begun = await service.start(scene["ute"])
    shown = await service.call("POST", "/v1/sign-ins/current/enrolment", begun.json["token"])
    scene["ute"].key = shown.json["key"]
    path = "/v1/sign-ins/current/enrolment/confirmation"
    confirmed = await service.call("POST", path, begun.json["token"], {"code": service.code(scene["ute"])})
    assert confirmed.json["status"] == "signed_in"
    while await worker.drain():
        pass
    await worker.project()
    # What is told late ends nothing that began since.
    assert (await service.call("GET", "/v1/me", udo)).status == 200
    assert await unsound(service) == []


async def test_a_worker_that_comes_late_ends_nothing_new(service: Service) -> None:
    worker = Worker(service.parts, service.parts.settings.data_dir)
    scene = await scene_of(service, "udo", "otto")
    await worker.drain()
    old = await scene.fresh("udo")
    await closed(scene)
    await opened(scene)
    new = await scene.fresh("udo")
    while await worker.drain():
        pass
    assert (await service.call("GET", "/v1/me", old)).status == 401
    assert (await service.call("GET", "/v1/me", new)).status == 200
    ended = [event for event in await service.events(scene.companies["acme"]) if event["type"] == "SessionsEnded"]
    assert [len(event["data"]["sessions_ended"]) for event in ended] == [1]
    assert await unsound(service) == []


async def test_the_administrators_are_told(service: Service) -> None:
    worker = Worker(service.parts, service.parts.settings.data_dir)
    scene = await scene_of(service, "anna", "sven", "axel", "bea", "otto")
    await worker.drain()
    before = Counter(str(mail["To"]) for mail in worker.mails())
    await closed(scene)
    while await worker.drain():
        pass
    told = Counter(str(mail["To"]) for mail in worker.mails()) - before
    assert set(told) >= {"anna@acme.example", "sven@acme.example"}
    assert not {"bea@beta.example", "axel@acme.example"} & set(told)
