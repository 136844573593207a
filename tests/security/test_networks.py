"""Trusted networks of one user: a right password from elsewhere is as good as a wrong one, and so is a session."""

import asyncio
from collections import Counter
from typing import Any, Final
from uuid import UUID

import pytest

from tests.support.answers import anonymous
from tests.support.dump import full_dump
from tests.support.scene import REASON, Scene, scene_of
from tests.support.service import PASSWORD, Reply, Service
from tests.support.sizes import sized
from tests.support.soundness import unsound
from workers.projector import Projector

Two = tuple[Service, Service]
HERE: Final = "192.0.2.7"
ELSEWHERE: Final = "198.51.100.7"
OFFICE: Final = "192.0.2.0/24"


async def trusted(scene: Scene, name: str, *networks: str, by: str = "anna") -> Reply:
    """Set by an administrator."""
    path = scene.path(name, "/trusted-networks")
    return await scene.service.call("PUT", path, await scene.fresh(by), {"networks": list(networks), **REASON})


async def whereabouts(service: Service, *names: str) -> Scene:
    """A scene with Udo bound to the office."""
    scene = await scene_of(service, "anna", *(names or ("udo",)))
    done = await trusted(scene, "udo", OFFICE)
    assert (done.status, done.json) == (200, {"networks": [OFFICE]})
    return scene


async def credentials(service: Service, scene: Scene, name: str) -> Reply:
    """Login and right password."""
    return await service.call("POST", "/v1/sign-ins", json={"login": scene[name].login, "password": PASSWORD})


async def types_of(service: Service, company: UUID) -> list[str]:
    return [
        event["type"] + (f" {event['data']['cause']}" if event["type"] == "SignInRefused" else "")
        for event in await service.events(company)
    ]


# Setting them.


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["192.0.2.0/24"], ["192.0.2.0/24"]),
        (["192.0.2.7"], ["192.0.2.7/32"]),
        (["2001:DB8:0::/48", "192.0.2.7/32", "192.0.2.7"], ["192.0.2.7/32", "2001:db8::/48"]),
        (["192.0.2.0/255.255.255.0"], ["192.0.2.0/24"]),
        (["::ffff:192.0.2.0/120"], ["192.0.2.0/24"]),
        ([], []),
        ([f"10.{n}.0.0/16" for n in range(50)], sorted(f"10.{n}.0.0/16" for n in range(50))),
    ],
)
async def test_each_network_is_kept_in_its_one_spelling(service: Service, given: list[str], kept: list[str]) -> None:
    scene = await scene_of(service, "anna", "udo")
    assert (await trusted(scene, "udo", "198.51.100.1")).status == 200
    done = await trusted(scene, "udo", *given)
    assert (done.status, done.json) == (200, {"networks": kept})
    read = await service.call("GET", scene.path("udo", "/trusted-networks"), await scene.fresh("anna"))
    assert read.json == {"networks": kept}


WRONG: Final[list[dict[str, Any]]] = [
    {},
    {"networks": None},
    {"networks": OFFICE},
    {"networks": [7]},
    {"networks": [None]},
    {"networks": [[OFFICE]]},
    {"networks": [""]},
    {"networks": ["office"]},
    {"networks": ["192.0.2.1/24"]},
    {"networks": ["2001:db8::1/64"]},
    {"networks": ["192.0.2.0/33"]},
    {"networks": ["192.0.2.0/24 "]},
    {"networks": ["010.0.0.1"]},
    {"networks": ["fe80::1%a,b"]},
    {"networks": ["fe80::1%eth0"]},
    {"networks": [OFFICE, "192.0.2.1/24"]},
    {"networks": ["x" * 65]},
    {"networks": [f"10.{n}.0.0/16" for n in range(51)]},
    {"networks": [OFFICE], "reason": ""},
    {"networks": [OFFICE], "count": 1},
]


async def test_what_is_no_network_is_refused_and_changes_nothing(service: Service) -> None:
    scene = await whereabouts(service)
    token, path = await scene.fresh("anna"), scene.path("udo", "/trusted-networks")
    before = await scene.state("udo")
    taken = []
    for body in WRONG:
        answer = await service.call("PUT", path, token, body)
        if (answer.status, answer.code) != (422, "validation_failed"):
            taken.append((body, answer.status, answer.json))
    assert taken == []
    assert await scene.state("udo") == before


async def test_it_is_an_act_on_an_account_like_any_other(service: Service) -> None:
    """Right, rank, freshness, company; and never on the own account."""
    scene = await scene_of(service, "anna", "sven", "axel", "udo", "ben", "otto")

    async def tried(by: str, whom: str) -> int:
        return (await trusted(scene, whom, OFFICE, by=by)).status

    assert await tried("anna", "anna") == 403
    assert await tried("sven", "udo") == 403
    assert await tried("axel", "udo") == 403
    assert await tried("udo", "udo") == 403
    assert await tried("anna", "ben") == 404
    path = f"/v1/companies/{scene.companies['acme']}/users/{scene['udo'].user_id}/trusted-networks"
    by_otto = await service.call("PUT", path, await scene.fresh("otto"), {"networks": [OFFICE], **REASON})
    assert by_otto.status == 200
    anna = await scene.fresh("anna")
    service.clock.advance(minutes=5)
    stale = await service.call("PUT", scene.path("udo", "/trusted-networks"), anna, {"networks": []})
    assert stale.code == "step_up_required"
    denied = [e["data"]["act"] for e in await service.events(scene.companies["acme"]) if e["type"] == "AccessDenied"]
    assert denied == ["change_user_networks"] * 4


async def test_the_same_networks_again_are_no_change(service: Service) -> None:
    scene = await whereabouts(service)
    before = await scene.state("udo")
    assert (await trusted(scene, "udo", "192.0.2.0/24", OFFICE)).status == 200
    assert await scene.state("udo") == before


async def test_a_repeated_call_gets_the_first_answer(service: Service) -> None:
    """S-09."""
    scene = await scene_of(service, "anna", "udo")
    token, path = await scene.fresh("anna"), scene.path("udo", "/trusted-networks")
    headers = {"Idempotency-Key": "once"}
    first = await service.call("PUT", path, token, {"networks": [OFFICE]}, headers=headers)
    lifted = await service.call("PUT", path, token, {"networks": []})
    again = await service.call("PUT", path, token, {"networks": [OFFICE]}, headers=headers)
    assert (first.status, lifted.status) == (200, 200)
    assert anonymous(again) == anonymous(first)
    assert (await types_of(service, scene.companies["acme"])).count("TrustedNetworksChanged") == 2


# A right password from elsewhere.


async def test_a_right_password_from_elsewhere_answers_like_a_wrong_one(two_proxied: Two) -> None:
    """Byte for byte, for whoever has a factor, has none, or has to enrol."""
    service, other = two_proxied
    scene = await whereabouts(service, "udo", "ute", "axel")
    for name in ("ute", "axel"):
        assert (await trusted(scene, name, OFFICE)).status == 200
    assert (await scene.act(await scene.fresh("anna"), "ute", "enable")).status == 200
    for n, name in enumerate(("udo", "ute", "axel")):
        outside = other.at(f"198.51.100.{n}")
        right = await credentials(outside, scene, name)
        wrong = await outside.start(scene[name], "a wrong password")
        assert (right.status, right.code) == (401, "invalid_credentials")
        assert anonymous(right) == anonymous(wrong)
        assert (await credentials(service.at(HERE), scene, name)).status == 201


@pytest.mark.parametrize("address", ["192.0.2.7", "192.0.2.255", "::ffff:192.0.2.7", "2001:db8::7"])
async def test_from_within_everything_is_as_ever(two_proxied: Two, address: str) -> None:
    service, other = two_proxied
    scene = await scene_of(service, "anna", "udo")
    assert (await trusted(scene, "udo", OFFICE, "2001:db8::/32")).status == 200
    service.clock.advance(seconds=30)
    session = await service.at(address).sign_in(scene["udo"])
    assert (await other.at(address).call("GET", "/v1/me", session)).status == 200
    listed = (await other.at(address).call("GET", "/v1/me/sessions", session)).json["items"]
    assert listed[0]["ip"] == address


@pytest.mark.parametrize("address", ["192.0.3.0", "192.0.1.255", "2001:db8::7", "203.0.113.1, 198.51.100.7"])
async def test_a_near_miss_is_elsewhere(two_proxied: Two, address: str) -> None:
    service, _ = two_proxied
    scene = await whereabouts(service)
    assert (await credentials(service.at(address), scene, "udo")).code == "invalid_credentials"


async def test_no_header_of_a_client_brings_it_inside(service: Service) -> None:
    """L-10: no proxy is configured here."""
    scene = await whereabouts(service)
    for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP"):
        answer = await service.call(
            "POST",
            "/v1/sign-ins",
            json={"login": scene["udo"].login, "password": PASSWORD},
            headers={header: f"for={HERE}" if header == "Forwarded" else HERE},
        )
        assert answer.code == "invalid_credentials"
    for body in ({"client_ip": HERE}, {"address": HERE}, {"ip": HERE}):
        answer = await service.call(
            "POST", "/v1/sign-ins", json={"login": scene["udo"].login, "password": PASSWORD, **body}
        )
        assert answer.status == 422


async def test_a_program_that_signs_people_in_says_from_where(service: Service) -> None:
    scene = await whereabouts(service)
    made = await service.call(
        "POST", "/v1/api-clients", await scene.fresh("anna"), {"name": "portal", "scopes": ["sign_ins.write"]}
    )
    body = {"login": scene["udo"].login, "password": PASSWORD}
    for address, status in ((HERE, 201), (ELSEWHERE, 401)):
        answer = await service.call("POST", "/v1/sign-ins", made.json["token"], {**body, "client_ip": address})
        assert answer.status == status
    assert (await service.call("POST", "/v1/sign-ins", made.json["token"], body)).status == 401


async def test_it_is_on_record_as_what_it_was(two_proxied: Two) -> None:
    """With a right password, and from where; a stranger's wrong one is another fact."""
    service, _ = two_proxied
    scene = await whereabouts(service)
    at = len(await service.events(scene.companies["acme"]))
    await credentials(service.at(ELSEWHERE), scene, "udo")
    await service.at(ELSEWHERE).start(scene["udo"], "a wrong password")
    assert (await types_of(service, scene.companies["acme"]))[at:] == ["SignInRefused network", "PasswordRejected"]
    await Projector(service.parts.pool, service.parts.wrapper).project()
    trail = await service.call("GET", "/v1/events?type=SignInRefused", await scene.fresh("anna"))
    (event,) = trail.json["items"]
    assert (event["ip"], event["subject"]["id"]) == (ELSEWHERE, str(scene["udo"].user_id))


@pytest.mark.parametrize("known", [False, True])
async def test_it_is_counted_and_throttled_like_a_wrong_one(two_proxied: Two, known: bool) -> None:
    """Nobody finds out by counting which password was right."""
    service, _ = two_proxied
    scene = await scene_of(service, "anna", "udo", "axel")
    outside = service.at(ELSEWHERE)
    service.clock.advance(seconds=30)
    if known:
        for name in ("udo", "axel"):
            assert await outside.sign_in(scene[name])
    for name in ("udo", "axel"):
        assert (await trusted(scene, name, OFFICE)).status == 200
    service.clock.advance(minutes=11)
    right = [anonymous(await credentials(outside, scene, "udo")) for _ in range(14)]
    service.clock.advance(minutes=11)
    wrong = [anonymous(await outside.start(scene["axel"], "a wrong password")) for _ in range(14)]
    assert right == wrong
    assert Counter(reply[0] for reply in right) == {401: 10, 429: 4}


async def test_whoever_comes_from_within_is_not_kept_waiting_by_that(two_proxied: Two) -> None:
    service, _ = two_proxied
    scene = await scene_of(service, "anna", "udo")
    service.clock.advance(seconds=30)
    assert await service.at(HERE).sign_in(scene["udo"])
    assert (await trusted(scene, "udo", OFFICE)).status == 200
    for n in range(20):
        await credentials(service.at(f"198.51.100.{n}"), scene, "udo")
    assert (await credentials(service.at(HERE), scene, "udo")).status == 201


# What was begun.


async def test_a_session_from_elsewhere_is_closed_at_once_everywhere(two_proxied: Two) -> None:
    service, other = two_proxied
    scene = await scene_of(service, "anna", "udo")
    session = await service.at(ELSEWHERE).fresh_sign_in(scene["udo"])
    inside = await service.at(HERE).fresh_sign_in(scene["udo"])
    assert (await trusted(scene, "udo", OFFICE)).status == 200
    for one in (service, other):
        for path in ("/v1/me", "/v1/me/two-factor", "/v1/me/sessions"):
            closed = await one.at(ELSEWHERE).call("GET", path, session)
            assert (closed.status, closed.code) == (401, "unauthenticated")
        dead = await one.call("GET", "/v1/me", "fl_session_nonsense")
        assert anonymous(await one.at(ELSEWHERE).call("GET", "/v1/me", inside)) == anonymous(dead)
        assert (await one.at(HERE).call("GET", "/v1/me", inside)).status == 200
    # An empty list lifts it.
    assert (await trusted(scene, "udo")).status == 200
    assert (await other.at(ELSEWHERE).call("GET", "/v1/me", session)).status == 200


async def test_no_act_from_elsewhere_gets_in_behind_the_change(two_proxied: Two) -> None:
    """Each call is refused, or is on record before the networks are."""
    service, other = two_proxied
    scene = await scene_of(service, "anna", "udo")
    outside = (service.at(ELSEWHERE), other.at(ELSEWHERE))
    session = await outside[0].fresh_sign_in(scene["udo"])
    anna = await scene.fresh("anna")
    path = scene.path("udo", "/trusted-networks")
    for n in range(sized(12, 200)):
        acts = [
            outside[m % 2].call("PATCH", "/v1/me", session, {"language": ("en", "de")[(n + m) % 2]}) for m in range(4)
        ]
        change = service.call("PUT", path, anna, {"networks": [OFFICE]})
        *answers, changed = await asyncio.gather(*acts, change)
        assert changed.status == 200
        assert {answer.status for answer in answers} <= {200, 401}
        events = await service.events(scene.companies["acme"])
        closed = max(event["position"] for event in events if event["type"] == "TrustedNetworksChanged")
        own = [e["position"] for e in events if e["type"] == "UserChanged" and e["actor"]["id"] == e["stream_id"]]
        assert max(own, default=0) < closed
        assert (await outside[1].call("GET", "/v1/me", session)).status == 401
        assert (await service.call("PUT", path, anna, {"networks": []})).status == 200


async def test_a_sign_in_in_progress_goes_on_from_within_only(two_proxied: Two) -> None:
    service, other = two_proxied
    scene = await scene_of(service, "anna", "udo", "ute")
    assert (await scene.act(await scene.fresh("anna"), "ute", "enable")).status == 200
    begun = {name: await service.at(ELSEWHERE).pending(scene[name]) for name in ("udo", "ute")}
    for name in begun:
        assert (await trusted(scene, name, OFFICE)).status == 200
    code = {"code": service.code(scene["udo"])}
    recovery = {"recovery_code": scene["udo"].recovery_codes[0]}
    for name, path, body in (
        ("udo", "code", code),
        ("udo", "recovery-code", recovery),
        ("ute", "enrolment", None),
        ("udo", "", None),
    ):
        method = "POST" if path else "DELETE"
        where = f"/v1/sign-ins/current/{path}".rstrip("/")
        refused = await other.at(ELSEWHERE).call(method, where, begun[name], body)
        assert (refused.status, refused.code) == (401, "unauthenticated"), path
    done = await other.at(HERE).call("POST", "/v1/sign-ins/current/code", begun["udo"], code)
    assert done.json["status"] == "signed_in"


async def test_introspection_asks_for_the_session_not_for_the_place(two_proxied: Two) -> None:
    service, _ = two_proxied
    scene = await whereabouts(service)
    session = await service.at(HERE).fresh_sign_in(scene["udo"])
    made = await service.call(
        "POST", "/v1/api-clients", await scene.fresh("anna"), {"name": "pbx", "scopes": ["sessions.introspect"]}
    )
    looked = await service.call("POST", "/v1/sessions/introspect", made.json["token"], {"token": session})
    assert looked.json["active"] is True


# Personal data.


async def test_networks_stand_in_no_entry_and_go_with_the_person(service: Service) -> None:
    """P-01."""
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("anna")
    path = scene.path("udo", "/trusted-networks")
    headers = {"Idempotency-Key": "networks"}
    body = {"networks": ["203.0.113.64/27", "2001:db8:77::/48"], "reason": "mark-7f3a9 works from home"}
    assert (await service.call("PUT", path, token, body, headers=headers)).status == 200
    await Projector(service.parts.pool, service.parts.wrapper).project()
    needles = (b"203.0.113.64", b"2001:db8:77::", b"mark-7f3a9")

    dump = await full_dump(service.database, service.parts.wrapper)
    assert "event" not in dump.tables_with(*needles)
    assert "opened" in dump.tables_with(*needles)

    assert (await service.call("DELETE", scene.path("udo"), token)).status == 204
    await Projector(service.parts.pool, service.parts.wrapper).project()
    gone = await full_dump(service.database, service.parts.wrapper)
    assert gone.tables_with(*needles) == set()
    assert await unsound(service) == []


async def test_the_trail_tells_that_and_why_but_not_where(service: Service) -> None:
    scene = await whereabouts(service)
    await Projector(service.parts.pool, service.parts.wrapper).project()
    trail = await service.call("GET", "/v1/events?type=TrustedNetworksChanged", await scene.fresh("anna"))
    (event,) = trail.json["items"]
    assert (event["reason"], event["details"]["count"]) == (REASON["reason"], 1)
    assert "192.0.2.0" not in str(event)


async def test_the_log_is_sound_with_networks_in_it(two_proxied: Two) -> None:
    service, _ = two_proxied
    scene = await whereabouts(service)
    await credentials(service.at(ELSEWHERE), scene, "udo")
    await trusted(scene, "udo", "2001:db8::/32")
    await trusted(scene, "udo")
    await Projector(service.parts.pool, service.parts.wrapper).project()
    assert await unsound(service) == []
