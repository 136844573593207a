"""The seven doors that take a one-time password, and the two that take a recovery code, behind one face."""

from dataclasses import dataclass, field
from typing import Any, Final

from events.user.events import Door
from tests.support.service import Person, Reply, Service

DOORS: Final = tuple(Door)
PATHS: Final = {
    Door.SIGN_IN: "/v1/sign-ins/current/code",
    Door.CONFIRM: "/v1/me/two-factor/enrolment/confirmation",
    Door.REPLACE: "/v1/me/two-factor/enrolment",
    Door.RESET: "/v1/me/two-factor/reset",
    Door.DISABLE: "/v1/me/two-factor/disable",
    Door.STEP_UP: "/v1/me/step-up",
    Door.RECOVERY_CODES: "/v1/me/two-factor/recovery-codes",
}
STEP: Final = 30  # seconds


@dataclass
class Visitor:
    """A person whose second factor is on, with a session, who gives codes at any door."""

    service: Service
    person: Person
    session: str = field(repr=False)

    async def give(self, door: Door, code: object, *, at: Service | None = None, token: str | None = None) -> Reply:
        """The code at that door, in a new sign-in where the door is the sign-in's; `at`: by another process."""
        return await self.post(door, {"code": code}, at=at, token=token)

    async def post(self, door: Door, body: Any, *, at: Service | None = None, token: str | None = None) -> Reply:
        """Any body at that door."""
        service = at or self.service
        if token is None:
            token = await service.pending(self.person) if door is Door.SIGN_IN else self.session
        reply = await service.call("POST", PATHS[door], token, body)
        if door is Door.STEP_UP and reply.status == 200:
            self.session = reply.json["token"]
        return reply

    async def give_recovery_code(self, door: Door, code: str) -> Reply:
        """At the sign-in, or at the reset."""
        if door is Door.SIGN_IN:
            token = await self.service.pending(self.person)
            path = "/v1/sign-ins/current/recovery-code"
            return await self.service.call("POST", path, token, {"recovery_code": code})
        return await self.service.call("POST", PATHS[door], self.session, {"recovery_code": code})

    async def start_replacement(self, steps: int = 0) -> str:
        """The key that waits for its confirmation."""
        started = await self.give(Door.REPLACE, self.service.code(self.person, steps))
        assert started.status == 201, started
        return str(started.json["key"])

    async def pass_through(self, door: Door) -> str:
        """Give a right code there; the code, now spent. The one of a confirmation is of the new key."""
        if door is Door.CONFIRM:
            key = await self.start_replacement()
            self.service.clock.advance(seconds=STEP)
            self.person.key = key
        code = self.service.code(self.person)
        reply = await self.give(door, code)
        assert reply.status in (200, 201, 204), reply
        return code

    async def fail(self, door: Door) -> Reply:
        """A wrong code there."""
        reply = await self.give(door, self.service.wrong_code(self.person))
        assert (reply.status, reply.code) == (401, "invalid_code"), reply
        return reply


async def visitor(service: Service, person: Person) -> Visitor:
    """Signed in, with the code of that sign-in gone by."""
    session = await service.sign_in(person)
    service.clock.advance(seconds=STEP)
    return Visitor(service, person, session)


async def new_visitor(service: Service, company: Any, login: str, role: str = "user") -> Visitor:
    return await visitor(service, await service.person(company, login, role, on=True))
