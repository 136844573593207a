"""One funnel: whatever way a factor, a password, a role or a state changes, the same fact, mail and revocation follow.

The ways are those of the route table, of the command line and of the worker; one that is not listed fails the test.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
import typer

from events.catalogue import EVENTS
from events.company.policy import Policy
from events.credentials import Credential
from events.credentials import CredentialKind as Kind
from events.store.port import StoredUser
from events.totp import key_text, time_step
from events.user import commands
from services.api.routes import ROUTES
from services.application.context import SYSTEM, Request, metadata_of
from services.application.execute import Acting, Formed
from services.cli.main import app
from tests.support.processes import command, environment
from tests.support.scene import REASON, make_role
from tests.support.service import Person, Reply, Service
from tests.workers.support import Worker
from workers.expiry import Expiry

# What follows from a fact, by whatever way it came about. Effects: "r" tells the receivers that sessions ended, "u"
# mails the user, "a" the administrators, "e" goes through everybody's history. Then what of the user's is gone.
FACTOR: Final = frozenset({Kind.KEY, Kind.PENDING_KEY, Kind.RECOVERY_CODE, Kind.BREAK_GLASS})
BEGUN: Final = frozenset({Kind.SESSION, Kind.SIGN_IN, Kind.PENDING_KEY})
NONE: Final[frozenset[Kind]] = frozenset()
EFFECTS: Final = {
    "r": "revoke_sessions",
    "u": "notify_user",
    "a": "notify_administrators",
    "e": "sign_everyone_out",
    "f": "forget_person",
}


@dataclass(frozen=True)
class Follows:
    effects: str
    ends: frozenset[Kind]


FOLLOWS: Final[dict[str, Follows]] = {
    # Factors.
    "TwoFactorEnabled": Follows("ru", FACTOR | BEGUN),
    "TwoFactorDisabled": Follows("rua", FACTOR | BEGUN),
    "TwoFactorImported": Follows("u", NONE),
    "KeyReset": Follows("rua", FACTOR | BEGUN),
    "TwoFactorOrdered": Follows("ru", frozenset({Kind.SIGN_IN, Kind.PENDING_KEY})),
    "OrderWithdrawn": Follows("ru", frozenset({Kind.SIGN_IN, Kind.PENDING_KEY})),
    "TwoFactorOverridden": Follows("ru", frozenset({Kind.SIGN_IN})),
    "TwoFactorPaused": Follows("u", NONE),
    "TwoFactorLocked": Follows("ru", frozenset({Kind.SIGN_IN})),
    "TwoFactorLocked for good": Follows("rua", frozenset({Kind.SIGN_IN})),
    "TwoFactorUnlocked": Follows("u", NONE),
    "RecoveryCodesIssued": Follows("", frozenset({Kind.RECOVERY_CODE})),
    "RecoveryCodesIssued by a code": Follows("u", frozenset({Kind.RECOVERY_CODE})),
    "RecoveryCodeUsed": Follows("u", NONE),
    "BreakGlassCodeIssued": Follows("ua", frozenset({Kind.BREAK_GLASS})),
    "BreakGlassCodeUsed": Follows("u", frozenset({Kind.BREAK_GLASS})),
    "EnrolmentStarted by a code": Follows("u", frozenset({Kind.PENDING_KEY})),
    # Passwords.
    "PasswordChanged": Follows("ru", frozenset({Kind.PASSWORD}) | BEGUN),
    "PasswordReset": Follows("ru", frozenset({Kind.PASSWORD}) | BEGUN),
    # Roles and states.
    "UserCreated": Follows("", NONE),
    "UserChanged of role": Follows("ru", BEGUN),
    "UserChanged of dates": Follows("r", BEGUN),
    "UserChanged of address": Follows("u", NONE),
    "UserChanged of words": Follows("", NONE),
    "UserDeactivated": Follows("ru", BEGUN | {Kind.BREAK_GLASS}),
    "UserExpired": Follows("ru", BEGUN | {Kind.BREAK_GLASS}),
    "UserReactivated": Follows("u", NONE),
    "UserErased": Follows("rf", FACTOR | BEGUN | {Kind.PASSWORD}),
    "TrustedNetworksChanged": Follows("u", NONE),
    "SessionsEnded by user": Follows("r", frozenset({Kind.SESSION, Kind.PENDING_KEY})),
    "SessionsEnded by administrator": Follows("ru", frozenset({Kind.SESSION, Kind.PENDING_KEY})),
    "SessionsEnded by system": Follows("r", frozenset({Kind.SESSION, Kind.PENDING_KEY})),
    # Of everybody at once.
    "RoleCreated": Follows("", NONE),
    "RoleChanged": Follows("e", BEGUN),
    "RoleDeleted": Follows("", NONE),
    "PolicyChanged": Follows("a", NONE),
    "CompanyCreated": Follows("", NONE),
    "CompanyRenamed": Follows("", NONE),
    "CompanySuspended": Follows("ae", BEGUN | {Kind.API_CLIENT, Kind.BREAK_GLASS}),
    "CompanyResumed": Follows("a", NONE),
    "InstallationRestored": Follows("", BEGUN | {Kind.BREAK_GLASS, Kind.RECOVERY_CODE}),
    "CredentialsVoided": Follows("r", BEGUN | {Kind.BREAK_GLASS, Kind.RECOVERY_CODE}),
    "ApiClientCreated": Follows("", NONE),
    "ApiClientRotated": Follows("", frozenset({Kind.API_CLIENT})),
    "ApiClientRevoked": Follows("", frozenset({Kind.API_CLIENT})),
}
# Facts that change none of these: how a sign-in goes, tries, denials, what effects led to.
NO_CHANGE: Final = {
    *("SignInStarted", "SignInAdvanced", "SignInRefused", "SignInCancelled", "SignedIn", "SignedOut", "SteppedUp"),
    *("CodeRejected", "PasswordRejected", "SessionPasswordRejected", "PasswordRehashed", "AccessDenied"),
    *("EnrolmentStarted", "EnrolmentCancelled", "PolicyOrderStarted", "GraceNoted"),
    *("EventsExported", "TracesDestroyed", "PersonForgotten", "PersonalDataExported"),
    *("ReportRequested", "ReportReady", "ReportFailed"),
    *("SessionsRevoked", "EveryoneSignedOut", "AdministratorsNotified", "NotificationSent", "NotificationFailed"),
}


def label(event: dict[str, Any]) -> str:
    """A fact's name, with what makes a difference to what follows."""
    name, data = str(event["type"]), event["data"]
    match name:
        case "UserChanged":
            changed = set(data["changed"])
            if "role" in changed:
                return f"{name} of role"
            if changed & {"activation_at", "expiration_at"}:
                return f"{name} of dates"
            return f"{name} of address" if "email" in changed else f"{name} of words"
        case "SessionsEnded":
            return f"{name} by {data['by']}"
        case "TwoFactorLocked" if data.get("until") is None:
            return f"{name} for good"
        case "RecoveryCodesIssued" | "EnrolmentStarted" if data.get("time_step") is not None:
            return f"{name} by a code"
        case _:
            return name


# The ways.


@dataclass(frozen=True)
class Way:
    """Facts that it leaves; the body that the call takes; in what state the user is before.

    `stays`: the session in which it is done goes on.
    """

    facts: tuple[str, ...]
    body: "Callable[[Stage], Any]" = lambda stage: None
    before: "Callable[[Stage], Awaitable[None]]" = lambda stage: stage.protected()
    stays: bool = False


def way(*facts: str, **rest: Any) -> Way:
    return Way(facts, **rest)


def reason(stage: "Stage") -> Any:
    return REASON


def code(stage: "Stage") -> Any:
    return {"code": stage.code()}


def confirmation(stage: "Stage") -> Any:
    return {"code": stage.code_of_new_key()}


NEW_PASSWORD: Final = "Noch ein langes Kennwort, 8 Wörter"

# Routes that change nothing of the kind; of the rest, each variant of what they do.
SIGNING_IN: Final[dict[str, dict[str, Way]]] = {
    "POST /v1/sign-ins": {},
    "DELETE /v1/sign-ins/current": {},
    "POST /v1/sign-ins/current/code": {
        "the tenth wrong code": way(
            "TwoFactorLocked",
            before=lambda stage: stage.failed(9),
            body=lambda stage: {"code": stage.wrong_code()},
        ),
        "the fifth wrong code": way(
            "TwoFactorPaused",
            before=lambda stage: stage.failed(4),
            body=lambda stage: {"code": stage.wrong_code()},
        ),
        "the hundredth wrong code": way(
            "TwoFactorLocked for good",
            before=lambda stage: stage.failed(99),
            body=lambda stage: {"code": stage.wrong_code()},
        ),
    },
    "POST /v1/sign-ins/current/recovery-code": {
        "a recovery code": way(
            "RecoveryCodeUsed", body=lambda stage: {"recovery_code": stage.person.recovery_codes[-1]}
        ),
        "a break-glass code": way(
            "BreakGlassCodeUsed", "KeyReset", body=lambda stage: {"recovery_code": stage.break_glass}
        ),
    },
    "POST /v1/sign-ins/current/enrolment": {},
    "POST /v1/sign-ins/current/enrolment/confirmation": {
        "": way("TwoFactorEnabled", "RecoveryCodesIssued", before=lambda stage: stage.ordered(), body=confirmation),
    },
    "POST /v1/sign-ins/current/password": {
        "": way(
            "PasswordChanged",
            before=lambda stage: stage.with_a_due_password(),
            body=lambda stage: {"new_password": NEW_PASSWORD},
        ),
    },
}
MINE: Final[dict[str, dict[str, Way]]] = {
    "PATCH /v1/me": {
        "the address": way("UserChanged of address", body=lambda stage: {"email": "n@acme.example"}, stays=True),
        "the language": way("UserChanged of words", body=lambda stage: {"language": "en"}, stays=True),
    },
    "POST /v1/me/two-factor/enrolment": {"to replace": way("EnrolmentStarted by a code", body=code, stays=True)},
    "DELETE /v1/me/two-factor/enrolment": {},
    "POST /v1/me/two-factor/enrolment/confirmation": {
        "": way(
            "TwoFactorEnabled",
            "RecoveryCodesIssued",
            before=lambda stage: stage.replacing(),
            body=confirmation,
            stays=True,
        ),
    },
    "POST /v1/me/two-factor/reset": {
        "a code": way("KeyReset", body=code),
        "a recovery code": way(
            "RecoveryCodeUsed", "KeyReset", body=lambda stage: {"recovery_code": stage.person.recovery_codes[-1]}
        ),
    },
    "POST /v1/me/two-factor/disable": {"": way("TwoFactorDisabled", body=code, stays=True)},
    "POST /v1/me/two-factor/recovery-codes": {"": way("RecoveryCodesIssued by a code", body=code, stays=True)},
    "POST /v1/me/step-up": {},
    "DELETE /v1/me/sessions": {"": way("SessionsEnded by user", stays=True)},
    "DELETE /v1/me/sessions/{session_id}": {"": way("SessionsEnded by user", stays=True)},
    "POST /v1/me/password": {
        "the right old one": way(
            "PasswordChanged",
            body=lambda stage: {"old_password": stage.person.password, "new_password": NEW_PASSWORD},
            stays=True,
        ),
        "the fifth wrong old one": way(
            "SessionsEnded by system",
            before=lambda stage: stage.with_wrong_passwords(4),
            body=lambda stage: {"old_password": "wrong", "new_password": NEW_PASSWORD},
        ),
    },
    "POST /v1/me/sign-out": {},
}


def bulk(act: str) -> "Callable[[Stage], Any]":
    return lambda stage: {"act": act, "user_ids": [str(stage.person.user_id)], **REASON}


OF_USERS: Final[dict[str, dict[str, Way]]] = {
    "POST /v1/users": {"": way("UserCreated", body=lambda stage: {"login": f"new.{stage.name}", "role": "user"})},
    "PATCH /v1/users/{user_id}": {
        "the role": way("UserChanged of role", body=lambda stage: {"role": "auditor"}),
        "the last day": way("UserChanged of dates", body=lambda stage: {"expiration_date": "2099-01-01T00:00:00Z"}),
        "the first day": way("UserChanged of dates", body=lambda stage: {"activation_date": "2001-01-01T00:00:00Z"}),
        "the address": way("UserChanged of address", body=lambda stage: {"email": "n@acme.example"}),
        "the language": way("UserChanged of words", body=lambda stage: {"language": "en"}),
    },
    "DELETE /v1/users/{user_id}": {"": way("UserErased")},
    "POST /v1/users/{user_id}/deactivate": {"": way("UserDeactivated", body=reason)},
    "POST /v1/users/{user_id}/reactivate": {
        "": way("UserReactivated", before=lambda stage: stage.deactivated(), body=reason)
    },
    "POST /v1/users/{user_id}/password": {"": way("PasswordReset", body=reason)},
    "POST /v1/users/{user_id}/two-factor/enable": {
        "again": way("TwoFactorOrdered", before=lambda stage: stage.ordered(), body=reason)
    },
    "POST /v1/users/{user_id}/two-factor/reset": {"": way("KeyReset", body=reason)},
    "POST /v1/users/{user_id}/two-factor/disable": {
        "a factor": way("TwoFactorDisabled", body=reason),
        "an order": way("OrderWithdrawn", before=lambda stage: stage.ordered(), body=reason),
    },
    "POST /v1/users/{user_id}/two-factor/unlock": {
        "": way("TwoFactorUnlocked", before=lambda stage: stage.failed(1), body=reason)
    },
    "POST /v1/users/{user_id}/two-factor/break-glass": {"": way("BreakGlassCodeIssued", body=reason)},
    "PUT /v1/users/{user_id}/two-factor/override": {
        "required": way("TwoFactorOverridden", body=lambda stage: {"override": "required", **REASON}),
        "exempt": way("TwoFactorOverridden", body=lambda stage: {"override": "exempt", **REASON}),
    },
    "PUT /v1/users/{user_id}/trusted-networks": {
        "": way("TrustedNetworksChanged", body=lambda stage: {"networks": ["192.0.2.0/24"], **REASON})
    },
    "DELETE /v1/users/{user_id}/sessions": {"": way("SessionsEnded by administrator")},
    "DELETE /v1/users/{user_id}/sessions/{session_id}": {
        "": way("SessionsEnded by administrator", stays=True)  # the other one
    },
    "POST /v1/bulk/two-factor": {
        "enable": way("TwoFactorOrdered", before=lambda stage: stage.ordered(), body=bulk("enable")),
        "reset": way("KeyReset", body=bulk("reset")),
        "disable": way("TwoFactorDisabled", body=bulk("disable")),
    },
    "PUT /v1/policy": {"": way("PolicyChanged", body=lambda stage: {"requirement": "required"})},
    "POST /v1/policy/dry-run": {},
    "POST /v1/reports": {},
}
OF_THE_OWN_COMPANY: Final[dict[str, dict[str, Way]]] = {
    "POST /v1/roles": {"": way("RoleCreated", body=lambda stage: {"name": "porter", "rights": {}})},
    "PATCH /v1/roles/{role_id}": {"": way("RoleChanged", body=lambda stage: {"rights": {"users": "view"}})},
    "DELETE /v1/roles/{role_id}": {"": way("RoleDeleted", before=lambda stage: stage.in_another_role())},
    "POST /v1/api-clients": {
        "": way("ApiClientCreated", body=lambda stage: {"name": "another", "scopes": ["users.read"]})
    },
    "POST /v1/api-clients/{client_id}/rotate": {"": way("ApiClientRotated")},
    "DELETE /v1/api-clients/{client_id}": {"": way("ApiClientRevoked")},
    "POST /v1/sessions/introspect": {},
}
OF_COMPANIES: Final[dict[str, dict[str, Way]]] = {
    "POST /v1/companies": {"": way("CompanyCreated", body=lambda stage: {"name": "Gamma KG"})},
    "PATCH /v1/companies/{company_id}": {"": way("CompanyRenamed", body=lambda stage: {"name": "Delta KG"})},
    "POST /v1/companies/{company_id}/suspend": {"": way("CompanySuspended", body=reason)},
    "POST /v1/companies/{company_id}/resume": {
        "": way("CompanyResumed", before=lambda stage: stage.suspended(), body=reason)
    },
}


def elsewhere(route: str) -> str:
    return route.replace("/v1/", "/v1/companies/{company_id}/", 1)


BY_THE_PROVIDER: Final = {elsewhere(route): variants for route, variants in OF_USERS.items()} | OF_COMPANIES
BY_PEOPLE: Final = SIGNING_IN | MINE | OF_USERS | OF_THE_OWN_COMPANY | BY_THE_PROVIDER

COMMANDS: Final[dict[str, tuple[str, ...]]] = {
    "users create": ("UserCreated",),
    "users reset": ("KeyReset",),
    "users unlock": ("TwoFactorUnlocked",),
    # Accounts of its own, by the same use cases as `users create` and an order to enrol: tests/cli/test_first_start.py.
    "first-operator": ("CompanyCreated", "UserCreated", "TwoFactorOrdered"),
    "up": ("CompanyCreated", "UserCreated", "TwoFactorOrdered"),
    # Accounts that were not there before, so that nothing of theirs can end; what an import leaves on an account is
    # looked at below, by the wish for it.
    "users import": ("UserCreated", "TwoFactorImported", "TwoFactorOrdered", "UserDeactivated"),
    # Companies that were not there before.
    "seed": (),
    # Of everybody at once; what it does to one account is tested in tests/cli/test_restored.py.
    "restored": ("InstallationRestored", "CredentialsVoided", "UserErased"),
    # The worker: a last day, and facts about everybody that reach each one's own history. See below.
    "work": ("UserExpired", "SessionsEnded by administrator"),
    **dict.fromkeys(
        (
            "serve",
            "migrate",
            "check",
            "rebuild",
            "export",
            "verify",
            "events export",
            "report",
            "users list",
            "users export",
        ),
        (),
    ),
    **dict.fromkeys(("keys status", "keys rotate", "keys drop-old"), ()),
}
# May come with another change; until then nobody misses them.
COMING: Final = {"users import", "users export", "seed"}


def commands_of(group: Any, *before: str) -> Iterator[str]:
    for name, found in group.commands.items():
        if hasattr(found, "commands"):
            yield from commands_of(found, *before, name)
        else:
            yield " ".join((*before, name))


def test_every_way_is_listed() -> None:
    assert {f"{route.method} {route.path}" for route in ROUTES if route.mutates} == set(BY_PEOPLE)
    there = set(commands_of(typer.main.get_command(app)))
    assert there <= set(COMMANDS)
    assert set(COMMANDS) - there <= COMING
    known = {name.split(" ")[0] for name in FOLLOWS}
    assert known | NO_CHANGE == set(EVENTS)
    assert known & NO_CHANGE <= {"EnrolmentStarted"}
    used = {fact for variants in BY_PEOPLE.values() for found in variants.values() for fact in found.facts}
    assert used | {fact for facts in COMMANDS.values() for fact in facts} == set(FOLLOWS)


# A stage for one act: a company with an administrator and a user, of whom everything is there that can end.


@dataclass
class Stage:
    service: Service
    name: str
    company_id: UUID
    admin: Person
    operator: Person
    person: Person
    session: str = field(default="", repr=False)
    other: str = field(default="", repr=False)
    sign_in: str = field(default="", repr=False)
    break_glass: str = field(default="", repr=False)
    new_key: str = field(default="", repr=False)
    client_id: UUID | None = None

    def code(self) -> str:
        return self.service.code(self.person)

    def wrong_code(self) -> str:
        return self.service.wrong_code(self.person)

    def code_of_new_key(self) -> str:
        return self.service.code(Person("", self.person.user_id, self.company_id, key=self.new_key))

    async def done(self, method: str, path: str, token: str, body: Any = None) -> Any:
        reply = await self.service.call(method, path, token, body)
        assert reply.status < 300, (path, reply)
        return reply.json

    async def protected(self) -> None:
        """A factor that is on, two sessions, a sign-in, a key that waits in one of them, every kind of code."""
        person, service = self.person, self.service
        await service.enrol(person)
        self.session = await service.sign_in(person)
        pending, by = await service.pending(person), {"recovery_code": person.recovery_codes[0]}
        answer = await self.done("POST", "/v1/sign-ins/current/recovery-code", pending, by)
        self.other = answer["token"]
        service.clock.advance(seconds=30)
        started = await self.done("POST", "/v1/me/two-factor/enrolment", self.other, code(self))
        self.new_key = started["key"]
        service.clock.advance(seconds=30)
        await self.helped_out()
        self.sign_in = await service.pending(person)

    async def helped_out(self) -> None:
        """Given a break-glass code; so the administrator is fresh."""
        path = f"/v1/users/{self.person.user_id}/two-factor/break-glass"
        given = await self.done("POST", path, await self.service.sign_in(self.admin), REASON)
        self.break_glass = given["break_glass_code"]

    async def replacing(self) -> None:
        """The same, but the waiting key is that of the first session."""
        await self.protected()
        started = await self.done("POST", "/v1/me/two-factor/enrolment", self.session, code(self))
        self.new_key = started["key"]

    async def ordered(self) -> None:
        """No factor, a session from before it was demanded, and a sign-in that shows a key."""
        self.session = self.other = await self.service.sign_in(self.person)
        console = self.service.parts.console
        await console.order_enrolment(await console.find_user(self.person.login), "wanted")
        self.sign_in = await self.service.pending(self.person)
        shown = await self.done("POST", "/v1/sign-ins/current/enrolment", self.sign_in)
        self.new_key = shown["key"]

    async def failed(self, count: int) -> None:
        """So many wrong codes in a row, each when it counts."""
        await self.protected()
        for _ in range(count):
            state = await self.user()
            until = state.state.ladder.until
            if until is not None:
                self.service.clock.advance(seconds=(until - self.service.clock.now()).total_seconds() + 1)
            self.sign_in = await self.service.pending(self.person)
            wrong = await self.service.give(self.sign_in, self.wrong_code())
            assert wrong.code == "invalid_code"
        until = (await self.user()).state.ladder.until
        if until is not None:
            self.service.clock.advance(seconds=(until - self.service.clock.now()).total_seconds() + 1)
        self.sign_in = await self.service.pending(self.person)

    async def with_a_due_password(self) -> None:
        await self.protected()
        await self.service.parts.console.change_policy(self.company_id, Policy(password_max_age_days=1))
        self.service.clock.advance(days=1)
        given = await self.service.give(await self.service.pending(self.person), self.code())
        assert given.json["status"] == "password_expired"
        self.sign_in = given.json["token"]

    async def with_wrong_passwords(self, count: int) -> None:
        """In the only session, which has the waiting key."""
        await self.replacing()
        await self.done("DELETE", "/v1/me/sessions", self.session)
        body = {"old_password": "wrong", "new_password": NEW_PASSWORD}
        for _ in range(count):
            assert (await self.service.call("POST", "/v1/me/password", self.session, body)).status == 401

    async def deactivated(self) -> None:
        await self.protected()
        path = f"/v1/users/{self.person.user_id}/deactivate"
        await self.done("POST", path, await self.service.fresh_sign_in(self.admin), REASON)

    async def suspended(self) -> None:
        await self.protected()
        await self.service.parts.console.suspend(self.company_id)

    async def in_another_role(self) -> None:
        path = f"/v1/users/{self.person.user_id}"
        await self.done("PATCH", path, await self.service.fresh_sign_in(self.admin), {"role": "user"})
        await self.protected()

    async def user(self) -> StoredUser:
        found = await self.service.parts.store.user(self.company_id, self.person.user_id)
        assert found is not None
        return found

    async def credentials(self) -> set[tuple[Kind, UUID]]:
        """All of the user's, and of the company's program."""
        rows = await self.service.parts.pool.fetch(
            "SELECT kind, id FROM credential WHERE company_id = $1 AND user_id = ANY ($2)",
            self.company_id,
            [self.person.user_id, self.client_id],
        )
        return {(Kind(row["kind"]), row["id"]) for row in rows}

    async def head(self) -> int:
        found = await self.service.parts.pool.fetchval(
            "SELECT position FROM company_log WHERE company_id = $1", self.company_id
        )
        return int(found)

    async def left(self, position: int) -> list[tuple[str, str]]:
        """(fact, the letters of its effects) behind a position, but for those that change nothing of the kind."""
        rows = await self.service.parts.pool.fetch(
            "SELECT position, kind FROM effect WHERE company_id = $1 AND position > $2", self.company_id, position
        )
        letters = {name: letter for letter, name in EFFECTS.items()}
        events = [event for event in await self.service.events(self.company_id) if event["position"] > position]
        found = [
            (label(event), {letters[row["kind"]] for row in rows if row["position"] == event["position"]})
            for event in events
        ]
        return [(name, in_order(effects)) for name, effects in found if effects or name not in NO_CHANGE]


def in_order(effects: Iterable[str]) -> str:
    return "".join(sorted(effects, key=list(EFFECTS).index))


async def stage_of(service: Service, operator: Person, name: str) -> Stage:
    company = await service.company(f"Company {name}")
    await make_role(service, company, "clerk", {"own_security": "full"})
    admin = await service.person(company, f"admin.{name}", "administrator", on=True, email="a@acme.example")
    person = await service.person(company, f"tom.{name}", "clerk", email=f"tom{name}@acme.example")
    stage = Stage(service, name, company, admin, operator, person)
    made = await stage.done(
        "POST", "/v1/api-clients", await service.sign_in(admin), {"name": "portal", "scopes": ["users.read"]}
    )
    stage.client_id = UUID(made["id"])
    service.clock.advance(seconds=60)
    return stage


async def perform(stage: Stage, route: str, found: Way) -> Reply:
    """The call, by whoever makes it: the user, the administrator, or the provider's operator."""
    method, template = route.split(" ")
    service = stage.service
    if template.startswith("/v1/sign-ins"):
        token = stage.sign_in
    elif template.startswith("/v1/me"):
        token = stage.session
    elif template.startswith("/v1/companies"):
        token = await service.fresh_sign_in(stage.operator)
    else:
        token = await service.fresh_sign_in(stage.admin)
    held = await service.parts.application.authentication.held(stage.other)
    path = template.format(
        company_id=stage.company_id,
        user_id=stage.person.user_id,
        session_id=held.credential.id if held is not None else UUID(int=0),
        client_id=stage.client_id,
        role_id="clerk",
    )
    return await service.call(method, path, token, found.body(stage))


def ends_of(facts: Iterable[str]) -> frozenset[Kind]:
    return NONE.union(*(FOLLOWS[name].ends for name in facts))


async def deviations(stage: Stage, route: str, found: Way) -> list[Any]:
    """What is not as the table says; empty when all is."""
    await found.before(stage)
    before, head = await stage.credentials(), await stage.head()
    kept = await stage.service.parts.application.authentication.held(stage.session) if found.stays else None
    reply = await perform(stage, route, found)
    if route == "POST /v1/companies":
        stage.company_id, head, before = UUID(reply.json["id"]), 0, set()
    facts = await stage.left(head)
    wanted = [(name, in_order(FOLLOWS[name].effects)) for name in found.facts]
    gone = before - await stage.credentials()
    ended = {kind for kind, _ in before if kind in {k for k, _ in gone}}
    ends = ends_of(found.facts) & {kind for kind, _ in before}
    # Of what ends all is gone, but the session that goes on and codes and sign-ins that are spent one by one.
    left = {(kind, i) for kind, i in before - gone if kind in ends}
    allowed = {(Kind.SESSION, kept.credential.id)} if kept is not None else set()
    spent = {Kind.RECOVERY_CODE} if "RecoveryCodeUsed" in found.facts else set()
    spent |= {Kind.SIGN_IN} if route.startswith("POST /v1/sign-ins/current") else set()
    wrong: list[tuple[Any, ...]] = []
    if facts != wanted:
        wrong.append(("facts", facts, wanted, reply.code))
    if not ends <= ended or ended - ends - spent:
        wrong.append(("ends", sorted(ended), sorted(ends)))
    if left - allowed or not allowed <= before - gone:
        wrong.append(("left", left, allowed))
    return [(route, *one) for one in wrong]


GROUPS: Final = {
    "signing in": SIGNING_IN,
    "the own account": MINE,
    "users": OF_USERS,
    "the company": OF_THE_OWN_COMPANY,
    "the provider": BY_THE_PROVIDER,
}


@pytest.mark.parametrize("group", GROUPS)
async def test_the_same_follows_by_whatever_way(service: Service, group: str) -> None:
    provider = await service.company("Anbieter", provider=True)
    operator = await service.person(provider, "otto.provider", "operator", on=True, email="o@prov.example")
    wrong, number = [], 0
    for route, variants in GROUPS[group].items():
        for variant, found in variants.items():
            number += 1
            stage = await stage_of(service, operator, f"{number}")
            wrong += [(variant, *one) for one in await deviations(stage, route, found)]
    assert wrong == []
    worker = Worker(service.parts, Path(service.parts.settings.data_dir))
    while await worker.drain():
        pass
    rows = await service.parts.pool.fetch(
        "SELECT e.kind, v.type, e.last_error FROM effect AS e JOIN event AS v USING (company_id, position)"
        " LEFT JOIN user_state AS u USING (company_id, stream_id)"
        " WHERE e.done_at IS NULL AND (u.listed).gone IS DISTINCT FROM true"  # nobody writes to the erased
    )
    assert [tuple(row) for row in rows] == []


ON_THE_COMMAND_LINE: Final[dict[str, Way]] = {
    "users create": way("UserCreated", body=lambda stage: [f"cli.{stage.name}", "--company", str(stage.company_id)]),
    "users reset": way("KeyReset", body=lambda stage: [stage.person.login, "--reason", "lost the phone"]),
    "users unlock": way(
        "TwoFactorUnlocked", before=lambda stage: stage.failed(1), body=lambda stage: [stage.person.login]
    ),
}


@pytest.mark.parametrize("words", ON_THE_COMMAND_LINE)
async def test_the_same_follows_on_the_command_line(service: Service, words: str) -> None:
    found = ON_THE_COMMAND_LINE[words]
    assert found.facts == COMMANDS[words]
    stage = await stage_of(service, await nobody(service), "cli")
    await found.before(stage)
    before, head = await stage.credentials(), await stage.head()
    said = await asyncio.to_thread(
        command,
        *words.split(" "),
        *found.body(stage),
        "--data-dir",
        service.parts.settings.data_dir,
        env=environment(FACTORLOG_DATABASE_URL=service.database.app_url),
    )
    assert said.code == 0, said
    assert await stage.left(head) == [(name, FOLLOWS[name].effects) for name in found.facts]
    ended = {kind for kind, _ in before - await stage.credentials()}
    assert ended == ends_of(found.facts)


async def nobody(service: Service) -> Person:
    """No operator: nothing is done by one."""
    return Person("nobody", UUID(int=0), UUID(int=0))


async def test_the_same_follows_when_a_last_day_goes_by(service: Service) -> None:
    stage = await stage_of(service, await nobody(service), "1")
    until = (service.clock.now() + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    path = f"/v1/users/{stage.person.user_id}"
    await stage.done("PATCH", path, await service.fresh_sign_in(stage.admin), {"expiration_date": until})
    await stage.protected()
    parts = service.parts
    expiry = Expiry(parts.pool, parts.store, parts.application.executor, parts.clock)
    assert await expiry.expire() == 0
    before, head = await stage.credentials(), await stage.head()
    service.clock.advance(hours=1)

    assert await expiry.expire() == 1
    assert await expiry.expire() == 0

    assert await stage.left(head) == [("UserExpired", FOLLOWS["UserExpired"].effects)]
    assert {kind for kind, _ in before - await stage.credentials()} == FOLLOWS["UserExpired"].ends
    assert (await service.start(stage.person)).code == "invalid_credentials"


@pytest.mark.parametrize("fact", ["CompanySuspended", "RoleChanged"])
async def test_what_ends_for_everybody_reaches_each_ones_own_history(service: Service, fact: str) -> None:
    provider = await service.company("Anbieter", provider=True)
    operator = await service.person(provider, "otto.provider", "operator", on=True, email="o@prov.example")
    stage = await stage_of(service, operator, "1")
    await stage.protected()
    head = await stage.head()
    route = {"CompanySuspended": "POST /v1/companies/{company_id}/suspend", "RoleChanged": "PATCH /v1/roles/{role_id}"}
    reply = await perform(stage, route[fact], BY_PEOPLE[route[fact]][""])
    assert reply.status == 200, reply
    worker = Worker(service.parts, Path(service.parts.settings.data_dir))
    while await worker.drain():
        pass

    # Of the role it is one user; the administrator, who has another, is in no session that ended.
    users = {str(stage.person.user_id)} | ({str(stage.admin.user_id)} if fact == "CompanySuspended" else set())
    name = "SessionsEnded by administrator"
    left = [one for one in await stage.left(head) if one[0] in FOLLOWS]
    assert left == [(fact, FOLLOWS[fact].effects)] + [(name, FOLLOWS[name].effects)] * len(users)
    events = await service.events(stage.company_id)
    cause = next(event for event in events if event["type"] == fact)
    told = [event for event in events if event["type"] == "SessionsEnded"]
    assert {event["stream_id"] for event in told} == users
    assert {event["causation_id"] for event in told} == {cause["id"]}
    of_tom = next(event for event in told if event["stream_id"] == str(stage.person.user_id))
    assert len(of_tom["data"]["sessions_ended"]) == 2
    assert (await stage.user()).state.sessions == ()
    assert {event["data"]["user_id"] for event in events if event["type"] == "SessionsRevoked"} >= users
    assert str(stage.person.user_id) in {
        event["data"]["user_id"]
        for event in events
        if event["type"] == "NotificationSent" and event["data"]["cause"] == "SessionsEnded"
    }


async def test_the_same_follows_when_a_key_is_brought_along(service: Service) -> None:
    """`factorlog users import` makes accounts with this wish; what it takes and refuses is tested beside it."""
    stage, parts = await stage_of(service, await nobody(service), "1"), service.parts
    user, key, key_id = await stage.user(), parts.entropy.bytes(20), parts.entropy.uuid()
    now = parts.clock.now()
    sealed = parts.vault.seal_key(
        key, await parts.vault.person_key(user.person_key), user.company_id, user.user_id, Kind.KEY, 1
    )
    row = Credential(id=key_id, user_id=user.user_id, kind=Kind.KEY, secret=sealed, last_step=time_step(now))
    wish = commands.ImportKey(now=now, key_id=key_id, time_step=time_step(now))
    metadata = metadata_of(Request(id="import", arrived_at=now), SYSTEM)

    async def form(user: StoredUser) -> Formed:
        return Formed(command=wish, acting=Acting(metadata=metadata), credentials=lambda events: (row,))

    head = await stage.head()
    await parts.application.executor.run(user, stage.user, form)

    assert await stage.left(head) == [("TwoFactorImported", FOLLOWS["TwoFactorImported"].effects)]
    stage.person.key = key_text(key)
    for minutes, status in ((0, 401), (1, 200)):
        service.clock.advance(minutes=minutes)
        given = await service.give(await service.pending(stage.person), stage.code())
        assert given.status == status
