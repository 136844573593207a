"""Who may do what to whom, over two companies and the provider: requirements S-05, T-02 and T-06, every cell."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from pydantic_core import from_json

from events.company.scopes import Scope
from services.api.routes import ROUTES
from tests.support.scene import HELPDESK, OF_A_COMPANY, REASON, make_role
from tests.support.service import Person, Reply, Service
from workers.projector import Projector

BULK: Final = "/bulk/two-factor"

# Every call about one user: group -> act -> method, path (the rest of the user's, or that for many), body.
ACTS: Final[dict[str, dict[str, tuple[str, str, dict[str, Any] | None]]]] = {
    "view the account": {
        "user": ("GET", "", None),
        "factor": ("GET", "/two-factor", None),
        "networks": ("GET", "/trusted-networks", None),
        "activity": ("GET", "/activity", None),
    },
    "view sessions": {"sessions": ("GET", "/sessions", None)},
    "help with the factor": {
        "unlock": ("POST", "/two-factor/unlock", REASON),
        "enable": ("POST", "/two-factor/enable", REASON),
        "reset": ("POST", "/two-factor/reset", REASON),
        "disable": ("POST", "/two-factor/disable", REASON),
    },
    "help in person": {
        "override": ("PUT", "/two-factor/override", {"override": "required", **REASON}),
        "break-glass": ("POST", "/two-factor/break-glass", REASON),
    },
    "end sessions": {
        "end session": ("DELETE", "/sessions/{session_id}", None),
        "end sessions": ("DELETE", "/sessions", None),
    },
    "act on the account": {
        "change": ("PATCH", "", {"language": "en", **REASON}),
        "restrict": ("PUT", "/trusted-networks", {"networks": ["127.0.0.0/8"], **REASON}),
        "password": ("POST", "/password", REASON),
        "deactivate": ("POST", "/deactivate", REASON),
        "reactivate": ("POST", "/reactivate", REASON),
        "erase": ("DELETE", "", None),
    },
    "help many": {
        "bulk enable": ("POST", BULK, {"act": "enable", **REASON}),
        "bulk reset": ("POST", BULK, {"act": "reset", **REASON}),
        "bulk disable": ("POST", BULK, {"act": "disable", **REASON}),
    },
}
GROUPS: Final = tuple(ACTS)
ALL_ACTS: Final = {act: group for group, acts in ACTS.items() for act in acts}

# What an allowed act leaves on the target's history, each after the ones before it.
LEAVES: Final[dict[str, list[str]]] = {
    **{act: [] for group in ("view the account", "view sessions") for act in ACTS[group]},
    "unlock": ["TwoFactorUnlocked"],
    "override": ["TwoFactorOverridden"],
    "break-glass": ["BreakGlassCodeIssued"],
    "restrict": ["TrustedNetworksChanged"],
    "change": ["UserChanged"],
    "end session": ["SessionsEnded"],
    "end sessions": ["SessionsEnded"],
    "password": ["PasswordReset"],
    "enable": [],  # it is on
    "reset": ["KeyReset"],
    "bulk disable": ["OrderWithdrawn"],
    "bulk enable": ["TwoFactorOrdered"],
    "disable": ["OrderWithdrawn"],
    "bulk reset": [],  # there is no key
    "deactivate": ["UserDeactivated"],
    "reactivate": ["UserReactivated"],
    "erase": ["UserErased"],
}

# Who the targets are: name -> company, role. An actor is nobody's target but its own.
TARGETS: Final[dict[str, tuple[str, str]]] = {
    "acme.user": ("acme", "user"),
    "acme.auditor": ("acme", "auditor"),
    "acme.officer": ("acme", "security_officer"),
    "acme.helpdesk": ("acme", "helpdesk"),
    "acme.admin": ("acme", "administrator"),
    "beta.user": ("beta", "user"),
    "beta.auditor": ("beta", "auditor"),
    "beta.officer": ("beta", "security_officer"),
    "beta.admin": ("beta", "administrator"),
    "prov.user": ("provider", "user"),
    "prov.admin": ("provider", "administrator"),
    "prov.operator": ("provider", "operator"),
    "prov.watcher": ("provider", "provider_auditor"),
}
NOBODY: Final = ("erased", "unknown")  # both looked for in Acme
ROWS: Final = (*TARGETS, "oneself", *NOBODY)

# Who acts: name -> company, role or scopes, is an own factor on.
PEOPLE: Final[dict[str, tuple[str, str, bool]]] = {
    "user": ("acme", "user", True),
    "auditor": ("acme", "auditor", True),
    "officer": ("acme", "security_officer", True),
    "helpdesk": ("acme", "helpdesk", True),
    "admin": ("acme", "administrator", True),
    "bare": ("acme", "administrator", False),
    "operator": ("provider", "operator", True),
    "watcher": ("provider", "provider_auditor", True),
}
PROGRAMS: Final[dict[str, tuple[str, tuple[Scope, ...]]]] = {
    "program": ("acme", OF_A_COMPANY),
    "fixer": ("acme", (Scope.TWO_FACTOR_WRITE,)),
    "robot": ("provider", tuple(Scope)),
}
ACTORS: Final = ("nobody", *PEOPLE, *PROGRAMS)

# Three ways to say who is meant.
OWN: Final = "/v1/users/{id}"
ITS: Final = "/v1/companies/{the target's}/users/{id}"
ANOTHER: Final = "/v1/companies/{another than the target's}/users/{id}"
WAYS: Final = (OWN, ITS, ANOTHER)
NEXT: Final = {"acme": "beta", "beta": "provider", "provider": "acme"}

# One letter a group, in the order of ACTS: view the account, view sessions, help with the factor, help in person,
# end sessions, act on the account, help many. "+": may; "-": forbidden, and on record; "0": does not exist for this
# caller, and nothing is on record; "x": is not signed in.
BY_ACMES_PEOPLE: Final = """
               user     auditor  officer  helpdesk admin    bare     program  fixer
acme.user      -------  -------  +++++-+  +-++--+  +++++++  ++--++-  +++-+++  --+---+
acme.auditor   -------  -------  +++++-+  +------  +++++++  ++--++-  +++-+++  -------
acme.officer   -------  -------  +++++-+  +------  +++++++  ++--++-  +++-+++  -------
acme.helpdesk  -------  -------  +++++-+  +-++--+  +++++++  ++--++-  +++-+++  -------
acme.admin     -------  -------  ++-----  +------  +++++++  ++--++-  +++-+++  -------
beta.user      -------  -------  00000-0  0-00--0  0000000  00--00-  000-000  --0---0
beta.auditor   -------  -------  00000-0  0-00--0  0000000  00--00-  000-000  --0---0
beta.officer   -------  -------  00000-0  0-00--0  0000000  00--00-  000-000  --0---0
beta.admin     -------  -------  00000-0  0-00--0  0000000  00--00-  000-000  --0---0
prov.user      -------  -------  00000-0  0-00--0  0000000  00--00-  000-000  --0---0
prov.admin     -------  -------  00000-0  0-00--0  0000000  00--00-  000-000  --0---0
prov.operator  -------  -------  00000-0  0-00--0  0000000  00--00-  000-000  --0---0
prov.watcher   -------  -------  00000-0  0-00--0  0000000  00--00-  000-000  --0---0
oneself        -------  -------  ++-----  +------  ++-----  ++-----  000-000  --0---0
erased         -------  -------  00000-0  0-00--0  0000000  00--00-  000-000  --0---0
unknown        -------  -------  00000-0  0-00--0  0000000  00--00-  000-000  --0---0
"""
BY_THE_PROVIDERS: Final = """
               operator watcher  robot
acme.user      0000000  -------  000-000
acme.auditor   0000000  -------  000-000
acme.officer   0000000  -------  000-000
acme.helpdesk  0000000  -------  000-000
acme.admin     0000000  -------  000-000
beta.user      0000000  -------  000-000
beta.auditor   0000000  -------  000-000
beta.officer   0000000  -------  000-000
beta.admin     0000000  -------  000-000
prov.user      +++++++  -------  +++-+++
prov.admin     +++++++  -------  +++-+++
prov.operator  +++++++  -------  +++-+++
prov.watcher   +++++++  -------  +++-+++
oneself        ++-----  -------  000-000
erased         0000000  -------  000-000
unknown        0000000  -------  000-000
"""
BY_THE_PROVIDERS_IN_A_COMPANY: Final = """
               operator watcher  robot
acme.user      +++++++  -------  +++-+++
acme.auditor   +++++++  -------  +++-+++
acme.officer   +++++++  -------  +++-+++
acme.helpdesk  +++++++  -------  +++-+++
acme.admin     +++++++  -------  +++-+++
beta.user      +++++++  -------  +++-+++
beta.auditor   +++++++  -------  +++-+++
beta.officer   +++++++  -------  +++-+++
beta.admin     +++++++  -------  +++-+++
prov.user      +++++++  -------  +++-+++
prov.admin     +++++++  -------  +++-+++
prov.operator  +++++++  -------  +++-+++
prov.watcher   +++++++  -------  +++-+++
oneself        ++-----  -------  000-000
erased         0000000  -------  000-000
unknown        0000000  -------  000-000
"""


def read(table: str) -> dict[tuple[str, str], str]:
    """(actor, target) -> letters."""
    head, *lines = table.strip().splitlines()
    actors = head.split()
    cells: dict[tuple[str, str], str] = {}
    for line in lines:
        target, *letters = line.split()
        cells |= {(actor, target): found for actor, found in zip(actors, letters, strict=True)}
    return cells


def everywhere(actors: tuple[str, ...], letters: str) -> dict[tuple[str, str], str]:
    """The same for each target."""
    return {(actor, target): letters for actor in actors for target in ROWS}


ACMES: Final = ("user", "auditor", "officer", "helpdesk", "admin", "bare", "program", "fixer")
EXPECTED: Final = {
    OWN: everywhere(("nobody",), "xxxxxxx") | read(BY_ACMES_PEOPLE) | read(BY_THE_PROVIDERS),
    ITS: everywhere(("nobody",), "xxxxxxx") | everywhere(ACMES, "-------") | read(BY_THE_PROVIDERS_IN_A_COMPANY),
    ANOTHER: everywhere(("nobody",), "xxxxxxx")
    | everywhere(ACMES, "-------")
    | everywhere(("operator",), "0000000")
    | everywhere(("watcher",), "-------")
    | everywhere(("robot",), "000-000"),
}


def test_the_matrix_has_every_cell_and_every_call_about_a_user() -> None:
    for way in WAYS:
        assert set(EXPECTED[way]) == {(actor, target) for actor in ACTORS for target in ROWS}
        assert {len(letters) for letters in EXPECTED[way].values()} == {len(GROUPS)}
        assert set("".join(EXPECTED[way].values())) <= set("+-0x")
    assert set(LEAVES) == set(ALL_ACTS)
    calls = {
        (method, "/v1" + path if path == BULK else f"/v1/users/{{user_id}}{path}")
        for acts in ACTS.values()
        for method, path, _ in acts.values()
    }
    routes = {(r.method, r.path) for r in ROUTES if "{user_id}" in r.path or BULK in r.path}
    assert {(method, path) for method, path in routes if "{company_id}" not in path} == calls
    elsewhere = {(method, path.replace("/v1/", "/v1/companies/{company_id}/", 1)) for method, path in calls}
    assert routes - calls == elsewhere


@dataclass
class Actor:
    """Who acts, with the token that is presented; `home` is the company."""

    name: str
    home: str
    id: UUID | None
    token: str | None = field(repr=False)
    person: Person | None = None

    @property
    def kind(self) -> str:
        return "client" if self.name in PROGRAMS else "user"


@dataclass
class World:
    """The three companies with everybody that the matrix names."""

    service: Service
    companies: dict[str, UUID]
    targets: dict[str, tuple[str, UUID]]
    actor: Actor
    seen: dict[UUID, int]  # company -> position

    def path(self, way: str, target: str, path: str, session_id: UUID, user_id: UUID | None = None) -> str:
        company, known = self.targets[target]
        where = {OWN: "", ITS: f"/companies/{self.companies[company]}"}
        prefix = "/v1" + where.get(way, f"/companies/{self.companies[NEXT[company]]}")
        if path == BULK:
            return prefix + path
        return f"{prefix}/users/{user_id or known}{path}".replace("{session_id}", str(session_id))

    async def act(
        self, way: str, target: str, act: str, user_id: UUID | None = None, session: UUID | None = None
    ) -> str:
        """Done; the letter that says what came of it, or the answer where no letter does."""
        method, path, body = ACTS[ALL_ACTS[act]][act]
        if path == BULK:
            body = {**(body or {}), "user_ids": [str(user_id or self.targets[target][1])]}
        full = self.path(way, target, path, session or uuid4(), user_id)
        return letter(await self.service.call(method, full, self.actor.token, body))

    async def news(self) -> list[dict[str, Any]]:
        """Every company's entries since the last look."""
        rows = await self.service.parts.pool.fetch(
            "SELECT e.entry FROM unnest($1::uuid[], $2::bigint[]) AS h (company_id, position) JOIN event AS e"
            " ON e.company_id = h.company_id AND e.position > h.position ORDER BY e.company_id, e.position",
            list(self.seen),
            list(self.seen.values()),
        )
        found = [from_json(row["entry"]) for row in rows]
        self.seen |= {UUID(event["company_id"]): event["position"] for event in found}
        return found

    async def everything(self) -> list[tuple[Any, ...]]:
        """All states but the actor's own, and all credentials but for when they were seen."""
        pool = self.service.parts.pool
        states = await pool.fetch(
            "SELECT company_id, stream_id, version, doc::text FROM user_state WHERE stream_id IS DISTINCT FROM $1"
            " UNION ALL SELECT company_id, stream_id, version, doc::text FROM company_state"
            " WHERE stream_id IS DISTINCT FROM $1 ORDER BY 1, 2",
            self.actor.id,
        )
        rows = await pool.fetch(
            "SELECT company_id, id, user_id, kind, secret, expires_at, last_step, attributes::text FROM credential"
            " ORDER BY 1, 2"
        )
        return [*map(tuple, states), *map(tuple, rows)]

    def is_denial(self, event: dict[str, Any], target: UUID, act: str) -> bool:
        """The actor's own, of this act on this target; for many at once it may be the act alone."""
        whom = event["data"].get("target_id")
        actor = event["actor"]
        return (
            event["type"] == "AccessDenied"
            and event["company_id"] == str(self.companies[self.actor.home])
            and event["stream_id"] == actor["id"] == str(self.actor.id)
            and actor["kind"] == self.actor.kind
            and (whom == str(target) or (whom is None and act.startswith("bulk")))
        )


def letter(reply: Reply) -> str:
    """What an answer means. Of an act on many, the answer about the one user."""
    status, code = reply.status, reply.code
    if status == 200 and reply.json is not None and "results" in reply.json:
        (result,) = reply.json["results"]
        status, code = result["status"], result["code"]
    if status in (200, 201, 204) or code in ("conflict", "no_key"):
        return "+"
    known = {(401, "unauthenticated"): "x", (403, "forbidden"): "-", (404, "not_found"): "0"}
    return known.get((status, code or ""), f"{status} {code}")


async def company(service: Service, name: str) -> UUID:
    made = await service.company(name, provider=name == "provider")
    if name == "acme":
        await make_role(service, made, "helpdesk", HELPDESK)
    return made


async def world_of(service: Service, name: str) -> World:
    companies = {which: await company(service, which) for which in NEXT}
    targets = {}
    for target, (where, role) in TARGETS.items():
        person = await service.person(companies[where], target, role)
        targets[target] = where, person.user_id
    gone = await service.person(companies["acme"], "gone.acme")
    chief = await service.person(companies["acme"], "chief.acme", "administrator")
    erased = await service.call("DELETE", f"/v1/users/{gone.user_id}", await service.sign_in(chief))
    assert erased.status == 204
    targets |= {"erased": ("acme", gone.user_id), "unknown": ("acme", uuid4())}
    actor = await actor_of(service, companies, name)
    targets["oneself"] = actor.home, actor.id or uuid4()
    return World(service, companies, targets, actor, dict.fromkeys(companies.values(), 0))


async def actor_of(service: Service, companies: dict[str, UUID], name: str) -> Actor:
    if name == "nobody":
        return Actor(name, "acme", None, None)
    if name in PEOPLE:
        home, role, on = PEOPLE[name]
        person = await service.person(companies[home], f"the.{name}", role, on=on)
        return Actor(name, home, person.user_id, await service.fresh_sign_in(person), person)
    home, scopes = PROGRAMS[name]
    role = "operator" if home == "provider" else "administrator"
    maker = await service.fresh_sign_in(await service.person(companies[home], "the.maker", role, on=True))
    made = await service.call("POST", "/v1/api-clients", maker, {"name": name, "scopes": list(scopes)})
    assert made.status == 201, made
    return Actor(name, home, UUID(made.json["id"]), made.json["token"])


def cells(actor: str) -> Iterator[tuple[str, str, str, str]]:
    """(way, target, act, letter) for every act of the actor."""
    for way in WAYS:
        for target in ROWS:
            for group, expected in zip(GROUPS, EXPECTED[way][actor, target], strict=True):
                for act in ACTS[group]:
                    yield way, target, act, expected


@pytest.mark.parametrize("name", ACTORS)
async def test_s05_what_is_not_allowed_changes_nothing_and_is_on_record_once(service: Service, name: str) -> None:
    world = await world_of(service, name)
    before = await world.everything()
    await world.news()
    wrong = []
    for way, target, act, expected in cells(name):
        if expected == "+":
            continue
        found, events = await world.act(way, target, act), await world.news()
        recorded = [world.is_denial(event, world.targets[target][1], act) for event in events]
        if found != expected or recorded != ([True] if expected == "-" else []):
            wrong.append((way, target, act, expected, found, [event["type"] for event in events]))
    assert wrong == []
    assert await world.everything() == before


@pytest.mark.parametrize("name", [actor for actor in ACTORS if "+" in str([*cells(actor)])])
async def test_s05_what_is_allowed_is_done_to_whom_it_names_in_the_actors_name(service: Service, name: str) -> None:
    world = await world_of(service, name)
    allowed: dict[tuple[str, str], list[str]] = {}
    for way, target, act, expected in cells(name):
        if expected == "+":
            allowed.setdefault((way, target), []).append(act)
    victims = {
        key: await victim(world, *TARGETS[key[1]], f"victim.{number}")
        for number, key in enumerate(allowed)
        if key[1] != "oneself"
    }
    if world.actor.person is not None:
        # The time that the others took is over its session's freshness.
        world.actor.token = await service.fresh_sign_in(world.actor.person)
    await world.news()
    wrong = []
    for (way, target), acts in allowed.items():
        chosen = victims.get((way, target))
        for act in sorted(acts, key=list(LEAVES).index):
            found, events = await world.act(way, target, act, *(chosen or ())), await world.news()
            left = [
                (event["type"], event["stream_id"], event["actor"]["kind"], event["actor"]["id"]) for event in events
            ]
            kind = world.actor.kind
            if kind == "user" and world.targets[target][0] != world.actor.home:
                kind = "provider"
            whom = str((chosen or world.targets[target][1:])[0])
            expected_facts = [(type_, whom, kind, str(world.actor.id)) for type_ in LEAVES[act]]
            if found != "+" or left != expected_facts:
                wrong.append((way, target, act, found, left))
    assert wrong == []


async def victim(world: World, where: str, role: str, login: str) -> tuple[UUID, UUID]:
    """(user, a session) of somebody of that kind whose factor is on, signed in twice, with a failure on the count."""
    service = world.service
    person = await service.person(world.companies[where], login, role, on=True)
    for code in person.recovery_codes[:2]:
        pending, path = await service.pending(person), "/v1/sign-ins/current/recovery-code"
        assert (await service.call("POST", path, pending, {"recovery_code": code})).status == 200
    wrong = await service.give(await service.pending(person), service.wrong_code(person))
    assert wrong.code == "invalid_code"
    found = await service.parts.store.user(person.company_id, person.user_id)
    assert found is not None
    return person.user_id, found.state.sessions[0].id


# T-06: the company sees what the provider's people did in it, and why.


async def test_t06_the_company_sees_each_act_of_the_provider_with_its_reason(service: Service) -> None:
    world = await world_of(service, "operator")
    chosen = await victim(world, "acme", "user", "victim")
    assert world.actor.person is not None
    world.actor.token = await service.fresh_sign_in(world.actor.person)
    acme = f"/v1/companies/{world.companies['acme']}"
    others: list[tuple[str, str, dict[str, Any], str]] = [
        ("PUT", f"{acme}/policy", {"requirement": "optional", "order_hours": 24}, "PolicyChanged"),
        ("POST", f"{acme}/users", {"login": "new.acme", "role": "user"}, "UserCreated"),
        ("POST", f"{acme}/suspend", {}, "CompanySuspended"),
        ("POST", f"{acme}/resume", {}, "CompanyResumed"),
    ]
    wanted: list[tuple[str, str | None]] = []
    for act, types in LEAVES.items():
        if act == "erase":
            continue  # the words about a person go with that person
        assert await world.act(ITS, "acme.user", act, *chosen) == "+"
        # To end sessions takes no body.
        reason = REASON["reason"] if ACTS[ALL_ACTS[act]][act][2] is not None else None
        wanted += [(name, reason) for name in types]
    for method, path, body, name in others:
        answer = await service.call(method, path, world.actor.token, {**body, **REASON})
        assert answer.status in (200, 201), answer
        wanted.append((name, REASON["reason"]))
    await Projector(service.parts.pool, service.parts.wrapper).project()

    auditor = await service.sign_in(await service.person(world.companies["acme"], "axel.acme", "auditor"))
    query = {"actor_id": str(world.actor.id), "limit": "200"}
    shown = (await service.call("GET", "/v1/events", auditor, params=query)).json["items"]

    assert [(item["type"], item["reason"]) for item in reversed(shown)] == wanted
    assert {(item["actor"]["kind"], item["actor"]["label"]) for item in shown} == {("provider", "the.operator")}
