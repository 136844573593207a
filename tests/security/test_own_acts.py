"""Acts on the own account: requirements S-01, S-02, S-07, S-09, S-11, and the known defects of such products."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from events.company.policy import Policy
from events.user.events import Door
from tests.support.database import Database
from tests.support.doors import DOORS, PATHS, STEP, Visitor, new_visitor, visitor
from tests.support.service import PASSWORD, Another, Person, Reply, Service, running

NEW_PASSWORD: Final = "Ein anderes Kennwort, 9 Wörter"
START: Final = "/v1/me/two-factor/enrolment"


async def two_factor(service: Service, token: str) -> dict[str, Any]:
    return dict((await service.call("GET", "/v1/me/two-factor", token)).json)


async def administrator(service: Service, company: UUID) -> str:
    """A fresh session of an administrator of that company."""
    return await service.sign_in(await service.person(company, "anna.admin", "administrator", on=True))


async def act_on(service: Service, admin: str, person: Person, act: str, method: str = "POST", **body: str) -> Reply:
    path = f"/v1/users/{person.user_id}{act}"
    reply = await service.call(method, path, admin, body or {"reason": "asked for"})
    assert reply.status == 200, reply
    return reply


async def enrol_at_sign_in(service: Service, person: Person) -> str:
    """Through a demanded enrolment to a session."""
    token = await service.pending(person)
    person.key = (await service.call("POST", "/v1/sign-ins/current/enrolment", token)).json["key"]
    path = "/v1/sign-ins/current/enrolment/confirmation"
    done = await service.call("POST", path, token, {"code": service.code(person)})
    assert done.json["status"] == "signed_in", done
    person.recovery_codes = done.json["recovery_codes"]
    return str(done.json["token"])


async def test_s01_an_own_reset_ends_everything_at_once(service: Service, another: Another) -> None:
    """S-01: five sessions and the sign-ins over two processes, the key and the codes; only enrolling is left."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    other = await another()
    sessions = [guest.session]
    for process in (service, other, service, other):
        sessions.append(await process.sign_in(guest.person))
        service.clock.advance(seconds=STEP)
    begun = [await service.pending(guest.person), await other.pending(guest.person)]
    assert (await guest.give(Door.RESET, service.code(guest.person))).status == 204

    for process in (service, other):
        for token in sessions:
            assert (await process.call("GET", "/v1/me", token)).status == 401
    service.clock.advance(seconds=STEP)
    for token in begun:
        assert (await other.give(token, service.code(guest.person))).code == "unauthenticated"
    started = await service.start(guest.person)
    assert started.json["status"] == "enrolment_required"
    assert (await service.give(started.json["token"], service.code(guest.person))).code == "enrolment_required"
    await enrol_at_sign_in(service, guest.person)


async def test_s02_to_disable_takes_a_fresh_code_and_nothing_less(service: Service) -> None:
    """S-02: none, password, recovery code, spent code, somebody else's code, at last the right one."""
    company = await service.company()
    guest, uta = await new_visitor(service, company, "udo.user"), await new_visitor(service, company, "uta.user")
    guest.session = (await guest.give(Door.STEP_UP, service.code(guest.person))).json["token"]
    spent = service.code(guest.person)
    proofs: tuple[tuple[dict[str, str] | None, int], ...] = (
        (None, 422),
        ({}, 422),
        ({"password": PASSWORD}, 422),
        ({"recovery_code": guest.person.recovery_codes[0]}, 422),
        ({"code": guest.person.recovery_codes[0]}, 422),
        ({"code": spent}, 401),
        ({"code": service.code(uta.person)}, 401),
    )
    for body, status in proofs:
        assert (await guest.post(Door.DISABLE, body)).status == status, body
    assert (await two_factor(service, guest.session))["recovery_codes_left"] == 10
    service.clock.advance(seconds=STEP)
    await guest.pass_through(Door.DISABLE)
    assert (await two_factor(service, guest.session))["state"] == "off"


async def test_s02_a_policy_forbids_it_and_the_code_is_not_used_up(service: Service) -> None:
    """S-02: refused before the code is looked at; the same code is good elsewhere."""
    company = await service.company()
    guest = await new_visitor(service, company, "udo.user")
    await service.parts.console.change_policy(company, Policy(requirement="required"))
    known = len(await service.events(company))
    code = service.code(guest.person)
    for given in (code, service.wrong_code(guest.person)):
        assert (await guest.give(Door.DISABLE, given)).code == "policy_requires_two_factor"
    assert len(await service.events(company)) == known
    assert (await guest.give(Door.STEP_UP, code)).status == 200
    assert (await two_factor(service, guest.session))["state"] == "on"


async def test_s02_disabling_ends_the_other_sessions_and_keeps_this_one(service: Service, another: Another) -> None:
    """S-02: on every process, and the sign-ins in progress."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    other = await another()
    elsewhere = await other.sign_in(guest.person)
    service.clock.advance(seconds=STEP)
    begun = await other.pending(guest.person)
    await guest.pass_through(Door.DISABLE)
    assert (await other.call("GET", "/v1/me", elsewhere)).status == 401
    assert (await other.give(begun, service.code(guest.person, 1))).code == "unauthenticated"
    assert (await other.call("GET", "/v1/me", guest.session)).status == 200
    assert (await service.start(guest.person)).json["status"] == "signed_in"


async def test_s07_a_password_change_leaves_the_second_factor_as_it_is(service: Service) -> None:
    """S-07: changed by the owner and set by an administrator; key and recovery codes still hold."""
    company = await service.company()
    guest = await new_visitor(service, company, "udo.user")
    before = await two_factor(service, guest.session)
    body = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await service.call("POST", "/v1/me/password", guest.session, body)).status == 204
    assert await two_factor(service, guest.session) == before
    guest.person.password = NEW_PASSWORD
    assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).status == 200

    reset = await act_on(service, await administrator(service, company), guest.person, "/password", reason="forgotten")
    guest.person.password = reset.json["generated_password"]
    assert (await service.start(guest.person, NEW_PASSWORD)).code == "invalid_credentials"
    assert (await service.start(guest.person)).json["status"] == "code_required"
    assert (await guest.give_recovery_code(Door.SIGN_IN, guest.person.recovery_codes[0])).status == 200
    assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).status == 200


@dataclass(frozen=True)
class Act:
    """A mutating call, with what a second one answers."""

    name: str
    event: str
    make: Callable[[Visitor], Awaitable[tuple[str, str, dict[str, str] | None]]]
    first: int
    with_key: int
    without_key: int


async def _replace(guest: Visitor) -> tuple[str, str, dict[str, str] | None]:
    return "POST", START, {"code": guest.service.code(guest.person)}


async def _confirm(guest: Visitor) -> tuple[str, str, dict[str, str] | None]:
    guest.person.key = await guest.start_replacement()
    guest.service.clock.advance(seconds=STEP)
    return "POST", PATHS[Door.CONFIRM], {"code": guest.service.code(guest.person)}


async def _cancel(guest: Visitor) -> tuple[str, str, dict[str, str] | None]:
    await guest.start_replacement()
    return "DELETE", START, None


async def _codes(guest: Visitor) -> tuple[str, str, dict[str, str] | None]:
    return "POST", PATHS[Door.RECOVERY_CODES], {"code": guest.service.code(guest.person)}


async def _disable(guest: Visitor) -> tuple[str, str, dict[str, str] | None]:
    return "POST", PATHS[Door.DISABLE], {"code": guest.service.code(guest.person)}


async def _reset(guest: Visitor) -> tuple[str, str, dict[str, str] | None]:
    return "POST", PATHS[Door.RESET], {"code": guest.service.code(guest.person)}


async def _step_up(guest: Visitor) -> tuple[str, str, dict[str, str] | None]:
    return "POST", PATHS[Door.STEP_UP], {"code": guest.service.code(guest.person)}


async def _password(guest: Visitor) -> tuple[str, str, dict[str, str] | None]:
    return "POST", "/v1/me/password", {"old_password": PASSWORD, "new_password": NEW_PASSWORD}


async def _language(guest: Visitor) -> tuple[str, str, dict[str, str] | None]:
    return "PATCH", "/v1/me", {"language": "en"}


async def _end_others(guest: Visitor) -> tuple[str, str, dict[str, str] | None]:
    await guest.service.sign_in(guest.person)
    return "DELETE", "/v1/me/sessions", None


async def _sign_out(guest: Visitor) -> tuple[str, str, dict[str, str] | None]:
    return "POST", "/v1/me/sign-out", None


# An answer with a secret is not repeated (409); a session that the act ended is gone (401).
ACTS: Final = (
    Act("replace", "EnrolmentStarted", _replace, 201, 409, 401),
    Act("confirm", "TwoFactorEnabled", _confirm, 200, 409, 409),
    Act("cancel", "EnrolmentCancelled", _cancel, 204, 204, 409),
    Act("recovery codes", "RecoveryCodesIssued", _codes, 201, 409, 401),
    Act("disable", "TwoFactorDisabled", _disable, 204, 204, 409),
    Act("reset", "KeyReset", _reset, 204, 401, 401),
    Act("step up", "SteppedUp", _step_up, 200, 401, 401),
    Act("password", "PasswordChanged", _password, 204, 204, 401),
    Act("settings", "UserChanged", _language, 200, 200, 200),
    Act("end others", "SessionsEnded", _end_others, 204, 204, 204),
    Act("sign out", "SignedOut", _sign_out, 204, 401, 401),
)


async def facts_of(service: Service, company: UUID, kind: str, after: int) -> int:
    """How often that happened since."""
    return Counter(event["type"] for event in (await service.events(company))[after:])[kind]


@pytest.mark.parametrize("key", [None, "one"])
async def test_s09_the_same_call_twice_is_one_act(service: Service, key: str | None) -> None:
    """S-09: one after the other, with and without an idempotency key; the first answer again, or a refusal."""
    company = await service.company()
    headers = {"Idempotency-Key": key} if key else {}
    for act in ACTS:
        guest = await new_visitor(service, company, f"u.{act.name}")
        method, path, body = await act.make(guest)
        known = len(await service.events(company))
        first = await service.call(method, path, guest.session, body, headers=headers)
        second = await service.call(method, path, guest.session, body, headers=headers)
        assert (first.status, second.status) == (act.first, act.with_key if key else act.without_key), act.name
        if key and second.status < 400:
            assert second.raw == first.raw, act.name
        assert await facts_of(service, company, act.event, known) == 1, act.name


@pytest.mark.parametrize("key", [None, "one"])
async def test_s09_the_same_call_at_one_instant_is_one_act(service: Service, another: Another, key: str | None) -> None:
    """S-09: six at once over two processes; one fact, whatever the others are told."""
    company = await service.company()
    processes = (service, await another())
    headers = {"Idempotency-Key": key} if key else {}
    for act in ACTS:
        guest = await new_visitor(service, company, f"u.{act.name}")
        method, path, body = await act.make(guest)
        known = len(await service.events(company))
        replies = await asyncio.gather(
            *(processes[n % 2].call(method, path, guest.session, body, headers=headers) for n in range(6))
        )
        told = Counter(reply.status for reply in replies)
        assert told[act.first] >= 1, (act.name, told)
        assert set(told) <= {act.first, 401, 409}, (act.name, told)
        assert await facts_of(service, company, act.event, known) == 1, (act.name, told)


async def test_s09_a_key_with_another_body_is_refused(service: Service) -> None:
    """S-09: 422, and nothing changes; another body, another path or another method."""
    company = await service.company()
    guest = await new_visitor(service, company, "udo.user")
    headers = {"Idempotency-Key": "one"}
    me, english = "/v1/me", {"language": "en"}
    assert (await service.call("PATCH", me, guest.session, english, headers=headers)).status == 200
    known = len(await service.events(company))
    code = {"code": service.code(guest.person)}
    for method, path, body in (("PATCH", me, {"language": "de"}), ("POST", PATHS[Door.DISABLE], code)):
        reply = await service.call(method, path, guest.session, body, headers=headers)
        assert (reply.status, reply.code) == (422, "idempotency_key_reused")
    assert len(await service.events(company)) == known


async def test_s09_keys_of_other_people_and_companies_have_no_effect(service: Service) -> None:
    """S-09: the same key of a colleague and of another company is another key."""
    company, foreign = await service.company(), await service.company("Beta AG")
    for login, of in (("udo.user", company), ("uta.user", company), ("ben.user", foreign)):
        guest = await new_visitor(service, of, login)
        body = {"code": service.code(guest.person)}
        reply = await service.call("POST", PATHS[Door.DISABLE], guest.session, body, headers={"Idempotency-Key": "1"})
        assert reply.status == 204, login


async def test_s09_a_refusal_that_left_nothing_is_not_kept(service: Service) -> None:
    """S-09: after a format error or a refusal of the policy the same key may be used for the right call."""
    company = await service.company()
    guest = await new_visitor(service, company, "udo.user")
    headers, path = {"Idempotency-Key": "one"}, PATHS[Door.DISABLE]
    await service.parts.console.change_policy(company, Policy(requirement="required"))
    body = {"code": service.code(guest.person)}
    refused = await service.call("POST", path, guest.session, body, headers=headers)
    assert refused.code == "policy_requires_two_factor"
    await service.parts.console.change_policy(company, Policy())
    assert (await service.call("POST", path, guest.session, body, headers=headers)).status == 204


async def test_s11_a_step_up_makes_one_session_fresh(service: Service) -> None:
    """S-11: not another one of the same user, not the token that it replaces."""
    company = await service.company()
    guest = await new_visitor(service, company, "anna.admin", "administrator")
    target = await service.person(company, "udo.user", on=True)
    stale = await visitor(service, guest.person)
    service.clock.advance(minutes=5)
    replaced = guest.session
    await guest.pass_through(Door.STEP_UP)

    path, body = f"/v1/users/{target.user_id}/two-factor/reset", {"reason": "lost phone"}
    assert (await service.call("POST", path, stale.session, body)).code == "step_up_required"
    assert (await service.call("POST", path, replaced, body)).code == "unauthenticated"
    service.clock.advance(minutes=5)
    assert (await service.call("POST", path, guest.session, body)).code == "step_up_required"
    await guest.pass_through(Door.STEP_UP)
    assert (await service.call("POST", path, guest.session, body)).status == 200


async def test_defect_01_nothing_is_on_before_it_is_confirmed(service: Service) -> None:
    """2FA was on before the user had confirmed."""
    person = await service.person(await service.company(), "udo.user")
    token = await service.sign_in(person)
    await service.call("POST", START, token, {"password": PASSWORD})
    state = await two_factor(service, token)
    assert (state["state"], state["next_sign_in"], state["enrolled_at"]) == ("off", "password", None)
    assert state["recovery_codes_left"] == 0
    assert (await service.start(person)).json["status"] == "signed_in"


async def test_defect_02_a_wrong_code_is_answered_at_every_door(service: Service) -> None:
    """A wrong code at reset, disable or confirm was swallowed without a message."""
    company = await service.company()
    for door in DOORS:
        guest = await new_visitor(service, company, f"u.{door}")
        if door is Door.CONFIRM:
            guest.person.key = await guest.start_replacement()
        reply = await guest.fail(door)
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert reply.json["title"] == "The code was not accepted."
        assert (await two_factor(service, guest.session))["state"] == "on"


async def test_defect_03_a_reset_signs_out_whose_key_it_is(service: Service) -> None:
    """Resetting another user signed the administrator out; resetting oneself did not sign out."""
    company = await service.company()
    udo = await new_visitor(service, company, "udo.user")
    admin = await administrator(service, company)
    await act_on(service, admin, udo.person, "/two-factor/reset")
    assert (await service.call("GET", "/v1/me", admin)).status == 200
    assert (await service.call("GET", "/v1/me", udo.session)).status == 401
    uta = await new_visitor(service, company, "uta.user")
    await uta.pass_through(Door.RESET)
    assert (await service.call("GET", "/v1/me", uta.session)).status == 401


async def test_defect_04_a_reset_is_possible_exactly_while_there_is_a_key(service: Service) -> None:
    """The reset was active while there was no key or after somebody else's reset, inactive after activation."""
    company = await service.company()
    person = await service.person(company, "udo.user")
    token = await service.sign_in(person)
    body = {"code": "123456"}
    assert (await two_factor(service, token))["state"] == "off"
    assert (await service.call("POST", PATHS[Door.RESET], token, body)).code == "no_key"
    await service.enrol_in(person, token)
    assert (await two_factor(service, token))["state"] == "on"

    admin = await administrator(service, company)
    await act_on(service, admin, person, "/two-factor/reset")
    path = f"/v1/users/{person.user_id}/two-factor"
    assert (await service.call("GET", path, admin)).json["state"] == "enrolment_required"
    assert (await service.call("POST", f"{path}/reset", admin, {"reason": "again"})).code == "no_key"
    token = await enrol_at_sign_in(service, person)
    service.clock.advance(seconds=STEP)
    guest = Visitor(service, person, token)
    assert (await guest.give(Door.RESET, service.code(person))).status == 204


async def test_defect_05_the_state_that_is_shown_is_the_effective_one(service: Service) -> None:
    """The page showed the stored state where an inherited policy decided the effective one."""
    company = await service.company()
    person = await service.person(company, "udo.user")
    token = await service.sign_in(person)
    for policy, shown in (
        (Policy(requirement="required"), ("enrolment_required", "company", "enrolment")),
        (Policy(requirement="required_for_roles", roles=("user",)), ("enrolment_required", "role", "enrolment")),
        (Policy(requirement="required_for_roles", roles=("administrator",)), ("off", None, "password")),
        (Policy(), ("off", None, "password")),
    ):
        await service.parts.console.change_policy(company, policy)
        state = await two_factor(service, token)
        assert (state["state"], state["required_by"], state["next_sign_in"]) == shown


async def test_defect_06_an_expired_password_can_be_renewed_with_a_second_factor(service: Service) -> None:
    """With both, the user could neither renew the password nor sign in; and the code is still asked for first."""
    company = await service.company()
    guest = await new_visitor(service, company, "udo.user")
    await service.parts.console.change_policy(company, Policy(password_max_age_days=90))
    service.clock.advance(days=90)
    path, body = "/v1/sign-ins/current/password", {"new_password": NEW_PASSWORD}
    token = await service.pending(guest.person)
    assert (await service.call("POST", path, token, body)).code == "conflict"
    after_code = await service.give(token, service.code(guest.person))
    assert (after_code.status, after_code.json["status"], after_code.json["user"]) == (200, "password_expired", None)
    step = after_code.json["token"]
    assert (await service.call("GET", "/v1/me", step)).status == 401
    assert (await service.give(token, service.code(guest.person, 1))).code == "unauthenticated"

    done = await service.call("POST", path, step, body)
    assert done.json["status"] == "signed_in"
    assert (await service.call("GET", "/v1/me", done.json["token"])).status == 200
    assert (await service.call("POST", path, step, body)).code == "unauthenticated"
    assert (await service.start(guest.person)).code == "invalid_credentials"
    assert (await service.start(guest.person, NEW_PASSWORD)).json["status"] == "code_required"


async def test_defect_06_a_recovery_code_and_an_enrolment_lead_on_to_the_new_password(service: Service) -> None:
    """The same with the other second factors."""
    company = await service.company()
    guest = await new_visitor(service, company, "udo.user")
    ordered = await service.person(company, "uta.user")
    policy = Policy(requirement="required", password_max_age_days=90)
    await service.parts.console.change_policy(company, policy)
    service.clock.advance(days=90)
    first = await guest.give_recovery_code(Door.SIGN_IN, guest.person.recovery_codes[0])
    token = await service.pending(ordered)
    ordered.key = (await service.call("POST", "/v1/sign-ins/current/enrolment", token)).json["key"]
    confirmation = "/v1/sign-ins/current/enrolment/confirmation"
    second = await service.call("POST", confirmation, token, {"code": service.code(ordered)})
    assert len(second.json["recovery_codes"]) == 10
    for reply in (first, second):
        assert reply.json["status"] == "password_expired"
        path, body = "/v1/sign-ins/current/password", {"new_password": NEW_PASSWORD}
        assert (await service.call("POST", path, reply.json["token"], body)).json["status"] == "signed_in"


async def test_defect_08_a_new_enrolment_leaves_the_working_key_alone(service: Service) -> None:
    """Starting a new enrolment killed the working key; closing the tab locked the user out."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    await guest.start_replacement()
    service.clock.advance(seconds=STEP)
    assert (await guest.give(Door.SIGN_IN, service.code(guest.person))).status == 200
    assert (await two_factor(service, guest.session))["recovery_codes_left"] == 10
    assert (await guest.give_recovery_code(Door.SIGN_IN, guest.person.recovery_codes[0])).status == 200


async def test_defect_09_a_policy_holds_after_resets_and_locks_nobody_out(service: Service) -> None:
    """After a reset the policy no longer applied; a user could disable; an administrator locked himself out."""
    company = await service.company()
    guest = await new_visitor(service, company, "udo.user")
    chief = await service.person(company, "carl.chief", "administrator")
    chiefs = await service.sign_in(chief)
    await service.parts.console.change_policy(company, Policy(requirement="required"))
    assert (await service.call("GET", "/v1/me", chiefs)).status == 200
    assert (await two_factor(service, chiefs))["next_sign_in"] == "enrolment"
    assert (await guest.give(Door.DISABLE, service.code(guest.person))).code == "policy_requires_two_factor"

    admin = await administrator_under_policy(service, company)
    for act in ("/two-factor/reset", "/two-factor/disable"):
        await act_on(service, admin, guest.person, act)
        assert (await service.start(guest.person)).json["status"] == "enrolment_required", act
    guest.session = await enrol_at_sign_in(service, guest.person)
    service.clock.advance(seconds=STEP)
    assert (await guest.give(Door.DISABLE, service.code(guest.person))).code == "policy_requires_two_factor"
    assert (await guest.give(Door.RESET, service.code(guest.person))).status == 204
    assert (await service.start(guest.person)).json["status"] == "enrolment_required"
    assert await enrol_at_sign_in(service, chief)


async def administrator_under_policy(service: Service, company: UUID) -> str:
    """An administrator who enrolled because the policy demanded it: a fresh session."""
    return await enrol_at_sign_in(service, await service.person(company, "anna.admin", "administrator"))


@pytest.mark.parametrize("change", ["own reset", "own password", "reset", "disable", "password", "deactivate", "role"])
async def test_defect_10_nothing_begun_survives_a_change(service: Service, another: Another, change: str) -> None:
    """Sessions and half-finished sign-ins survived a reset, a password change, a deactivation, a change by API."""
    company = await service.company()
    other = await another()
    guest = await new_visitor(service, company, "udo.user")
    elsewhere = await other.sign_in(guest.person)
    service.clock.advance(seconds=STEP)
    admin = await administrator(service, company)
    begun = await other.pending(guest.person)
    if change == "own reset":
        await guest.pass_through(Door.RESET)
    elif change == "own password":
        body = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
        assert (await service.call("POST", "/v1/me/password", guest.session, body)).status == 204
    elif change == "role":
        await act_on(service, admin, guest.person, "", "PATCH", role="auditor")
    else:
        prefix = "/two-factor/" if change in ("reset", "disable") else "/"
        await act_on(service, admin, guest.person, prefix + change)

    assert (await other.call("GET", "/v1/me", elsewhere)).status == 401
    assert (await other.give(begun, service.code(guest.person, 1))).code == "unauthenticated"
    stays = change == "own password"
    assert (await service.call("GET", "/v1/me", guest.session)).status == (200 if stays else 401)


async def test_defect_11_a_code_works_once_and_never_an_older_one(service: Service, another: Another) -> None:
    """The same code worked twice; an older one worked after a newer one; two parallel requests both got in."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    other = await another()
    service.clock.advance(seconds=STEP)
    older, code = service.code(guest.person, -1), service.code(guest.person)
    tokens = [await service.pending(guest.person), await other.pending(guest.person)]
    both = await asyncio.gather(service.give(tokens[0], code), other.give(tokens[1], code))
    assert sorted(reply.status for reply in both) == [200, 401]
    for given in (code, older):
        assert (await guest.give(Door.SIGN_IN, given)).code == "invalid_code"


async def test_defect_12_a_limit_survives_restarts_and_new_sign_ins(
    service: Service, database: Database, tmp_path: Path
) -> None:
    """A limit lived in the cookie, in the challenge or in a cache, and a restart or a new sign-in reset it."""
    guest = await new_visitor(service, await service.company(), "udo.user")
    for n in range(5):
        async with running(database, tmp_path, service.clock) as restarted:
            reply = await guest.give(Door.SIGN_IN, restarted.wrong_code(guest.person), at=restarted)
            assert reply.code == "invalid_code", n
    async with running(database, tmp_path, service.clock) as restarted:
        reply = await guest.give(Door.SIGN_IN, restarted.code(guest.person), at=restarted)
        assert reply.code == "invalid_code"


async def test_defect_12_a_throttle_of_passwords_survives_a_restart(
    service: Service, database: Database, tmp_path: Path
) -> None:
    """The same for the first step."""
    for n in range(29):
        assert (await service.call("POST", "/v1/sign-ins", json={"login": f"nobody{n}", "password": "x"})).status == 401
    async with running(database, tmp_path, service.clock) as restarted:
        answers = [
            (await restarted.call("POST", "/v1/sign-ins", json={"login": f"somebody{n}", "password": "x"})).status
            for n in range(2)
        ]
    assert answers == [401, 429]
