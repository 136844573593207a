"""The sixteen defects of the product's specification: that each has a test of its name, and those that need everything.

The others stand beside what they are about: tests/security/test_own_acts.py, test_administration.py, test_audit_log.py.
"""

import asyncio
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

import tests
from events.company.policy import Policy
from events.company.scopes import Scope
from services.api.routes import ROUTES
from tests.support.database import Pool
from tests.support.paths import filled
from tests.support.processes import Said, command, environment
from tests.support.scene import OF_A_COMPANY, REASON, Scene, make_role, scene_of
from tests.support.service import Person, Service
from workers.projector import Projector

VIEW_ONLY: Final = {
    **dict.fromkeys(("users", "two_factor_others", "sessions_others", "policy", "audit", "reports"), "view"),
    "integrations": "view",
}


def test_each_of_the_sixteen_defects_has_a_test_of_its_name() -> None:
    folder = Path(str(tests.__file__)).parent
    named = {
        int(number)
        for path in folder.rglob("test_*.py")
        for number in re.findall(r"^(?:async )?def test_defect_(\d\d)_", path.read_text(), re.MULTILINE)
    }
    assert named == set(range(1, 17))


# 7. View-only rights were not applied to the second factor.


async def test_defect_07_a_role_that_only_views_changes_nothing_by_any_call(service: Service) -> None:
    scene = await scene_of(service, "udo")
    company, udo = scene.companies["acme"], scene["udo"]
    await make_role(service, company, "viewer", {**VIEW_ONLY, "own_security": "full"})
    vera = await service.person(company, "vera.acme", "viewer", on=True)
    token = await service.sign_in(vera)
    before = await scene.state("udo")
    for route in ROUTES:
        if not route.rights or not route.mutates or route.path.startswith("/v1/me/") or "dry-run" in route.path:
            continue
        path = filled(route.path, any_id=udo.user_id, company_id=company)
        for body in (None, {}, REASON, {"act": "reset", "user_ids": [str(udo.user_id)], **REASON}):
            answer = await service.call(route.method, path, token, body)
            assert (answer.status, answer.code) == (403, "forbidden"), (route.method, path)
    assert await scene.state("udo") == before
    for path in ("", "/two-factor", "/sessions", "/trusted-networks", "/activity"):
        assert (await service.call("GET", scene.path("udo", path), token)).status == 200


async def test_defect_07_who_may_only_view_the_own_security_starts_nothing(service: Service) -> None:
    company = await service.company()
    await make_role(service, company, "viewer", {"own_security": "view"})
    vera = await service.person(company, "vera.acme", on=True)
    admin = await service.fresh_sign_in(await service.person(company, "anna.acme", "administrator", on=True))
    path = f"/v1/users/{vera.user_id}"
    assert (await service.call("PATCH", path, admin, {"role": "viewer"})).status == 200
    token = await service.fresh_sign_in(vera)
    service.clock.advance(seconds=30)
    at = len(await service.events(company))

    code = {"code": service.code(vera)}
    calls: list[tuple[str, Any]] = [
        ("enrolment", code),
        ("reset", code),
        ("reset", {"recovery_code": vera.recovery_codes[0]}),
        ("disable", code),
        ("recovery-codes", code),
    ]
    for rest, body in calls:
        for given in (body, [1]):  # whether somebody may is said before a body is looked at
            answer = await service.call("POST", f"/v1/me/two-factor/{rest}", token, given)
            assert (answer.status, answer.code) == (403, "forbidden"), (rest, given)

    assert await service.event_types(company) == [*(await service.event_types(company))[:at], *["AccessDenied"] * 10]
    shown = await service.call("GET", "/v1/me/two-factor", token)
    assert (shown.json["state"], shown.json["recovery_codes_left"]) == ("on", 10)
    assert (await service.call("POST", "/v1/me/step-up", token, code)).status == 200  # nor was the code used up


async def test_defect_07_an_enrolment_that_is_demanded_goes_on_for_who_may_only_view(service: Service) -> None:
    company = await service.company()
    await make_role(service, company, "viewer", {"own_security": "view"})
    vera = await service.person(company, "vera.acme", "viewer")
    token = await service.sign_in(vera)
    started = await service.call("POST", "/v1/me/two-factor/enrolment", token, {"password": vera.password})
    assert (started.status, started.code) == (403, "forbidden")
    await service.parts.console.change_policy(company, Policy(requirement="required"))
    assert await enrolled_at_sign_in(service, vera)
    assert (await service.start(vera)).json["status"] == "code_required"


async def enrolled_at_sign_in(service: Service, person: Person) -> str:
    begun = await service.start(person)
    assert begun.json["status"] == "enrolment_required", begun
    token = begun.json["token"]
    person.key = (await service.call("POST", "/v1/sign-ins/current/enrolment", token)).json["key"]
    path = "/v1/sign-ins/current/enrolment/confirmation"
    done = await service.call("POST", path, token, {"code": service.code(person)})
    assert done.json["status"] == "signed_in", done
    service.clock.advance(seconds=60)
    return str(done.json["token"])


# 9. After an administrator's reset the policy no longer applied; a user could disable although enforced; the
# administrator locked himself out by enforcing.

POLICIES: Final[dict[str, Policy]] = {
    "company": Policy(requirement="required"),
    "role": Policy(requirement="required_for_roles", roles=("user",)),
    "network": Policy(requirement="required_outside_trusted_networks", networks=("192.0.2.0/24",)),
}


@pytest.mark.parametrize("by", [*POLICIES, "user"])
async def test_defect_09_what_is_demanded_is_demanded_after_every_act_too(service: Service, by: str) -> None:
    scene = await scene_of(service, "anna", "udo")
    udo = scene["udo"]
    await demand(scene, by)
    for act in ("reset", "disable", "unlock", "reset"):
        if by == "user" and act == "disable":
            continue  # removes what a person demanded, when that person's kind says so
        admin = await scene.fresh("anna")
        if udo.key is None:
            await enrolled_at_sign_in(service, udo)
        answer = await scene.act(admin, "udo", act)
        assert answer.status == 200, answer
        if act != "unlock":
            udo.key = None
        wanted = "on" if act == "unlock" else "enrolment_required"
        assert (answer.json["state"], answer.json["required_by"]) == (wanted, by), act
    await enrolled_at_sign_in(service, udo)
    session = await service.sign_in(udo)
    service.clock.advance(seconds=30)
    code = {"code": service.code(udo)}
    refused = await service.call("POST", "/v1/me/two-factor/disable", session, code)
    assert (refused.status, refused.code) == (409, "policy_requires_two_factor")
    assert (await service.call("POST", "/v1/me/two-factor/reset", session, code)).status == 204
    assert (await service.start(udo)).json["status"] == "enrolment_required"


async def demand(scene: Scene, by: str) -> None:
    service = scene.service
    if by in POLICIES:
        await service.parts.console.change_policy(scene.companies["acme"], POLICIES[by])
        return
    body = {"override": "required", **REASON}
    path = scene.path("udo", "/two-factor/override")
    assert (await service.call("PUT", path, await scene.fresh("anna"), body)).status == 200


async def test_defect_09_who_enforces_is_told_and_asked_before_it_hits_the_own_account(service: Service) -> None:
    company = await service.company()
    adam = await service.person(company, "adam.acme", "administrator")
    token = await service.sign_in(adam)
    body = {"requirement": "required"}
    told = await service.call("POST", "/v1/policy/dry-run", token, body)
    assert (told.json["forced_now"], told.json["caller_forced"]) == ([str(adam.user_id)], True)
    # Without a factor of the own, nobody enforces one for others.
    refused = await service.call("PUT", "/v1/policy", token, {**body, "confirm": True})
    assert (refused.status, refused.code) == (403, "forbidden")
    await service.enrol_in(adam, token)
    assert (await service.call("PUT", "/v1/policy", token, body)).status == 200
    service.clock.advance(seconds=60)
    assert await service.sign_in(adam)


async def test_defect_09_who_takes_the_right_to_roles_from_the_own_role_is_asked_first(service: Service) -> None:
    scene = await scene_of(service, "anna")
    company = scene.companies["acme"]
    rights = {"users": "full", "policy": "full", "own_security": "full"}
    await make_role(service, company, "chief", rights)
    carl = await service.person(company, "carl.acme", "chief", on=True)
    token = await service.sign_in(carl)
    body: dict[str, Any] = {"rights": {"users": "view"}}
    asked = await service.call("PATCH", "/v1/roles/chief", token, body)
    assert (asked.status, asked.code) == (409, "confirmation_required")
    assert (await service.call("GET", "/v1/me", token)).json["rights"]["users"] == "full"
    done = await service.call("PATCH", "/v1/roles/chief", token, {**body, "confirm": True})
    assert (done.status, done.json["rights"]["users"]) == (200, "view")
    assert (await service.call("PATCH", "/v1/roles/chief", token, {"rights": rights})).code == "forbidden"
    # Somebody else of the company, or the provider, gives it back.
    anna = await scene.fresh("anna")
    assert (await service.call("PATCH", "/v1/roles/chief", anna, {"rights": rights})).status == 200


# 13. Removal through a second path raised no event, no mail, no revocation.

PATHS: Final = ("an administrator", "many at once", "the provider", "the provider, many", "a program", "command line")


@pytest.mark.parametrize("path", PATHS)
async def test_defect_13_a_reset_is_a_reset_by_whatever_path(service: Service, path: str) -> None:
    """All paths there are, and that no new one is forgotten: tests/security/test_funnel.py."""
    scene = await scene_of(service, "anna", "otto", "udo")
    company, udo = scene.companies["acme"], scene["udo"]
    session, pending = await scene.fresh("udo"), await service.pending(udo)
    program = await scene.client("anna", Scope.TWO_FACTOR_WRITE)
    anna, otto = await scene.fresh("anna"), await service.sign_in(scene["otto"])
    place = f"/v1/companies/{company}"
    many = {"act": "reset", "user_ids": [str(udo.user_id)], **REASON}
    at = len(await service.events(company))
    match path:
        case "an administrator":
            await scene.act(anna, "udo", "reset")
        case "many at once":
            await service.call("POST", "/v1/bulk/two-factor", anna, many)
        case "the provider":
            await service.call("POST", f"{place}/users/{udo.user_id}/two-factor/reset", otto, REASON)
        case "the provider, many":
            await service.call("POST", f"{place}/bulk/two-factor", otto, many)
        case "a program":
            await scene.act(program.token, "udo", "reset")
        case _:
            console = service.parts.console
            await console.reset_key(await console.find_user(udo.login), "lost")

    assert (await service.event_types(company))[at:] == ["KeyReset"]
    rows = await service.parts.pool.fetch(
        "SELECT kind FROM effect WHERE company_id = $1 AND position > $2", company, at
    )
    assert sorted(row["kind"] for row in rows) == ["notify_administrators", "notify_user", "revoke_sessions"]
    assert (await service.call("GET", "/v1/me", session)).status == 401
    assert (await service.give(pending, service.code(udo))).code == "unauthenticated"
    assert (await service.start(udo)).json["status"] == "enrolment_required"


# 15. Signed audit rows whose deletion at the end nobody could notice.


@dataclass
class Cut:
    """A company whose last entry somebody with all power over the database makes undone."""

    service: Service
    owner: Pool
    company: UUID
    last: int  # that stays
    state: Any  # of the user, before

    async def entries(self) -> None:
        await self.owner.execute("ALTER TABLE event DISABLE TRIGGER event_is_append_only")
        await self.owner.execute("DELETE FROM event WHERE company_id = $1 AND position > $2", self.company, self.last)

    async def head(self) -> None:
        await self.owner.execute("UPDATE company_log SET position = $2 WHERE company_id = $1", self.company, self.last)

    async def states(self) -> None:
        await self.owner.execute(
            "UPDATE user_state SET version = $3, authority = $4, doc = $5 WHERE company_id = $1 AND stream_id = $2",
            self.company,
            self.state["stream_id"],
            self.state["version"],
            self.state["authority"],
            self.state["doc"],
        )

    async def trail(self) -> None:
        await self.owner.execute(
            "DELETE FROM audit_trail_1 WHERE company_id = $1 AND position > $2", self.company, self.last
        )
        await self.owner.execute("UPDATE projection SET position = $2 WHERE company_id = $1", self.company, self.last)

    async def check(self) -> Said:
        """`factorlog check`, as an operator runs it."""
        env = environment(FACTORLOG_DATABASE_URL=self.service.database.app_url)
        folder = self.service.parts.settings.data_dir
        return await asyncio.to_thread(command, "check", "--json", "--data-dir", folder, env=env)


async def before_a_cut(service: Service, owner: Pool, actor: str, whose: str) -> Cut:
    """`actor` resets the key of udo, or is denied it; `whose` history that is in."""
    scene = await scene_of(service, "anna", "axel", "udo")
    company = scene.companies["acme"]
    await scene.fresh("udo")
    token = await scene.fresh(actor)
    state = await owner.fetchrow("SELECT * FROM user_state WHERE stream_id = $1", scene[whose].user_id)
    last = len(await service.events(company))
    await scene.act(token, "udo", "reset")
    assert len(await service.events(company)) == last + 1
    await Projector(service.parts.pool, service.parts.wrapper).project()
    made = Cut(service, owner, company, last, state)
    sound = await made.check()
    assert (sound.code, sound.json) == (0, {"sound": True, "findings": []})
    return made


# What is cut, and by what it is found all the same.
CUTS: Final[dict[tuple[str, ...], set[str]]] = {
    ("entries",): {"head_differs", "state_differs", "trail_differs", "credential_missing"},
    ("entries", "head"): {"state_differs", "trail_differs", "credential_missing"},
    ("entries", "head", "states"): {"trail_differs", "credential_missing"},
    ("entries", "head", "states", "trail"): {"credential_missing"},
}


@pytest.mark.parametrize("what", CUTS, ids=" and ".join)
async def test_defect_15_a_cut_at_the_end_of_the_log_is_found(
    service: Service, owner_pool: Pool, what: tuple[str, ...]
) -> None:
    """By whatever still says what the entries said: head, states, audit trail, credentials.

    Whoever cuts all of these alike, as from a backup, leaves a database that is sound in itself: an earlier one.
    Nothing in it can tell. That takes something outside: signed checkpoints of the log that were handed out before.
    """
    cut = await before_a_cut(service, owner_pool, "anna", "udo")
    for part in what:
        await getattr(cut, part)()
    said = await cut.check()
    assert said.code == 3, said
    findings = said.json["findings"]
    assert {found["problem"] for found in findings} == CUTS[what]
    assert {found["company_id"] for found in findings} == {str(cut.company)}
    positions = {found["position"] for found in findings if found["problem"] in ("head_differs", "trail_differs")}
    assert positions <= {cut.last + 1}


async def test_defect_15_a_denial_that_was_cut_is_missed_by_whoever_has_read_it(
    service: Service, owner_pool: Pool
) -> None:
    """It ended nothing, so only the audit trail remembers it."""
    cut = await before_a_cut(service, owner_pool, "axel", "axel")
    await cut.entries()
    await cut.head()
    await cut.states()
    said = await cut.check()
    assert said.code == 3, said
    (found,) = said.json["findings"]
    assert (found["problem"], found["position"]) == ("trail_differs", cut.last + 1)


# 16. Service accounts stopped working when 2FA was enforced, or bypassed it silently.


async def test_defect_16_programs_go_on_when_a_factor_is_enforced_and_count_as_nobody(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    program = await scene.client("anna", *OF_A_COMPANY)
    dry = await service.call("POST", "/v1/policy/dry-run", program.token, {"requirement": "required"})
    assert dry.json == {
        "forced_now": [str(scene["ute"].user_id)],
        "locked_out": [],
        "caller_forced": False,
        "caller_locked_out": False,
    }
    anna = await scene.fresh("anna")
    assert (await service.call("PUT", "/v1/policy", anna, {"requirement": "required"})).status == 200
    assert (await service.call("GET", "/v1/users", program.token)).status == 200
    assert (await scene.act(program.token, "ute", "enable")).status == 200
    # It opens no door around the factor for people.
    body = {"login": scene["ute"].login, "password": scene["ute"].password, "client_ip": "192.0.2.1"}
    begun = await service.call("POST", "/v1/sign-ins", program.token, body)
    assert begun.json["status"] == "enrolment_required"
    for method, path in (("GET", "/v1/me"), ("GET", "/v1/users"), ("POST", "/v1/me/step-up")):
        assert (await service.call(method, path, begun.json["token"])).code == "enrolment_required"


async def test_defect_16_an_account_of_a_program_is_stopped_aloud_or_exempt_with_a_reason_and_an_end(
    service: Service,
) -> None:
    scene = await scene_of(service, "anna")
    company = scene.companies["acme"]
    robot = await service.person(company, "robot.acme")
    await service.parts.console.change_policy(company, Policy(requirement="required"))
    assert (await service.start(robot)).json["status"] == "enrolment_required"

    path, admin = f"/v1/users/{robot.user_id}/two-factor/override", await scene.fresh("anna")
    until = (service.clock.now() + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    without = await service.call("PUT", path, admin, {"override": "exempt", "until": until})
    assert without.code == "validation_failed"
    exempt = await service.call("PUT", path, admin, {"override": "exempt", "until": until, "reason": "moves in March"})
    assert (exempt.json["state"], exempt.json["required_by"]) == ("off", None)
    assert (await service.start(robot)).json["status"] == "signed_in"

    await Projector(service.parts.pool, service.parts.wrapper).project()
    shown = await service.call("GET", "/v1/events", admin, params={"type": "TwoFactorOverridden"})
    (item,) = shown.json["items"]
    assert (item["subject"]["id"], item["reason"]) == (str(robot.user_id), "moves in March")
    assert item["details"]["override"] == "exempt"
    service.clock.advance(days=1)
    assert (await service.start(robot)).json["status"] == "enrolment_required"
