"""One act on many users: each by itself, once, in order, and told as if it had been done one by one."""

import asyncio
from collections import Counter
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from tests.support.answers import anonymous
from tests.support.scene import REASON, scene_of
from tests.support.service import PASSWORD, Another, Person, Reply, Service
from tests.support.sizes import sized
from tests.support.soundness import unsound

PATH: Final = "/v1/bulk/two-factor"
OK: Final = (200, None)
FORBIDDEN: Final = (403, "forbidden")
NOT_FOUND: Final = (404, "not_found")
NO_KEY: Final = (409, "no_key")
CONFLICT: Final = (409, "conflict")


async def bulk(service: Service, token: str, act: str, *users: object, **rest: Any) -> Reply:
    """`users`: people or ids."""
    ids = [str(user.user_id) if isinstance(user, Person) else str(user) for user in users]
    return await service.call("POST", PATH, token, {"act": act, "user_ids": ids, **REASON}, **rest)


def results(reply: Reply) -> list[tuple[int, str | None]]:
    assert reply.status == 200, reply
    return [(one["status"], one["code"]) for one in reply.json["results"]]


async def of(service: Service, company: UUID, user_id: object, since: int = 0) -> list[str]:
    """The facts on that person's stream."""
    events = (await service.events(company))[since:]
    return [event["type"] for event in events if event["stream_id"] == str(user_id)]


async def hired(service: Service, company: UUID, count: int) -> list[Person]:
    return [await service.person(company, f"user{n}", email=f"user{n}@acme.example") for n in range(count)]


# Each by itself.


async def test_each_gets_an_answer_of_its_own_in_the_order_asked(service: Service) -> None:
    scene = await scene_of(service, "anna", "arno", "sven", "axel", "udo", "ute", "ben", "otto")
    token, unknown = await scene.fresh("sven"), uuid4()
    names = ("ute", "anna", "udo", "ben", "sven", "axel", "otto")
    ids = [*(scene[name].user_id for name in names), unknown]

    answer = await bulk(service, token, "reset", *ids)

    expected = [NO_KEY, FORBIDDEN, OK, NOT_FOUND, FORBIDDEN, OK, NOT_FOUND, NOT_FOUND]
    assert [one["user_id"] for one in answer.json["results"]] == [str(user_id) for user_id in ids]
    assert results(answer) == expected
    for name, (status, _) in zip(names, expected, strict=False):
        assert ((await scene.state(name))["state"].key is None) is (status == 200 or name == "ute")


@pytest.mark.parametrize(
    ("act", "expected", "facts"),
    [
        ("enable", [OK, OK, CONFLICT], ["TwoFactorOrdered", "TwoFactorOrdered", None]),
        ("reset", [NO_KEY, NO_KEY, OK], [None, None, "KeyReset"]),
        ("disable", [NO_KEY, OK, OK], [None, "OrderWithdrawn", "TwoFactorDisabled"]),
    ],
)
async def test_what_is_refused_for_one_changes_nothing_for_the_others(
    service: Service, act: str, expected: list[tuple[int, str | None]], facts: list[str | None]
) -> None:
    scene = await scene_of(service, "anna", "ute", "udo")
    ordered = await service.person(scene.companies["acme"], "ordered.acme")
    token = await scene.fresh("anna")
    assert results(await bulk(service, token, "enable", ordered)) == [OK]
    at = len(await service.events(scene.companies["acme"]))
    people = (scene["ute"], ordered, scene["udo"])
    assert results(await bulk(service, token, act, *people)) == expected
    for person, fact in zip(people, facts, strict=True):
        assert await of(service, scene.companies["acme"], person.user_id, at) == ([fact] if fact else [])


async def test_nobody_acts_on_oneself_in_a_crowd_either(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("anna")
    before = await scene.state("anna")
    assert results(await bulk(service, token, "disable", scene["anna"], scene["udo"])) == [FORBIDDEN, OK]
    assert (await scene.state("anna"))["state"].key == before["state"].key
    assert (await service.call("GET", "/v1/me", token)).status == 200


async def test_what_was_denied_is_on_record_one_by_one(service: Service) -> None:
    """A-01."""
    scene = await scene_of(service, "anna", "arno", "sven", "udo")
    await bulk(service, await scene.fresh("sven"), "reset", scene["anna"], scene["udo"], scene["arno"])
    denied = [e for e in await service.events(scene.companies["acme"]) if e["type"] == "AccessDenied"]
    assert {e["data"]["target_id"] for e in denied} == {str(scene[name].user_id) for name in ("anna", "arno")}
    assert len(denied) == 2


async def test_somebody_named_twice_is_acted_on_once(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "ute")
    token, udo = await scene.fresh("anna"), scene["udo"].user_id
    at = len(await service.events(scene.companies["acme"]))
    answer = await bulk(service, token, "reset", udo, scene["ute"], udo, str(udo).upper(), scene["ute"])
    assert [one["user_id"] for one in answer.json["results"]] == [str(udo), str(scene["ute"].user_id)]
    assert results(answer) == [OK, NO_KEY]
    assert await of(service, scene.companies["acme"], udo, at) == ["KeyReset"]


WRONG: Final[list[dict[str, Any]]] = [
    {},
    {"act": "reset", **REASON},
    {"act": "reset", "user_ids": [], **REASON},
    {"act": "reset", "user_ids": None, **REASON},
    {"act": "reset", "user_ids": str(uuid4()), **REASON},
    {"act": "reset", "user_ids": ["udo"], **REASON},
    {"act": "reset", "user_ids": [7], **REASON},
    {"act": "reset", "user_ids": [None], **REASON},
    {"act": "reset", "user_ids": [str(uuid4())]},
    {"act": "reset", "user_ids": [str(uuid4())], "reason": ""},
    {"act": "reset", "user_ids": [str(uuid4()) for _ in range(1001)], **REASON},
    {"act": "unlock", "user_ids": [str(uuid4())], **REASON},
    {"act": "break-glass", "user_ids": [str(uuid4())], **REASON},
    {"act": "Reset", "user_ids": [str(uuid4())], **REASON},
    {"user_ids": [str(uuid4())], **REASON},
    {"act": "reset", "user_ids": [str(uuid4())], **REASON, "company_id": str(uuid4())},
    {"act": "reset", "user_ids": [str(uuid4())], **REASON, "all": True},
]


async def test_what_has_not_the_form_is_refused_as_a_whole(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("anna")
    at = len(await service.events(scene.companies["acme"]))
    taken = [body for body in WRONG if (await service.call("POST", PATH, token, body)).status != 422]
    good_and_bad = {"act": "reset", "user_ids": [str(scene["udo"].user_id), "nonsense"], **REASON}
    assert (await service.call("POST", PATH, token, good_and_bad)).status == 422
    assert taken == []
    assert len(await service.events(scene.companies["acme"])) == at


async def test_a_thousand_ids_are_taken(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    ids = [uuid4() for _ in range(999)]
    answer = await bulk(service, await scene.fresh("anna"), "reset", *ids, scene["udo"])
    assert Counter(results(answer)) == {NOT_FOUND: 999, OK: 1}


async def test_it_asks_for_all_that_the_single_act_asks_for(service: Service) -> None:
    """S-03."""
    scene = await scene_of(service, "anna", "axel", "udo", "ute")
    adam = await service.person(scene.companies["acme"], "adam.acme", "administrator")
    without = await service.sign_in(adam)
    assert (await bulk(service, without, "reset", scene["udo"])).code == "forbidden"
    assert (await bulk(service, await scene.fresh("axel"), "reset", scene["udo"])).code == "forbidden"
    assert (await bulk(service, await scene.fresh("udo"), "enable", scene["ute"])).code == "forbidden"
    anna = await scene.fresh("anna")
    service.clock.advance(minutes=5)
    assert (await bulk(service, anna, "reset", scene["udo"])).code == "step_up_required"
    assert (await scene.state("udo"))["state"].key is not None


# What follows for each.


async def test_each_is_ended_and_told_as_by_the_single_act(service: Service, another: Another) -> None:
    """Defect 13: the same facts, mails and revocations; at once on every process."""
    other = await another()
    scene = await scene_of(service, "anna", "udo", "axel", "sven")
    company, names = scene.companies["acme"], ("udo", "axel")
    sessions = {name: await scene.fresh(name) for name in (*names, "sven")}
    token = await scene.fresh("anna")
    at = len(await service.events(company))
    assert results(await bulk(service, token, "reset", *(scene[name] for name in names))) == [OK, OK]
    assert (await scene.act(token, "sven", "reset")).status == 200
    for session in sessions.values():
        assert (await other.call("GET", "/v1/me", session)).status == 401
    events = (await service.events(company))[at:]
    assert [event["type"] for event in events] == ["KeyReset"] * 3
    assert {event["actor"]["id"] for event in events} == {str(scene["anna"].user_id)}
    rows = await service.parts.pool.fetch(
        "SELECT position, array_agg(kind ORDER BY kind) AS kinds FROM effect WHERE company_id = $1 AND position > $2"
        " GROUP BY position",
        company,
        at,
    )
    assert {row["position"] for row in rows} == {event["position"] for event in events}
    assert len({tuple(row["kinds"]) for row in rows}) == 1
    assert await unsound(service) == []


# Twice is once.


async def test_a_repeated_call_gets_the_first_answer_and_does_nothing(service: Service) -> None:
    """S-09: also where acting again would do something."""
    scene = await scene_of(service, "anna", "ute", "udo")
    token, headers = await scene.fresh("anna"), {"Idempotency-Key": "once"}
    people = (scene["ute"], scene["udo"], scene["anna"])
    first = await bulk(service, token, "enable", *people, headers=headers)
    at = len(await service.events(scene.companies["acme"]))
    again = await bulk(service, token, "enable", *people, headers=headers)
    assert anonymous(again) == anonymous(first)
    assert results(first) == [OK, CONFLICT, FORBIDDEN]
    other = await bulk(service, token, "reset", *people, headers=headers)
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert len(await service.events(scene.companies["acme"])) == at
    # Without the key it is a call of its own.
    assert results(await bulk(service, token, "enable", scene["ute"])) == [OK]
    assert len(await service.events(scene.companies["acme"])) == at + 1


async def test_parallel_repetitions_act_once(service: Service, another: Another) -> None:
    both = (service, await another())
    scene = await scene_of(service, "anna")
    people = await hired(service, scene.companies["acme"], 20)
    token = await scene.fresh("anna")
    at = len(await service.events(scene.companies["acme"]))
    answers = await asyncio.gather(
        *(bulk(both[n % 2], token, "enable", *people, headers={"Idempotency-Key": "once"}) for n in range(8))
    )
    assert {answer.raw for answer in answers} == {answers[0].raw}
    assert results(answers[0]) == [OK] * 20
    assert (await service.event_types(scene.companies["acme"]))[at:] == ["TwoFactorOrdered"] * 20


async def test_the_same_key_of_somebody_else_is_another_key(service: Service) -> None:
    """T-07."""
    scene = await scene_of(service, "anna", "arno", "bea", "ute", "ben")
    headers = {"Idempotency-Key": "once"}
    for name, whom in (("anna", "ute"), ("arno", "ute"), ("bea", "ben")):
        answer = await bulk(service, await scene.fresh(name), "enable", scene[whom], headers=headers)
        assert results(answer) == [CONFLICT if whom == "ben" else OK]


# From other places.


async def test_the_provider_acts_on_many_in_one_company(service: Service) -> None:
    """T-02: an id of another company is not there, whoever asks."""
    scene = await scene_of(service, "anna", "arno", "udo", "ben", "otto", "olga")
    otto = await scene.fresh("otto")
    path = f"/v1/companies/{scene.companies['acme']}/bulk/two-factor"
    ids = [str(scene[name].user_id) for name in ("udo", "ben", "olga", "otto", "anna")]
    answer = await service.call("POST", path, otto, {"act": "reset", "user_ids": ids, **REASON})
    assert results(answer) == [OK, NOT_FOUND, NOT_FOUND, NOT_FOUND, OK]
    reset = [event for event in await service.events(scene.companies["acme"]) if event["type"] == "KeyReset"]
    assert {event["actor"]["kind"] for event in reset} == {"provider"}
    assert (await service.call("POST", path, await scene.fresh("arno"), {"act": "reset", **REASON})).status == 403
    unknown = path.replace(str(scene.companies["acme"]), str(uuid4()))
    assert (await service.call("POST", unknown, otto, {"act": "reset", "user_ids": ids, **REASON})).status == 404


async def test_a_program_needs_the_scope(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "ute", "ben")
    tokens = {}
    for scope in ("two_factor.write", "two_factor.read", "users.write"):
        body = {"name": scope, "scopes": [scope]}
        tokens[scope] = (await service.call("POST", "/v1/api-clients", await scene.fresh("anna"), body)).json["token"]
    service.clock.advance(hours=1)
    people = [scene[name] for name in ("udo", "ute", "anna", "ben")]
    for scope in ("two_factor.read", "users.write"):
        assert (await bulk(service, tokens[scope], "reset", *people)).code == "forbidden"
    done = await bulk(service, tokens["two_factor.write"], "reset", *people)
    # Its scopes are its rank: an administrator is above it.
    assert results(done) == [OK, NO_KEY, FORBIDDEN, NOT_FOUND]
    reset = [event for event in await service.events(scene.companies["acme"]) if event["type"] == "KeyReset"]
    assert [event["actor"]["kind"] for event in reset] == ["client"]


# Under load.


async def test_many_at_once_while_they_all_sign_in(two_proxied: tuple[Service, Service]) -> None:
    """No call fails, and whoever comes afterwards has to enrol."""
    service, other = two_proxied
    count = sized(60, 300)
    scene = await scene_of(service, "anna")
    company = scene.companies["acme"]
    people = await hired(service, company, count)
    token = await scene.fresh("anna")

    async def all_sign_in() -> list[Reply]:
        """Each from an address of their own, twice, at both processes."""
        places = [(process, f"198.18.{n >> 8}.{n & 255}") for n in range(count) for process in (service, other)]
        everybody = [person for person in people for _ in (service, other)]
        calls = (process.at(place).start(who) for (process, place), who in zip(places, everybody, strict=True))
        return list(await asyncio.gather(*calls))

    done, begun = await asyncio.gather(bulk(service, token, "enable", *people), all_sign_in())
    assert results(done) == [OK] * count
    assert {answer.status for answer in begun} == {201}
    assert {answer.json["status"] for answer in await all_sign_in()} == {"enrolment_required"}
    assert Counter(await service.event_types(company))["TwoFactorOrdered"] == count
    assert await unsound(service) == []


async def test_a_bulk_and_its_counterpart_leave_each_in_one_of_two_states(service: Service, another: Another) -> None:
    """Two administrators at once, at two processes: whoever is last decides, and nothing is half done."""
    other = await another()
    scene = await scene_of(service, "anna", "arno")
    people = await hired(service, scene.companies["acme"], sized(30, 300))
    arno = await scene.fresh("arno")
    anna = await service.call("POST", "/v1/sign-ins", json={"login": scene["anna"].login, "password": PASSWORD})
    session = await service.give(anna.json["token"], service.code(scene["anna"]))
    assert results(await bulk(service, arno, "enable", *people)) == [OK] * len(people)
    answers = await asyncio.gather(
        bulk(service, arno, "disable", *people), bulk(other, session.json["token"], "enable", *people)
    )
    assert {result for answer in answers for result in results(answer)} == {OK}
    states: Counter[bool] = Counter()
    for person in people:
        found = await service.parts.store.user(person.company_id, person.user_id)
        assert found is not None
        states[found.state.order is not None] += 1
    assert sum(states.values()) == len(people)
    assert await unsound(service) == []
