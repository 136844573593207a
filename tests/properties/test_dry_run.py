"""A policy's dry run equals what then happens: for random populations and policies, by the rules and over HTTP."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from events.company.policy import CompanyRules, with_policy
from events.decision import Refusal
from events.policy import DryRun, dry_run
from events.user.decider import decide
from events.user.events import SignInStarted, Stage
from tests.properties.under_policy import DAYS, OFFICE, ROLES, Company, Member, any_policy, populated
from tests.support.given import ident, later
from tests.support.scene import REASON
from tests.support.service import Person, Service
from tests.support.sizes import sized
from tests.support.wishes import start

MEMBERS: Final = 120


def tried(company: Company, members: list[Member], day: int) -> DryRun:
    """What the newest policy would do on that day, were it set then; asked before it is."""
    policy, before = company.state.policy, Company(company.facts[:-1]).state
    rules = CompanyRules(policy=policy, since=with_policy(before.since, policy, later(days=day)))
    return dry_run(((ident(str(n)), member.state) for n, member in enumerate(members)), rules, later(days=day))


def signed_in(company: Company, members: list[Member], day: int) -> tuple[Counter[str], DryRun]:
    """Everybody gives a right password, from nowhere in particular; whom the policy then forces or locks out."""
    forced, locked, seen = [], [], Counter[str]()
    for n, member in enumerate(members):
        decision = decide(member.state, start(later(days=day), policy=company.rules))
        stage = next((event.stage for event in decision.events if isinstance(event, SignInStarted)), None)
        outcome = decision.refusal or stage or "signed in"
        seen[outcome] += 1
        by_policy = member.is_under(day) and member.grace_until(day) is None
        if by_policy and stage is Stage.ENROLMENT:
            forced.append(ident(str(n)))
        if by_policy and decision.refusal is Refusal.CONTACT_ADMINISTRATOR:
            locked.append(ident(str(n)))
    return seen, DryRun(forced_now=tuple(forced), locked_out=tuple(locked))


@pytest.mark.parametrize("seed", range(sized(40, 2000)))
def test_a_dry_run_names_those_whom_the_policy_then_forces_and_locks_out(seed: int) -> None:
    draw = random.Random(seed)
    day = draw.randint(4, DAYS)
    company, members = populated(draw, MEMBERS, day)
    company.set(day, any_policy(draw))
    for member in members:
        member.day(day, None)
    told = tried(company, members, day)
    _, happened = signed_in(company, members, day)
    assert told == happened


def test_what_is_compared_holds_all_there_is() -> None:
    draw, seen = random.Random(3), Counter[str]()
    told: Counter[str] = Counter()
    for _ in range(20):
        company, members = populated(draw, MEMBERS, DAYS)
        company.set(DAYS, any_policy(draw))
        for member in members:
            member.day(DAYS, None)
        outcomes, happened = signed_in(company, members, DAYS)
        seen += outcomes
        told += Counter({"forced": len(happened.forced_now), "locked": len(happened.locked_out)})
    assert set(seen) == {
        "signed in",
        Stage.ENROLMENT,
        Stage.CODE,
        Refusal.CONTACT_ADMINISTRATOR,
        Refusal.INVALID_CREDENTIALS,
    }
    assert min(told["forced"], told["locked"]) > 20


# Over HTTP.


class Office:
    """A company over HTTP, with people in every state that the administrator can bring about."""

    def __init__(self, service: Service, company: UUID, anna: Person) -> None:
        self.service = service
        self.company = company
        self.anna = anna
        self.people: dict[str, Person] = {}

    async def hire(self, name: str, role: str = "user", *, on: bool = False) -> None:
        self.people[name] = await self.service.person(self.company, f"{name}.acme", role, on=on)

    async def act(self, method: str, name: str, path: str, body: dict[str, Any]) -> None:
        token = await self.service.fresh_sign_in(self.anna)
        done = await self.service.call(method, f"/v1/users/{self.people[name].user_id}{path}", token, body)
        assert done.status == 200, done

    async def statuses(self) -> dict[str, str]:
        """Everybody signs in: what comes of it, by id."""
        found = {}
        for person in self.people.values():
            begun = await self.service.start(person)
            found[str(person.user_id)] = begun.json["status"] if begun.status == 201 else str(begun.code)
        return found


async def office(service: Service) -> Office:
    company = await service.company()
    anna = await service.person(company, "anna.admin", "administrator", on=True)
    there = Office(service, company, anna)
    for name, role in (("udo", "user"), ("axel", "auditor"), ("sven", "security_officer")):
        await there.hire(f"{name}.off", role)
        await there.hire(f"{name}.on", role, on=True)
    for name in ("ordered", "late", "exempt", "exempt.today", "demanded", "gone", "reset", "disabled", "adam"):
        role = "administrator" if name == "adam" else "user"
        await there.hire(name, role, on=name in ("reset", "disabled"))
    await there.act("POST", "late", "/two-factor/enable", REASON)
    service.clock.advance(days=4)
    await there.act("POST", "ordered", "/two-factor/enable", REASON)
    today = (service.clock.now() + timedelta(hours=8)).isoformat()
    for name, body in (
        ("exempt", {"override": "exempt"}),
        ("exempt.today", {"override": "exempt", "until": today}),
        ("demanded", {"override": "required"}),
    ):
        await there.act("PUT", name, "/two-factor/override", {**body, **REASON})
    await there.act("POST", "gone", "/deactivate", REASON)
    await there.act("POST", "reset", "/two-factor/reset", REASON)
    await there.act("POST", "disabled", "/two-factor/disable", REASON)
    return there


BY_POLICY: Final = ("role", "company", "network")


@pytest.mark.parametrize("seed", range(sized(3, 30)))
async def test_over_http_too_a_dry_run_tells_what_then_happens(service: Service, seed: int) -> None:
    draw, there = random.Random(seed), await office(service)
    names = {str(person.user_id): name for name, person in there.people.items()}
    counted: Counter[str] = Counter()
    for _ in range(6):
        policy = {
            "requirement": draw.choice(
                ["optional", "required", "required", "required_for_roles", "required_outside_trusted_networks"]
            ),
            "roles": draw.sample([*ROLES, "security_officer", "administrator"], 2),
            "networks": list(OFFICE),
            "grace_days": draw.choice([0, 0, 0, 3]),
        }
        token = await service.fresh_sign_in(there.anna)
        told = await service.call("POST", "/v1/policy/dry-run", token, policy)
        assert told.status == 200, told
        assert (await service.call("PUT", "/v1/policy", token, policy)).status == 200
        answers = {
            user_id: (await service.call("GET", f"/v1/users/{user_id}/two-factor", token)).json for user_id in names
        }
        happened = await there.statuses()
        by_policy = {user_id for user_id, answer in answers.items() if answer["required_by"] in BY_POLICY}
        forced = {names[i] for i in by_policy if happened[i] == "enrolment_required"}
        locked = {names[i] for i in by_policy if happened[i] == "contact_administrator"}
        assert {names[i] for i in told.json["forced_now"]} == forced
        assert {names[i] for i in told.json["locked_out"]} == locked
        assert (told.json["caller_forced"], told.json["caller_locked_out"]) == (False, False)
        counted += Counter(forced=len(forced), locked=len(locked), all=len(names))
        service.clock.advance(hours=draw.choice([1, 12, 80]))
    assert counted["forced"] > 0
